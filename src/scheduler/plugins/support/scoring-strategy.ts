import type { ScorePlugin } from '../../plugin.ts';
import { checkArgs, choice, list, type Args } from './args.ts';
import { capacity, cpuAndMemory, readResources, requestedWithDefaults, type WeightedResource } from './resource-scoring.ts';

/** 0 to 100 for a resource of which `used` of `capacity` would be requested. */
type Curve = (used: number, capacity: number) => number;

export const leastAllocated: Curve = (used, all) => (used > all ? 0 : Math.floor(((all - used) * 100) / all));
export const mostAllocated: Curve = (used, all) => Math.floor((Math.min(used, all) * 100) / all);

/** Points between which the score is a straight line; utilization in percent, score 0 to 10 as users write it. */
export function requestedToCapacityRatio(shape: readonly { utilization: number; score: number }[]): Curve {
  return (used, all) => {
    const utilization = used > all ? 100 : Math.trunc((used * 100) / all);
    const next = shape.findIndex((point) => utilization <= point.utilization);
    const after = shape[next];
    const before = shape[next - 1];
    if (!after) return (shape.at(-1)?.score ?? 0) * 10;
    if (!before) return after.score * 10;
    const rise = ((after.score - before.score) * 10 * (utilization - before.utilization)) / (after.utilization - before.utilization);
    return before.score * 10 + Math.trunc(rise);
  };
}

/** The weighted mean over the resources that the node has. */
export function resourceScore(curve: Curve, resources: readonly WeightedResource[] = cpuAndMemory): ScorePlugin {
  return {
    name: 'NodeResourcesFit',
    weight: 1,
    score(pod, node) {
      let sum = 0;
      let weights = 0;
      for (const { name, weight } of resources) {
        const all = capacity(name, pod, node);
        if (all === 0) continue;
        sum += weight * curve(requestedWithDefaults(name, pod, node), all);
        weights += weight;
      }
      return weights === 0 ? 0 : Math.trunc(sum / weights);
    },
  };
}

/** The score that scoringStrategy asks for. Throws with a text for the user. */
export function readStrategy(given: unknown): ScorePlugin {
  const args = checkArgs(given, ['type', 'resources', 'requestedToCapacityRatio']);
  const resources = readResources(args);
  switch (choice(args, 'type', ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'])) {
    case 'MostAllocated':
      return resourceScore(mostAllocated, resources);
    case 'RequestedToCapacityRatio':
      return resourceScore(requestedToCapacityRatio(readShape(args)), resources);
    default:
      return resourceScore(leastAllocated, resources);
  }
}

function readShape(args: Args): { utilization: number; score: number }[] {
  const shape = list(checkArgs(args['requestedToCapacityRatio'], ['shape']), 'shape');
  if (!shape?.length) throw new Error('args.scoringStrategy.requestedToCapacityRatio.shape: Required value: at least one point must be specified');
  let last = -1;
  return shape.map(({ utilization = 0, score = 0 }, i) => {
    const path = `args.scoringStrategy.requestedToCapacityRatio.shape[${i}]`;
    if (typeof utilization !== 'number' || utilization < 0 || utilization > 100)
      throw new Error(`${path}.utilization: Invalid value: ${String(utilization)}: not in valid range [0-100]`);
    if (utilization <= last) throw new Error(`${path}.utilization: Invalid value: ${utilization}: utilization values must be sorted in increasing order`);
    if (typeof score !== 'number' || score < 0 || score > 10) throw new Error(`${path}.score: Invalid value: ${String(score)}: not in valid range [0-10]`);
    last = utilization;
    return { utilization, score };
  });
}
