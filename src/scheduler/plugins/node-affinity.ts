import { requiredNodes, type NodeMatcher, type V1NodeAffinity } from '#kinds';
import { preferredNodes, type NodePreference } from '../node-terms.ts';
import { reject, type FilterPlugin, type Plugin, type PluginDefinition, type ScorePlugin } from '../plugin.ts';
import { checkArgs } from './support/args.ts';

const rejected = reject("node(s) didn't match Pod's node affinity/selector", true);
const enforced = reject("node(s) didn't match scheduler-enforced node affinity", true);

/** nodeSelector and requiredDuringSchedulingIgnoredDuringExecution, both, and what the scheduler adds to every pod. */
export const nodeAffinityFilter = (added?: NodeMatcher): FilterPlugin => ({
  name: 'NodeAffinity',
  applies: (pod) => added !== undefined || pod.required !== undefined,
  only: (pod) => pod.onlyNodes,
  filter(pod, node) {
    if (added && !added(node)) return enforced;
    return pod.required && !pod.required(node) ? rejected : undefined;
  },
  unstuckBy(event, pod) {
    if (event.type !== 'NodeAdded' && !(event.type === 'NodeChanged' && event.change.labels)) return false;
    return (!added || added(event.node)) && (!pod.required || pod.required(event.node));
  },
  advice: () => "label a node so that the pod's nodeSelector and node affinity match it, or change them",
});

/** The weights of the preferred terms that a node matches. */
export const nodeAffinityScore = (added: readonly NodePreference[] = []): ScorePlugin => ({
  name: 'NodeAffinity',
  weight: 2,
  normalize: 'highest',
  applies: (pod) => added.length > 0 || pod.preferred.length > 0,
  score(pod, node) {
    let sum = 0;
    for (const term of pod.preferred) if (term.matches(node)) sum += term.weight;
    for (const term of added) if (term.matches(node)) sum += term.weight;
    return sum;
  },
});

/** Arguments: addedAffinity, a NodeAffinity that every pod of the profile has to meet too. */
export const nodeAffinity: PluginDefinition = {
  name: 'NodeAffinity',
  create({ args: given }): Plugin {
    const added = checkArgs(given, ['addedAffinity'])['addedAffinity'] as V1NodeAffinity | undefined;
    const filter = nodeAffinityFilter(requiredNodes({ spec: { containers: [], affinity: { nodeAffinity: added ?? {} } } }));
    return { name: 'NodeAffinity', filter, score: nodeAffinityScore(preferredNodes(added)) };
  },
};
