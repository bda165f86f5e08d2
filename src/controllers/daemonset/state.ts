import type { V1DaemonSet, V1Node, V1Pod } from '#kinds';
import { isPodAvailable, isPodTerminal, isTerminating } from '../pods.ts';
import { compareText } from '../revisions.ts';
import { scaledCount } from '../scaled.ts';
import { isUpdated } from './identity.ts';
import { nodeOf, placementOf, type Placement } from './placement.ts';

export interface DaemonSetState {
  readonly set: V1DaemonSet;
  /** All that the set owns. */
  readonly pods: readonly V1Pod[];
  readonly nodes: readonly V1Node[];
  /** Label of the pods of the present template. */
  readonly hash: string;
  readonly now: number;
}

/** A node, what it means to the set, and the set's pods on it or meant for it, oldest first. */
export interface NodeView {
  readonly name: string;
  readonly placement: Placement;
  readonly pods: readonly V1Pod[];
}

/** What was seen last: plan and status of one step look at the same pods and nodes, unless the plan changed them. */
let last: { pods: readonly V1Pod[]; nodes: readonly V1Node[]; place: unknown; seen: NodeViews } | undefined;
const same = (a: readonly unknown[], b: readonly unknown[]): boolean => a === b || (a.length === b.length && a.every((one, i) => one === b[i]));

interface NodeViews {
  readonly views: readonly NodeView[];
  readonly homeless: readonly V1Pod[];
}
export function viewNodes(state: Pick<DaemonSetState, 'set' | 'pods' | 'nodes'>): NodeViews {
  const place = placementOf(state.set);
  if (last?.place === place && same(last.nodes, state.nodes) && same(last.pods, state.pods)) return last.seen;
  const seen = lookAt(state);
  last = { pods: state.pods, nodes: state.nodes, place, seen };
  return seen;
}
/** Pods that have ended and are being deleted are as good as gone. */
function lookAt({ set, pods, nodes }: Pick<DaemonSetState, 'set' | 'pods' | 'nodes'>): NodeViews {
  const byNode = new Map<string, V1Pod[]>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    if (node === undefined || (isTerminating(pod) && isPodTerminal(pod))) continue;
    const list = byNode.get(node);
    if (list) list.push(pod);
    else byNode.set(node, [pod]);
  }
  const placement = placementOf(set);
  const views = nodes.map((node): NodeView => {
    const name = node.metadata?.name ?? '';
    const present = byNode.get(name) ?? [];
    byNode.delete(name);
    return { name, placement: placement(node), pods: present.length > 1 ? present.sort(oldestFirst) : present };
  });
  // Nobody else removes pods that wait for a node that is gone.
  const homeless = [...byNode.values()].flat().filter((pod) => !pod.spec?.nodeName && !isTerminating(pod));
  return { views, homeless };
}
/** Those that have a node come first; of equals the older. */
function oldestFirst(a: V1Pod, b: V1Pod): number {
  return (
    Number(Boolean(b.spec?.nodeName)) - Number(Boolean(a.spec?.nodeName)) ||
    compareText(created(a), created(b)) ||
    compareText(a.metadata?.name, b.metadata?.name)
  );
}
const created = (pod: V1Pod): string => pod.metadata?.creationTimestamp ?? '';

export const isAvailable = ({ set, now }: DaemonSetState, pod: V1Pod): boolean => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now);

/** The pod of the present template and the one of another; undefined when there are several of one sort. */
export function pairOn({ set, hash }: DaemonSetState, view: NodeView): { fresh: V1Pod | undefined; old: V1Pod | undefined } | undefined {
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
