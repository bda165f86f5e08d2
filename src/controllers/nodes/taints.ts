import { formatTime } from '#base';
import { tolerates, type V1Node, type V1Pod, type V1Taint, type V1Toleration } from '#kinds';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';
const pressures: Record<string, string> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const unschedulableTaint = 'node.kubernetes.io/unschedulable';
const managed = new Set([notReadyTaint, unreachableTaint, unschedulableTaint, ...Object.values(pressures)]);

export const conditionStatus = (node: V1Node, type: string): string | undefined => node.status?.conditions?.find((c) => c.type === type)?.status;

/**
 * The taints that a node's conditions call for. Pods are evicted (NoExecute) only where `evict` allows it:
 * when every node is silent, it is more likely this program that is cut off.
 */
export function wantedTaints(node: V1Node, evict: boolean, now: number): V1Taint[] {
  const present = node.spec?.taints ?? [];
  const keep = (key: string, effect: string): V1Taint =>
    present.find((t) => t.key === key && t.effect === effect) ?? { effect, key, timeAdded: formatTime(now) };
  const ready = conditionStatus(node, 'Ready');
  const wanted: V1Taint[] = present.filter((t) => !managed.has(t.key));
  const silent = ready === 'Unknown' ? unreachableTaint : ready === 'True' ? undefined : notReadyTaint;
  // A node that never told its state has run nothing yet.
  if (silent && evict && ready !== undefined) wanted.push(keep(silent, 'NoExecute'));
  if (silent) wanted.push(keep(silent, 'NoSchedule'));
  for (const [type, key] of Object.entries(pressures)) if (conditionStatus(node, type) === 'True') wanted.push(keep(key, 'NoSchedule'));
  if (node.spec?.unschedulable) wanted.push(keep(unschedulableTaint, 'NoSchedule'));
  return wanted;
}

export function sameTaints(a: readonly V1Taint[], b: readonly V1Taint[]): boolean {
  const form = (taints: readonly V1Taint[]): string =>
    taints
      .map((t) => `${t.key}=${t.value ?? ''}:${t.effect}`)
      .sort()
      .join();
  return form(a) === form(b);
}

/** When a pod must leave its node, ms since the epoch; undefined = it may stay. */
export const evictionTime = (pod: V1Pod, node: V1Node, seen: (taint: V1Taint) => number): number | undefined =>
  leavingTime(node.spec?.taints, pod.spec?.tolerations, seen);

/**
 * When taints NoExecute of a node or a device drive away who tolerates that much. `seen` is when a taint that
 * has no timeAdded was first seen. A toleration without tolerationSeconds lasts for ever.
 */
export function leavingTime(taints: readonly V1Taint[] = [], tolerations: readonly V1Toleration[] = [], seen: (taint: V1Taint) => number): number | undefined {
  let soonest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const matching = tolerations.filter((t) => tolerates(t, taint));
    const limits = matching.flatMap((t) => (t.tolerationSeconds === undefined ? [] : [Math.max(0, t.tolerationSeconds)]));
    if (matching.length > 0 && limits.length === 0) continue;
    const from = taint.timeAdded ? Date.parse(taint.timeAdded) : seen(taint);
    const at = matching.length === 0 ? from : from + Math.min(...limits) * 1000;
    if (soonest === undefined || at < soonest) soonest = at;
  }
  return soonest;
}
