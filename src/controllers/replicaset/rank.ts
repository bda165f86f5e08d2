import type { V1Pod } from '#kinds';
import { isPodReady, podCondition } from '../pods.ts';

const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const phaseOrder: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Which pods go first when a ReplicaSet shrinks: unassigned, pending, not ready, cheap, doubled up on a
 * node, ready for a shorter time, restarted more often, younger. `related` is how many active pods of the
 * same workload share the pod's node. (Kubernetes: controller.ActivePodsWithRanks.)
 */
export function deletionOrder(pods: readonly V1Pod[], related: (pod: V1Pod) => number, now: number): V1Pod[] {
  const keyed = pods.map((pod) => ({ pod, key: rank(pod, related(pod), now) }));
  return keyed.sort((a, b) => compare(a.key, b.key)).map(({ pod }) => pod);
}

function rank(pod: V1Pod, related: number, now: number): (number | string)[] {
  const ready = isPodReady(pod);
  const since = ready ? podCondition(pod, 'Ready')?.lastTransitionTime : undefined;
  return [
    pod.spec?.nodeName ? 1 : 0,
    phaseOrder[pod.status?.phase ?? 'Pending'] ?? 2,
    ready ? 1 : 0,
    Number(pod.metadata?.annotations?.[deletionCost] ?? 0) || 0,
    -related,
    logAge(since, now),
    -mostRestarts(pod),
    logAge(pod.metadata?.creationTimestamp, now),
    pod.metadata?.uid ?? '',
  ];
}
/** Ages are compared by order of magnitude, so that the very oldest are not always spared (KEP-2185). */
function logAge(time: string | undefined, now: number): number {
  const age = time === undefined ? 0 : now - Date.parse(time);
  return age <= 0 ? -1 : Math.floor(Math.log2(age));
}
function mostRestarts(pod: V1Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((s) => s.restartCount));
}
function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number | string;
    const y = b[i] as number | string;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
