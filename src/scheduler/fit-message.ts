import { reject, type Rejection } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';

/**
 * The text of kube-scheduler 1.36: `0/5 nodes are available: 1 node(s) had untolerated taint(s), 4 Insufficient cpu.`
 * `refusal` is a reason that holds for all nodes alike; it is shown once.
 */
export function fitMessage(nodes: number, rejections: Iterable<Rejection>, refusal?: string): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const why = refusal ?? histogram(rejections);
  return `0/${nodes} nodes are available: ${why}.`;
}

/** `2 a, 1 b`, in the order of the texts. */
function histogram(rejections: Iterable<Rejection>): string {
  const counts = new Map<string, number>();
  for (const { reasons } of rejections) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}

/** What preemption has to say of nodes that nobody can be driven from. */
export function noVictims(pod: PodInfo, nodes: number, rejections: Iterable<Rejection>): string {
  if (pod.pod.spec?.preemptionPolicy === 'Never') return 'preemption: not eligible due to preemptionPolicy=Never.';
  const verdicts = [...rejections].map(({ unresolvable }) => (unresolvable ? unhelpful : noVictim));
  return `preemption: ${fitMessage(nodes, verdicts)}`;
}
const unhelpful = reject('Preemption is not helpful for scheduling', true);
const noVictim = reject('No preemption victims found for incoming pod', true);
