import type { Plugin, PluginDefinition } from '../plugin.ts';
import { checkArgs, wholeNumber } from './support/args.ts';

/** PostFilter: makes room by evicting pods of lower priority. Arguments: how many nodes are candidates enough. */
export const defaultPreemption: PluginDefinition = {
  name: 'DefaultPreemption',
  create({ args: given }): Plugin {
    const args = checkArgs(given, ['minCandidateNodesPercentage', 'minCandidateNodesAbsolute']);
    const percentage = wholeNumber(args, 'minCandidateNodesPercentage', 0, 100) ?? 10;
    const absolute = wholeNumber(args, 'minCandidateNodesAbsolute', 0, Number.MAX_SAFE_INTEGER) ?? 100;
    if (percentage === 0 && absolute === 0) throw new Error('args: minCandidateNodesPercentage and minCandidateNodesAbsolute cannot both be zero');
    return { name: 'DefaultPreemption', preemption: { percentage, absolute } };
  },
};
