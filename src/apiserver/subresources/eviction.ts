import { formatTime } from '#base';
import {
  ApiError,
  badRequest,
  conflict,
  isApiError,
  sharedSelectorMatcher,
  notFound,
  type Kind,
  type KubeObject,
  type LabelSelector,
  type ObjectKey,
  type Status,
} from '#machinery';
import type { RequestContext, SubresourceHandler, SubresourceRequest, Writer } from '../types.ts';

interface DeleteOptions {
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}
interface Eviction extends KubeObject {
  deleteOptions?: DeleteOptions | null;
}
interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}
interface Pod extends KubeObject {
  status?: { phase?: string; conditions?: Condition[] };
}
interface Budget extends KubeObject {
  spec?: { selector?: LabelSelector; unhealthyPodEvictionPolicy?: string };
  status?: {
    observedGeneration?: number;
    disruptionsAllowed?: number;
    currentHealthy?: number;
    desiredHealthy?: number;
    disruptedPods?: { [pod: string]: string };
    conditions?: Condition[];
  };
}

const budgets = { group: 'policy', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget' };
/** More evictions than this that the budget's controller has not seen yet are too many. */
const mostDisrupted = 2000;
const mostTries = 20;
const violates = "Cannot evict pod as it would violate the pod's disruption budget.";
const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } satisfies Status as KubeObject;

