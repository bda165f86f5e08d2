import type { NodeInfo } from '../node-info.ts';
import type { FilterPlugin, Rejection } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';

/** Requests must fit into what is allocatable and not yet asked for by other pods. */
export const nodeResourcesFit: FilterPlugin = {
  name: 'NodeResourcesFit',
  filter: (pod, node) => (fits(pod, node) ? undefined : explain(pod, node)),
  unstuckBy(event, pod) {
    if (event.type === 'PodRemoved') return true;
    if (event.type === 'NodeAdded') return possible(pod, event.node);
    return event.type === 'NodeChanged' && event.change.allocatable && possible(pod, event.node);
  },
};

// The hot path allocates nothing; only a node that does not fit is asked why.
function fits({ requests }: PodInfo, { allocatable, used, pods, allowedPods }: NodeInfo): boolean {
  if (pods.size + 1 > allowedPods) return false;
  if (requests.milliCpu > 0 && requests.milliCpu > allocatable.milliCpu - used.milliCpu) return false;
  if (requests.memory > 0 && requests.memory > allocatable.memory - used.memory) return false;
  if (requests.ephemeralStorage > 0 && requests.ephemeralStorage > allocatable.ephemeralStorage - used.ephemeralStorage) return false;
  if (!requests.scalar) return true;
  for (const [name, amount] of requests.scalar) if (amount > 0 && amount > (allocatable.scalar?.get(name) ?? 0) - (used.scalar?.get(name) ?? 0)) return false;
  return true;
}

function explain(pod: PodInfo, node: NodeInfo): Rejection {
  const reasons: string[] = [];
  if (node.pods.size + 1 > node.allowedPods) reasons.push('Too many pods');
  for (const [name, wanted, free] of amounts(pod, node)) if (wanted > 0 && wanted > free) reasons.push(`Insufficient ${name}`);
  return { reasons, unresolvable: !possible(pod, node) };
}
function* amounts({ requests }: PodInfo, { allocatable, used }: NodeInfo): Generator<[name: string, wanted: number, free: number]> {
  yield ['cpu', requests.milliCpu, allocatable.milliCpu - used.milliCpu];
  yield ['memory', requests.memory, allocatable.memory - used.memory];
  yield ['ephemeral-storage', requests.ephemeralStorage, allocatable.ephemeralStorage - used.ephemeralStorage];
  for (const [name, wanted] of requests.scalar ?? []) yield [name, wanted, (allocatable.scalar?.get(name) ?? 0) - (used.scalar?.get(name) ?? 0)];
}

/** Whether the node could take the pod if it were empty. */
function possible({ requests }: PodInfo, { allocatable }: NodeInfo): boolean {
  if (requests.milliCpu > allocatable.milliCpu || requests.memory > allocatable.memory || requests.ephemeralStorage > allocatable.ephemeralStorage)
    return false;
  for (const [name, amount] of requests.scalar ?? []) if (amount > (allocatable.scalar?.get(name) ?? 0)) return false;
  return true;
}
