import { ControllerRevision, DaemonSet, Node, Pod, type V1DaemonSet, type V1Node, type V1Pod } from '#kinds';
import { keyFor, ownKey, splitKey, type Controller, type ControllerContext, type Reconcile } from '../controller.ts';
import { Failures } from '../failures.ts';
import { applyClaims, controllerOf, ownerKeys, planClaims } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { concernsOwner, indexByController, indexOrphans, isTerminating, nextAvailable } from '../pods.ts';
import { revisionLabel, RevisionHistory } from '../revisions.ts';
import { sameCounts, writeStatus } from '../status.ts';
import { hashOf, resolveHistory, truncateHistory } from './history.ts';
import { placementOf } from './placement.ts';
import { planDaemonSet } from './plan.ts';
import { deriveStatus } from './status.ts';
import { forgetViews } from './views.ts';
import { DaemonPodWriter } from './writer.ts';

/** Keeps a pod on every node that it is meant for. */
export const daemonSetController: Controller = { name: 'daemonset', component: 'daemonset-controller', setup };

function setup(context: ControllerContext): Reconcile {
  const sets = context.watch(DaemonSet, (set, old) => {
    if (!set && old) forgetViews(old);
    return ownKey(set, old);
  });
  const ownersOf = ownerKeys(sets, (set) => set.spec?.selector);
  const nodes = context.watch(Node, (node, old) => setsTouchedBy(node, old));
  const pods = context.watch(Pod, (pod, old) =>
    pod && old && !concernsOwner(pod, old) && pod.spec?.nodeName === old.spec?.nodeName ? [] : [...new Set([...ownersOf(pod), ...ownersOf(old)])],
  );
  const revisions = context.watch(ControllerRevision, (object, old) => {
    const ref = controllerOf(object ?? old ?? {});
    return object === undefined && ref?.kind === 'DaemonSet' ? [`${old?.metadata?.namespace ?? ''}/${ref.name}`] : [];
  });
  const history = new RevisionHistory(context, revisions, DaemonSet, revisionLabel);
  const ownedPods = indexByController(pods);
  const orphanPods = indexOrphans(pods);
  const pending = new PendingWrites(pods);
  const pendingSelf = new PendingWrites(sets);
  const failures = new Failures();

  /** The sets for which the node became another: labels and taints decide, not its heartbeats. */
  function setsTouchedBy(node: V1Node | undefined, old: V1Node | undefined): string[] {
    if (node && old && sameMeaning(node, old)) return [];
    const meaning = (set: V1DaemonSet, one: V1Node | undefined): string => {
      const { run, stay } = one ? placementOf(set)(one) : { run: false, stay: false };
      return `${run} ${stay}`;
    };
    return sets
      .list()
      .filter((set) => meaning(set, node) !== meaning(set, old))
      .map(keyFor);
  }
  async function claim(set: V1DaemonSet): Promise<V1Pod[]> {
    const uid = set.metadata?.uid ?? '';
    const claims = planClaims(set, set.spec?.selector, [...ownedPods(uid), ...orphanPods(set.metadata?.namespace ?? '')]);
    const owned = await applyClaims(context.api, DaemonSet, set, Pod, claims);
    for (const pod of owned) if (!claims.owned.includes(pod)) pending.wrote(uid, pod);
    return pending.merge(uid, owned);
  }

  return async (key) => {
    const { namespace, name } = splitKey(key);
    const cached = sets.get(namespace, name);
    if (!cached || isTerminating(cached)) return;
    const uid = cached.metadata?.uid ?? '';
    const present = pendingSelf.merge(uid, [cached])[0] ?? cached;
    if (selectsAll(present)) return tellSelectsAll(context, present);
    const owned = await claim(present);
    const { current, old, collisionCount } = await resolveHistory(context.api, history, present, owned);
    const set = collisionCount === (present.status?.collisionCount ?? 0) ? present : withCollisions(present, collisionCount);
    const state = { set, pods: owned, nodes: nodes.list(), hash: hashOf(current), now: context.clock.now() };
    const plan = planDaemonSet(state, (node) => failures.wait(`${uid}/${node}`, state.now));
    for (const { pod, node } of plan.ended) if (pod.status?.phase === 'Failed') failures.count(`${uid}/${node}`, state.now);
    const result = await new DaemonPodWriter(context, set, state.hash, pending).apply(plan);
    const after = pending.merge(uid, ownedPods(uid));
    const status = deriveStatus({ ...state, pods: after, now: context.clock.now() });
    const written = present.status && sameCounts(present.status, status) ? present : await writeStatus(context.api, DaemonSet, present, status);
    if (!written) return;
    pendingSelf.wrote(uid, written);
    if (result.error !== undefined) throw result.error;
    await truncateHistory(history, set, old, after);
    if (result.more) return 0;
    const wait = nextAvailable(after, set.spec?.minReadySeconds ?? 0, context.clock.now());
    const waits = [plan.requeueAfterMs, wait].filter((ms) => ms !== undefined);
    return waits.length > 0 ? Math.min(...waits) : undefined;
  };
}

const sameMeaning = (a: V1Node, b: V1Node): boolean =>
  (a.metadata?.labels === b.metadata?.labels || JSON.stringify(a.metadata?.labels) === JSON.stringify(b.metadata?.labels)) &&
  JSON.stringify(a.spec?.taints) === JSON.stringify(b.spec?.taints);
const selectsAll = ({ spec }: V1DaemonSet): boolean =>
  Object.keys(spec?.selector.matchLabels ?? {}).length === 0 && (spec?.selector.matchExpressions ?? []).length === 0;
function tellSelectsAll(context: ControllerContext, set: V1DaemonSet): void {
  context.recorder.event(set, 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.');
}
function withCollisions(set: V1DaemonSet, collisionCount: number): V1DaemonSet {
  const empty = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
  return { ...set, status: { ...(set.status ?? empty), collisionCount } };
}