/** pods/eviction (policy/v1, and the older v1beta1 body): a deletion that a disruption budget may refuse. */
export function podEviction(): SubresourceHandler {
  return {
    name: 'eviction',
    verbs: ['create'],
    handles: (kind) => kind.group === '' && kind.plural === 'pods',
    async handle(request) {
      const { body, key } = request;
      const { metadata, apiVersion, deleteOptions } = body as Eviction;
      if (apiVersion && !['policy/v1', 'policy/v1beta1'].includes(apiVersion))
        throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (policy/v1)`);
      if (metadata?.name && metadata.name !== key.name) throw badRequest('name in URL does not match name in Eviction object');
      const dryRun = request.context.dryRun || (deleteOptions?.dryRun ?? []).length > 0;
      await evict({ ...request, context: { ...request.context, dryRun } }, deleteOptions ?? {});
      return success;
    },
  };
}

async function evict(request: SubresourceRequest, options: DeleteOptions, tries = 1): Promise<void> {
  const { kind, key, writer } = request;
  const pod = writer.get(kind.group, kind.plural, key.namespace, key.name) as Pod | undefined;
  if (!pod) throw notFound(kind, key.name);
  checkPreconditions(kind, pod, options.preconditions);
  if (isUnguarded(pod)) {
    try {
      return await remove(request, isOver(pod) ? options : pinned(options, pod));
    } catch (error) {
      // It changed meanwhile, and a budget may count it now: look again.
      const again = isApiError(error, 'Conflict') && !options.preconditions?.resourceVersion && tries < mostTries;
      if (again) return evict(request, options, tries + 1);
      throw error;
    }
  }
  const found = budgetsOf(pod, writer);
  if (found.length > 1) throw new ApiError('', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const [budget] = found;
  if (!budget) return remove(request, options);
  if (isReady(pod) || !mayGoUnready(budget)) {
    await decrement(request, budget);
    return remove(request, options);
  }
  try {
    await remove(request, pinned(options, pod));
  } catch (error) {
    // It may have become ready meanwhile: the client is to ask again.
    if (isApiError(error, 'Conflict') && !options.preconditions?.resourceVersion) throw stillProcessing(budget);
    throw error;
  }
}

/** Nothing that it could become would count for a budget. */
const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';
/** Pods that no budget counts: not started yet, ended, or already going. */
function isUnguarded(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined || pod.status?.phase === 'Pending' || isOver(pod);
}
function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
}
/** Whether pods that are not ready may go without being counted. */
function mayGoUnready({ spec, status }: Budget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}
function budgetsOf({ metadata }: Pod, writer: Writer): Budget[] {
  if (Object.keys(metadata?.labels ?? {}).length === 0) return [];
  const all = writer.list(budgets.group, budgets.plural, metadata?.namespace) as readonly Budget[];
  return all.filter(({ spec }) => sharedSelectorMatcher(spec?.selector)(metadata?.labels));
}
/** As it is seen now, so that nobody else's write is missed. */
function pinned(options: DeleteOptions, { metadata }: Pod): DeleteOptions {
  if (options.preconditions?.resourceVersion) return options;
  return { ...options, preconditions: { ...options.preconditions, resourceVersion: metadata?.resourceVersion ?? '' } };
}

/** Takes one disruption from the budget. Throws TooManyRequests when there is none. */
async function decrement({ context, writer, key: pod }: SubresourceRequest, { metadata }: Budget): Promise<void> {
  const kind = writer.kindOf(budgets.group, budgets.plural) as Kind;
  const key = { namespace: metadata?.namespace, name: metadata?.name ?? '' };
  await writer.modifyRaw(kind, key, context, (current) => decremented(current, pod.name, writer.clock.now()));
}

function decremented(budget: Budget, pod: string, now: number): Budget {
  const status = budget.status ?? {};
  const { disruptionsAllowed: allowed = 0, disruptedPods = {} } = status;
  const name = budget.metadata?.name ?? '';
  if ((status.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) throw stillProcessing(budget);
  const refuse = (why: string): ApiError =>
    new ApiError('Forbidden', `poddisruptionbudgets.policy ${JSON.stringify(name)} is forbidden: ${why}`, { name, group: 'policy', kind: budgets.plural });
  if (allowed < 0) throw refuse('pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > mostDisrupted) throw refuse('DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (allowed === 0) throw tooMany(exhausted(budget));
  const next = { ...status, disruptionsAllowed: allowed - 1, disruptedPods: { ...disruptedPods, [pod]: formatTime(now) } };
  if (allowed === 1) next.conditions = withCondition(status.conditions, insufficient(budget), now);
  return { ...budget, metadata: { ...budget.metadata }, status: next };
}
const insufficient = (budget: Budget): Condition => ({
  type: 'DisruptionAllowed',
  status: 'False',
  reason: 'InsufficientPods',
  message: '',
  observedGeneration: budget.status?.observedGeneration ?? 0,
});
function exhausted({ metadata, status }: Budget): string {
  const failed = status?.conditions?.find(({ type, status: value, reason }) => type === 'DisruptionAllowed' && value === 'False' && reason === 'SyncFailed');
  if (failed) return `The disruption budget ${metadata?.name} does not allow evicting pods currently because it failed sync: ${failed.message ?? ''}`;
  return `The disruption budget ${metadata?.name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`;
}
function tooMany(message: string, retryAfterSeconds?: number): ApiError {
  const causes = [{ reason: 'DisruptionBudget', message }];
  return new ApiError('TooManyRequests', violates, { causes, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}
function stillProcessing(budget: Budget): ApiError {
  return tooMany(`The disruption budget ${budget.metadata?.name} is still being processed by the server.`, 10);
}

function withCondition(conditions: readonly Condition[] = [], wanted: Condition, now: number): Condition[] {
  const before = conditions.find(({ type }) => type === wanted.type);
  const since = before?.status === wanted.status && before.lastTransitionTime ? before.lastTransitionTime : formatTime(now);
  const set = { ...wanted, lastTransitionTime: since };
  return before ? conditions.map((condition) => (condition === before ? set : condition)) : [...conditions, set];
}

/** Marks the pod as disrupted, for those who ask why it failed, and deletes it. */
async function remove({ kind, key, context, writer }: SubresourceRequest, options: DeleteOptions): Promise<void> {
  const preconditions = context.dryRun ? options.preconditions : await mark(kind, key, context, writer, options.preconditions);
  const { gracePeriodSeconds } = options;
  await writer.remove(kind, key, context, { ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }), ...(preconditions ? { preconditions } : {}) });
}
async function mark(
  kind: Kind,
  key: ObjectKey,
  context: RequestContext,
  writer: Writer,
  preconditions: DeleteOptions['preconditions'],
): Promise<DeleteOptions['preconditions']> {
  const marked = await writer.modifyRaw(kind, key, context, (current: Pod) => {
    checkPreconditions(kind, current, preconditions);
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' };
    const conditions = withCondition(current.status?.conditions, condition, writer.clock.now());
    return { ...current, metadata: { ...current.metadata }, status: { ...current.status, conditions } } as KubeObject;
  });
  if (!preconditions?.resourceVersion) return preconditions;
  return { ...preconditions, resourceVersion: marked.metadata?.resourceVersion ?? '' };
}
function checkPreconditions(kind: Kind, { metadata }: KubeObject, preconditions: DeleteOptions['preconditions']): void {
  const name = metadata?.name ?? '';
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid && uid !== metadata?.uid) throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata?.uid}`);
  if (resourceVersion && resourceVersion !== metadata?.resourceVersion)
    throw conflict(
      kind,
      name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata?.resourceVersion}`,
    );
}
