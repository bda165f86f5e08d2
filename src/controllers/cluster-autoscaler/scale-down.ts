/** Which nodes nobody needs. Pure but for the cluster in thought, in which the pods of those nodes have moved. */
import { isReady, nodeGroupLabel, type NodeGroup, type V1Node, type V1Pod, type V1PodDisruptionBudget } from '#kinds';
import { holds, isOver, staysWithNode } from './movable.ts';
import { allocatableOf, requestsOf } from './scale-up.ts';
import { boundsOf, nameOf, type Placement } from './types.ts';

/** The taint of a node that is on its way out. */
export const deletionTaint = 'ToBeDeletedByClusterAutoscaler';
const disabledAnnotation = 'cluster-autoscaler.kubernetes.io/scale-down-disabled';

export interface Unneeded {
  readonly node: V1Node;
  readonly group: NodeGroup;
  /** The larger share of CPU and memory that its pods ask for. */
  readonly utilization: number;
  /** What has to be evicted first. */
  readonly pods: readonly V1Pod[];
}
export interface DownInput {
  readonly nodes: readonly V1Node[];
  readonly groups: ReadonlyMap<string, NodeGroup>;
  readonly podsOn: (node: string) => readonly V1Pod[];
  readonly budgets: readonly V1PodDisruptionBudget[];
  readonly threshold: number;
  readonly placement: Placement;
}

export const isLeaving = (node: V1Node): boolean => (node.spec?.taints ?? []).some(({ key }) => key === deletionTaint);
export function utilizationOf(node: V1Node, pods: readonly V1Pod[]): number {
  const all = allocatableOf(node);
  const used = pods.map(requestsOf).reduce((sum, one) => ({ cpu: sum.cpu + one.cpu, memory: sum.memory + one.memory }), { cpu: 0, memory: 0 });
  return Math.max(all.cpu > 0 ? used.cpu / all.cpu : 0, all.memory > 0 ? used.memory / all.memory : 0);
}

/** The least used first; each is unneeded even when those before it are gone. */
export function unneededNodes({ nodes, groups, podsOn, budgets, threshold, placement }: DownInput): Unneeded[] {
  const left = new Map<string, number>();
  const candidates = nodes
    .flatMap((node) => {
      const group = groups.get(node.metadata?.labels?.[nodeGroupLabel] ?? '');
      if (!group || !isReady(node) || isLeaving(node) || node.metadata?.annotations?.[disabledAnnotation] === 'true') return [];
      const pods = podsOn(nameOf(node)).filter((pod) => !isOver(pod));
      const utilization = utilizationOf(node, pods);
      return utilization < threshold ? [{ node, group, utilization, all: pods }] : [];
    })
    .toSorted((a, b) => a.utilization - b.utilization || (nameOf(a.node) < nameOf(b.node) ? -1 : 1));
  const out: Unneeded[] = [];
  for (const { node, group, utilization, all } of candidates) {
    const { size, min } = boundsOf(group);
    const remaining = left.get(nameOf(group)) ?? size;
    if (remaining <= min) continue;
    const pods = all.filter((pod) => !staysWithNode(pod));
    if (pods.some((pod) => holds(pod, budgets) !== undefined) || !couldMove(node, all, pods, placement)) continue;
    left.set(nameOf(group), remaining - 1);
    out.push({ node, group, utilization, pods });
  }
  return out;
}
/** If so, they have moved. */
function couldMove(node: V1Node, all: readonly V1Pod[], pods: readonly V1Pod[], placement: Placement): boolean {
  const name = nameOf(node);
  for (const pod of all) placement.removePod(pod);
  placement.removeNode(name);
  const moved: V1Pod[] = [];
  for (const pod of pods) {
    if (placement.place(unbound(pod)) === undefined) {
      for (const one of moved) placement.removePod(one);
      placement.setNode(node);
      for (const one of all) placement.addPod(one, name);
      return false;
    }
    moved.push(pod);
  }
  return true;
}
/** The pod as its controller would make it anew. */
function unbound(pod: V1Pod): V1Pod {
  const { nodeName: _, ...spec } = pod.spec ?? { containers: [] };
  return { ...pod, spec };
}
