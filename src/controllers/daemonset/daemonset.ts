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
import { Memory, type Followed } from './views.ts';
import { DaemonPodWriter } from './writer.ts';

/** Keeps a pod on every node that it is meant for. */
export const daemonSetController: Controller = { name: 'daemonset', component: 'daemonset-controller', setup };

function setup(context: ControllerContext): Reconcile {
  /** What was seen of each set, by its uid. */
  const memories = new Map<string, Memory>();
  const sets = context.watch(DaemonSet, (set, old) => {
    if (!set) memories.delete(old?.metadata?.uid ?? '');
    return ownKey(set, old);
  });
  const ownersOf = ownerKeys(sets, (set) => set.spec?.selector);
  const nodes = context.watch(Node, (node, old) => setsTouchedBy(node, old));
  const pods = context.watch(Pod, (pod, old) => {
    remember(pod, old);
    return pod && old && !concernsOwner(pod, old) && pod.spec?.nodeName === old.spec?.nodeName ? [] : [...new Set([...ownersOf(pod), ...ownersOf(old)])];
  });
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
    for (const memory of memories.values()) memory.nodesChanged();
    const meaning = (set: V1DaemonSet, one: V1Node | undefined): string => {
      const { run, stay } = one ? placementOf(set)(one) : { run: false, stay: false };
      return `${run} ${stay}`;
    };
    return sets
      .list()
      .filter((set) => meaning(set, node) !== meaning(set, old))
      .map(keyFor);
  }
  function remember(pod: V1Pod | undefined, old: V1Pod | undefined): void {
    const owner = pod && controllerOf(pod)?.uid;
    const before = old && controllerOf(old)?.uid;
    if (before !== undefined) memories.get(before)?.podChanged(owner === before ? pod : undefined, old);
    if (owner !== undefined && owner !== before) memories.get(owner)?.podChanged(pod, undefined);
  }
  function memoryOf(set: V1DaemonSet): Memory {
    const uid = set.metadata?.uid ?? '';
    let memory = memories.get(uid);
    if (!memory) memories.set(uid, (memory = new Memory()));
    return memory;
  }
  /** The set's pods as they will look when the cache has caught up. */
  const podsOf = (uid: string): V1Pod[] => pending.merge(uid, ownedPods(uid));
  /** Claims what belongs to the set. Where that is what it was, only what changed is looked at, and of a thousand pods no list is made. */
  async function claim(set: V1DaemonSet): Promise<V1Pod[] | Followed> {
    const uid = set.metadata?.uid ?? '';
    const orphans = orphanPods(set.metadata?.namespace ?? '');
    const memory = memoryOf(set);
    if (memory.claimedBy === set.spec?.selector && pending.caughtUp(uid)) {
      const some = planClaims(set, set.spec?.selector, [...memory.unclaimed, ...orphans]);
      memory.unclaimed.clear();
      if (some.adopt.length + some.release.length === 0) return 'followed';
    }
    memory.claimedBy = undefined;
    const claims = planClaims(set, set.spec?.selector, [...ownedPods(uid), ...orphans]);
    const owned = await applyClaims(context.api, DaemonSet, set, Pod, claims);
    for (const pod of owned) if (!claims.owned.includes(pod)) pending.wrote(uid, pod);
    return pending.merge(uid, owned);
  }
  /** The pods after a step. From now on their changes are told, where the cache has seen what was written and all of them fit. */
  function podsAfter(set: V1DaemonSet): Followed | V1Pod[] {
    const uid = set.metadata?.uid ?? '';
    const selector = set.spec?.selector;
    const memory = memoryOf(set);
    if (!pending.caughtUp(uid)) memory.claimedBy = undefined;
    else if (memory.claimedBy !== selector) {
      const all = ownedPods(uid);
      if (planClaims(set, selector, all).release.length === 0) memory.follow(all, selector);
    }
    return memory.claimedBy === undefined ? podsOf(uid) : 'followed';
  }
  const nodesFor = (set: V1DaemonSet): V1Node[] | Followed => (memoryOf(set).knowsNodes ? 'followed' : nodes.list());

  return async (key) => {
    const { namespace, name } = splitKey(key);
    const cached = sets.get(namespace, name);
    if (!cached || isTerminating(cached)) return;
    const uid = cached.metadata?.uid ?? '';
    const present = pendingSelf.merge(uid, [cached])[0] ?? cached;
    if (selectsAll(present)) return tellSelectsAll(context, present);
    const owned = await claim(present);
    const { current, old, collisionCount } = await resolveHistory(context.api, history, present, () => podsOf(uid));
    const set = collisionCount === (present.status?.collisionCount ?? 0) ? present : withCollisions(present, collisionCount);
    const state = { set, pods: owned, nodes: nodesFor(set), memory: memoryOf(set), hash: hashOf(current), now: context.clock.now() };
    const plan = planDaemonSet(state, (node) => failures.wait(`${uid}/${node}`, state.now));
    for (const { pod, node } of plan.ended) if (pod.status?.phase === 'Failed') failures.count(`${uid}/${node}`, state.now);
    const result = await new DaemonPodWriter(context, set, state.hash, pending).apply(plan);
    const status = deriveStatus({ ...state, pods: podsAfter(set), nodes: nodesFor(set), now: context.clock.now() });
    const written = present.status && sameCounts(present.status, status) ? present : await writeStatus(context.api, DaemonSet, present, status);
    if (!written) return;
    pendingSelf.wrote(uid, written);
    if (result.error !== undefined) throw result.error;
    await truncateHistory(history, set, old, () => podsOf(uid));
    if (result.more) return 0;
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    const wait = minReadySeconds > 0 ? nextAvailable(podsOf(uid), minReadySeconds, context.clock.now()) : undefined;
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
