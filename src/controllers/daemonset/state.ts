import type { V1DaemonSet, V1Node, V1Pod } from '#kinds';
import { isPodActive, isPodAvailable, isPodReady, isTerminating } from '../pods.ts';
import { scaledCount } from '../scaled.ts';
import { isUpdated, templateGeneration } from './identity.ts';
import type { Placement } from './placement.ts';
import type { Followed, Memory } from './views.ts';

export interface DaemonSetState {
  readonly set: V1DaemonSet;
  /** All that the set owns. */
  readonly pods: readonly V1Pod[] | Followed;
  readonly nodes: readonly V1Node[] | Followed;
  /** What was seen at the step before; pods and nodes may be 'followed' then. */
  readonly memory?: Memory;
  /** Label of the pods of the present template. */
  readonly hash: string;
  readonly now: number;
}

/** A node, what it means to the set, and the set's pods on it or meant for it, oldest first. Another one as soon as any of that changes. */
export interface NodeView {
  readonly name: string;
  readonly placement: Placement;
  readonly pods: readonly V1Pod[];
  /** What `standingOn` made of it. */
  standing?: Standing;
}

export const isAvailable = ({ set, now }: DaemonSetState, pod: V1Pod): boolean => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now);

/** What a view comes to under the present template. */
export interface Standing {
  readonly hash: string;
  readonly generation: string | undefined;
  /** Nothing is missing on the node and nothing is too much. */
  readonly settled: boolean;
  /** The pod of the present template and the one of another; undefined when there are several of one sort. */
  readonly pair: Pair | undefined;
  readonly freshAvailable: boolean;
  readonly oldAvailable: boolean;
  /** Of the first pod. */
  readonly ready: boolean;
  readonly available: boolean;
  readonly updated: boolean;
}
interface Pair {
  readonly fresh: V1Pod | undefined;
  readonly old: V1Pod | undefined;
}

/** Remembered as long as nothing but the pods and the template decides: availability that takes time is looked at each time. */
export function standingOn(state: DaemonSetState, view: NodeView): Standing {
  const generation = templateGeneration(state.set);
  const known = view.standing;
  if (known && known.hash === state.hash && known.generation === generation && !state.set.spec?.minReadySeconds) return known;
  return (view.standing = standing(state, view, generation));
}
function standing(state: DaemonSetState, view: NodeView, generation: string | undefined): Standing {
  const [first, ...others] = view.pods;
  const pair = pairOn(state, view);
  const { fresh, old } = pair ?? {};
  return {
    hash: state.hash,
    generation,
    settled: first ? others.length === 0 && view.placement.stay && isPodActive(first) : !view.placement.run,
    pair,
    freshAvailable: fresh !== undefined && isAvailable(state, fresh),
    oldAvailable: old !== undefined && isAvailable(state, old),
    ready: first !== undefined && isPodReady(first),
    available: first !== undefined && isAvailable(state, first),
    updated: first !== undefined && isUpdated(state.set, state.hash, first),
  };
}
function pairOn({ set, hash }: DaemonSetState, view: NodeView): Pair | undefined {
  let fresh: V1Pod | undefined;
  let old: V1Pod | undefined;
  for (const pod of view.pods) {
    if (isTerminating(pod)) continue;
    const updated = isUpdated(set, hash, pod);
    if (updated ? fresh : old) return undefined;
    if (updated) fresh = pod;
    else old = pod;
  }
  return { fresh, old };
}

/** How many may be down, and how many may be doubled, while pods are replaced. Percentages are rounded up; both zero would stand still. */
export function limits(set: V1DaemonSet, wanted: number): { unavailable: number; surge: number } {
  const rolling = set.spec?.updateStrategy?.rollingUpdate;
  const unavailable = scaledCount(rolling?.maxUnavailable ?? 1, wanted, Math.ceil);
  const surge = scaledCount(rolling?.maxSurge, wanted, Math.ceil);
  return { unavailable: unavailable === 0 && surge === 0 ? 1 : unavailable, surge };
}
export const allowsSurge = (set: V1DaemonSet): boolean =>
  set.spec?.updateStrategy?.type === 'RollingUpdate' && scaledCount(set.spec.updateStrategy.rollingUpdate?.maxSurge, 1, Math.ceil) > 0;
