import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '#base';
import { Pod, PodDisruptionBudget, type V1Pod, type V1PodDisruptionBudget, type V1PodDisruptionBudgetStatus } from '#kinds';
import { isApiError, sharedSelectorMatcher, type KubeObject, type OwnerReference } from '#machinery';
import { keyFor, ownKey, splitKey, type Controller, type ControllerContext, type Reconcile } from '../controller.ts';
import { controllerOf } from '../ownership.ts';
import { isPodReady, isTerminating } from '../pods.ts';
import { budgetStatus, needsScales, untilTimeout, type Scales } from './plan.ts';

/** Says in the status of each PodDisruptionBudget how many of its pods may be evicted now. */
export const disruptionController: Controller = { name: 'disruption', component: 'controllermanager', setup };

function setup(context: ControllerContext): Reconcile {
  const budgets = context.watch(PodDisruptionBudget, ownKey);
  const pods = context.watch(Pod, (pod, old) => (pod && old && !matters(pod, old) ? [] : [...new Set([...guarding(pod), ...guarding(old)])]));
  // A controller that is scaled moves what is expected of its pods.
  context.watchAll(
    (kind) => kind.scale !== undefined,
    (_kind, object, old) =>
      object && old && object.metadata?.generation !== old.metadata?.generation ? budgets.list(object.metadata?.namespace).filter(needsScales).map(keyFor) : [],
  );

  function guarding(pod: V1Pod | undefined): string[] {
    if (!pod) return [];
    return budgets
      .list(pod.metadata?.namespace)
      .filter((budget) => matches(budget, pod))
      .map(keyFor);
  }

  return async (key) => {
    const { namespace, name } = splitKey(key);
    const budget = budgets.get(namespace, name);
    if (!budget || isTerminating(budget)) return;
    const guarded = pods.list(namespace).filter((pod) => matches(budget, pod));
    if (guarded.length === 0) context.recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    const scales = needsScales(budget) ? await scalesOf(context, guarded) : { replicas: 0 };
    if (scales.failure !== undefined) context.recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', scales.failure);
    const now = context.clock.now();
    const status = budgetStatus(budget, guarded, scales, now);
    await write(context, budget, status);
    return untilTimeout(status, now);
  };
}

const matches = (budget: V1PodDisruptionBudget, pod: V1Pod): boolean =>
  budget.spec?.selector !== undefined && sharedSelectorMatcher(budget.spec.selector)(pod.metadata?.labels);
function matters(pod: V1Pod, old: V1Pod): boolean {
  return (
    isPodReady(pod) !== isPodReady(old) ||
    isTerminating(pod) !== isTerminating(old) ||
    pod.metadata?.labels !== old.metadata?.labels ||
    pod.metadata?.ownerReferences !== old.metadata?.ownerReferences
  );
}

/** What the controllers of the pods ask for, all together. Pods without a controller are counted by no scale. */
async function scalesOf(context: ControllerContext, pods: readonly V1Pod[]): Promise<Scales> {
  const owners = new Map<string, { ref: OwnerReference; namespace: string | undefined }>();
  for (const pod of pods) {
    const ref = controllerOf(pod);
    if (ref) owners.set(ref.uid, { ref, namespace: pod.metadata?.namespace });
  }
  const found = new Map<string, number>();
  for (const { ref, namespace } of owners.values()) {
    const scale = await scaleOf(context, namespace, ref);
    if (typeof scale === 'string') return { replicas: 0, failure: scale };
    if (scale) found.set(scale.uid, scale.replicas);
  }
  return { replicas: [...found.values()].reduce((sum, replicas) => sum + replicas, 0) };
}
/** The topmost scale above a pod: a ReplicaSet is scaled by its Deployment. A text when there is none, undefined when the owner is gone. */
async function scaleOf(
  context: ControllerContext,
  namespace: string | undefined,
  ref: OwnerReference,
): Promise<{ uid: string; replicas: number } | string | undefined> {
  const group = ref.apiVersion.includes('/') ? ref.apiVersion.slice(0, ref.apiVersion.indexOf('/')) : '';
  const kind = context.client.kinds.resources().find((one) => one.group === group && one.kind === ref.kind);
  if (!kind?.scale) return `${ref.kind.toLowerCase()}s.${group} does not implement the scale subresource`;
  let owner: KubeObject;
  try {
    owner = await context.api.get(kind, { namespace, name: ref.name });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
  if (owner.metadata?.uid !== ref.uid) return undefined;
  const above = controllerOf(owner);
  if (above) {
    const higher = await scaleOf(context, namespace, above);
    if (higher && typeof higher !== 'string') return higher;
  }
  let value: unknown = owner;
  for (const step of kind.scale.specReplicas) value = (value as Record<string, unknown> | undefined)?.[step];
  return { uid: ref.uid, replicas: typeof value === 'number' ? value : 1 };
}

async function write(context: ControllerContext, budget: V1PodDisruptionBudget, status: V1PodDisruptionBudgetStatus): Promise<void> {
  const before = budget.status?.conditions?.find((condition) => condition.type === 'DisruptionAllowed');
  const now = formatTime(context.clock.now());
  const others = (budget.status?.conditions ?? []).filter((condition) => condition.type !== 'DisruptionAllowed');
  const next = (status.conditions ?? []).map((condition) => ({
    ...condition,
    lastTransitionTime: before?.status === condition.status ? before.lastTransitionTime : now,
  }));
  const wanted = { ...status, conditions: [...others, ...next] };
  if (same(wanted, budget.status)) return;
  await context.api.update(PodDisruptionBudget, { ...budget, status: wanted }, { subresource: 'status' });
}
/** Member by member: an absent one equals undefined. */
function same(a: V1PodDisruptionBudgetStatus, b: V1PodDisruptionBudgetStatus = {}): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof V1PodDisruptionBudgetStatus>;
  return [...keys].every((key) => isDeepStrictEqual(a[key], b[key]));
}
