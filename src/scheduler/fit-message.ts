import type { Rejection } from './plugin.ts';

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
  // Most nodes are rejected by one and the same object.
  const same = new Map<Rejection, number>();
  for (const rejection of rejections) same.set(rejection, (same.get(rejection) ?? 0) + 1);
  const counts = new Map<string, number>();
  for (const [{ reasons }, count] of same) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + count);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
