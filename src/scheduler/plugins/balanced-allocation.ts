import type { ScorePlugin } from '../plugin.ts';

/** Nodes where cpu and memory would be used to the same degree are better, so that neither is left stranded. */
export const balancedAllocation: ScorePlugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  applies: (pod) => !pod.bestEffort,
  score(pod, node) {
    const cpu = share(node.used.milliCpu + pod.requests.milliCpu, node.allocatable.milliCpu);
    const memory = share(node.used.memory + pod.requests.memory, node.allocatable.memory);
    // The standard deviation of two values is half their distance.
    return Math.floor((1 - Math.abs(cpu - memory) / 2) * 100);
  },
};

function share(used: number, capacity: number): number {
  return capacity <= 0 ? 1 : Math.min(1, used / capacity);
}
