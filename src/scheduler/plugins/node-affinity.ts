import { reject, type FilterPlugin, type ScorePlugin } from '../plugin.ts';

const rejected = reject("node(s) didn't match Pod's node affinity/selector", true);

/** nodeSelector and requiredDuringSchedulingIgnoredDuringExecution, both. */
export const nodeAffinity: FilterPlugin = {
  name: 'NodeAffinity',
  applies: (pod) => pod.required !== undefined,
  filter: (pod, node) => (pod.required && !pod.required(node) ? rejected : undefined),
  unstuckBy(event, pod) {
    if ((event.type !== 'NodeAdded' && event.type !== 'NodeChanged') || (event.type === 'NodeChanged' && !event.change.labels)) return false;
    return !pod.required || pod.required(event.node);
  },
};

/** The weights of the preferred terms that a node matches. */
export const nodeAffinityScore: ScorePlugin = {
  name: 'NodeAffinity',
  weight: 2,
  normalize: 'highest',
  applies: (pod) => pod.preferred.length > 0,
  score(pod, node) {
    let sum = 0;
    for (const term of pod.preferred) if (term.matches(node)) sum += term.weight;
    return sum;
  },
};
