import { isDeepStrictEqual } from 'node:util';
import type { NodeGroup } from '#kinds';
import { boundsOf, nameOf } from './types.ts';
import type { Option } from './scale-up.ts';

/** What nodes of a group are like, but for where they are. */
function nature({ spec }: NodeGroup): object {
  const { zones: _zones, region: _region, ...template } = spec?.template ?? {};
  return template;
}

/**
 * The new nodes of the chosen option, over all groups whose nodes are alike and could take the same pods: always one more
 * for the smallest group (--balance-similar-node-groups). Pure.
 */
export function balanced(chosen: Option, options: readonly Option[]): Option[] {
  const takes = new Set(chosen.pods);
  const isAlike = (other: Option): boolean =>
    other !== chosen &&
    isDeepStrictEqual(nature(other.group), nature(chosen.group)) &&
    other.pods.length >= takes.size &&
    chosen.pods.every((pod) => other.pods.includes(pod));
  const parts = [chosen, ...options.filter(isAlike)]
    .map(({ group }) => ({ group, ...boundsOf(group), count: 0 }))
    .toSorted((a, b) => (nameOf(a.group) < nameOf(b.group) ? -1 : 1));
  if (parts.length === 1) return [chosen];
  for (let left = chosen.count; left > 0; left--) {
    const open = parts.filter((part) => part.size + part.count < part.max);
    const smallest = open.toSorted((a, b) => a.size + a.count - (b.size + b.count))[0];
    if (!smallest) break;
    smallest.count++;
  }
  const used = parts.filter((part) => part.count > 0);
  // Every pod is told of by one of the orders.
  return used.map(({ group, count }, i) => ({ group, count, pods: chosen.pods.filter((_, at) => at % used.length === i), waste: chosen.waste }));
}
