import type { ScorePlugin } from '../plugin.ts';

/** Nodes with more of their cpu and memory free are better; containers without requests count with a default. */
export const leastAllocated: ScorePlugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  score(pod, node) {
    const cpu = free(node.scoredMilliCpu + pod.scoredMilliCpu, node.allocatable.milliCpu);
    const memory = free(node.scoredMemory + pod.scoredMemory, node.allocatable.memory);
    return Math.floor((cpu + memory) / 2);
  },
};

/** 0 to 100: the share that would be left. */
function free(used: number, capacity: number): number {
  if (capacity <= 0 || used > capacity) return 0;
  return Math.floor(((capacity - used) * 100) / capacity);
}
