import type { Rejection } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';

/** The text of kube-scheduler 1.36: `0/5 nodes are available: 1 node(s) had untolerated taint(s), 4 Insufficient cpu. preemption: …`. */
export function fitMessage(pod: PodInfo, nodes: number, rejections: readonly Rejection[]): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const head = `0/${nodes} nodes are available`;
  const why = histogram(rejections.flatMap((r) => r.reasons));
  return `${head}: ${why}. preemption: ${preemption(pod, head, rejections)}`;
}

function preemption(pod: PodInfo, head: string, rejections: readonly Rejection[]): string {
  if (pod.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never..';
  const why = histogram(rejections.map((r) => (r.unresolvable ? 'Preemption is not helpful for scheduling' : 'No preemption victims found for incoming pod')));
  return `${head}: ${why}.`;
}

/** `2 a, 1 b`, in the order of the texts. */
function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
