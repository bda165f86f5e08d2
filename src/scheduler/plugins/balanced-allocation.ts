import type { NodeInfo } from '../node-info.ts';
import type { Plugin, PluginDefinition, ScorePlugin } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { checkArgs } from './support/args.ts';
import { capacity, cpuAndMemory, readResources, requested, type WeightedResource } from './support/resource-scoring.ts';

/** Nodes where resources would be used to the same degree are better, so that none is left stranded. */
export function balancedAllocationScore(resources: readonly WeightedResource[] = cpuAndMemory): ScorePlugin {
  return {
    name: 'NodeResourcesBalancedAllocation',
    weight: 1,
    applies: (pod) => !pod.bestEffort,
    score: (pod, node) => Math.trunc((1 - deviation(resources, pod, node)) * 100),
  };
}

/** Standard deviation of the shares; of two values it is half their distance. */
function deviation(resources: readonly WeightedResource[], pod: PodInfo, node: NodeInfo): number {
  const shares: number[] = [];
  for (const { name } of resources) {
    const all = capacity(name, pod, node);
    if (all > 0) shares.push(Math.min(1, requested(name, pod, node) / all));
  }
  const [a = 0, b = 0] = shares;
  if (shares.length < 3) return shares.length < 2 ? 0 : Math.abs(a - b) / 2;
  const mean = shares.reduce((x, y) => x + y, 0) / shares.length;
  return Math.sqrt(shares.reduce((x, y) => x + (y - mean) ** 2, 0) / shares.length);
}

/** Arguments: resources. */
export const balancedAllocation: PluginDefinition = {
  name: 'NodeResourcesBalancedAllocation',
  create({ args }): Plugin {
    return { name: 'NodeResourcesBalancedAllocation', score: balancedAllocationScore(readResources(checkArgs(args, ['resources']))) };
  },
};
