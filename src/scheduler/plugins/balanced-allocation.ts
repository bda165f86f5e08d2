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

/** What would be used of a resource, 0 to 1; below 0 where the node has none of it. */
function share(name: string, pod: PodInfo, node: NodeInfo): number {
  const all = capacity(name, pod, node);
  return all > 0 ? Math.min(1, requested(name, pod, node) / all) : -1;
}
/** Standard deviation of the shares; of two values it is half their distance, and two is the usual case. */
function deviation(resources: readonly WeightedResource[], pod: PodInfo, node: NodeInfo): number {
  const [first, second] = resources;
  if (first && second && resources.length === 2) {
    const a = share(first.name, pod, node);
    const b = share(second.name, pod, node);
    return a < 0 || b < 0 ? 0 : Math.abs(a - b) / 2;
  }
  const shares = resources.map(({ name }) => share(name, pod, node)).filter((one) => one >= 0);
  if (shares.length < 2) return 0;
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
