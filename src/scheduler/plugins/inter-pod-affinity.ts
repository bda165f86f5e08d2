import { Namespace } from '#kinds';
import type { Kind } from '#machinery';
import type { ClusterState } from '../cluster-state.ts';
import type { NodeInfo } from '../node-info.ts';
import { reject, type ClusterEvent, type FilterPlugin, type Plugin, type PluginDefinition } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import type { PodTerm } from '../pod-terms.ts';
import { checkArgs, wholeNumber } from './support/args.ts';
import { interPodAffinityScore } from './support/inter-pod-affinity-score.ts';

const noAffinity = reject("node(s) didn't match pod affinity rules", true);
const antiAffinity = reject("node(s) didn't match pod anti-affinity rules");
const existing = reject("node(s) didn't satisfy existing pods anti-affinity rules");

/** Pods per value of a topology key. */
interface Domains {
  readonly topologyKey: string;
  readonly counts: ReadonlyMap<string, number>;
}
interface Facts {
  readonly wanted: readonly Domains[];
  /** No pod matches yet, but this one would match its own terms: the first of its group may go anywhere. */
  readonly first: boolean;
  readonly barred: readonly Domains[];
  readonly barredByOthers: readonly Domains[];
}

/** Required pod affinity and anti-affinity, of the pod and of the pods that are there already. */
export const interPodAffinityFilter: FilterPlugin = {
  name: 'InterPodAffinity',
  prepare(pod, state): Facts | undefined {
    const barredByOthers = state.antiAffine
      .matching(pod, state.namespaceLabels)
      .map(({ term, counts }): Domains => ({ topologyKey: term.topologyKey, counts }));
    if (barredByOthers.length === 0 && pod.affinity.length === 0 && pod.antiAffinity.length === 0) return undefined;
    const wanted = pod.affinity.map(({ topologyKey }) => domains(state, pod.affinity, topologyKey));
    const first = wanted.length > 0 && wanted.every(({ counts }) => counts.size === 0) && matchesAll(pod.affinity, pod, state);
    return { wanted, first, barred: pod.antiAffinity.map((term) => domains(state, [term], term.topologyKey)), barredByOthers };
  },
  filter(_pod, node, given) {
    const { wanted, first, barred, barredByOthers } = given as Facts;
    for (const { topologyKey, counts } of wanted) {
      const value = node.labels[topologyKey];
      if (value === undefined || !(first || counts.has(value))) return noAffinity;
    }
    if (within(barred, node)) return antiAffinity;
    return within(barredByOthers, node) ? existing : undefined;
  },
  unstuckBy,
  advice(_pod, _node, rejection) {
    if (rejection === noAffinity) return 'place a pod that the affinity rules look for in the topology domain of this node';
    return 'remove the pods that the anti-affinity rules exclude, or add nodes in another topology domain';
  },
};

/** A pod that matches all terms counts for each of them. */
function domains(state: ClusterState, terms: readonly PodTerm[], topologyKey: string): Domains {
  const { counts } = state.pods.counter({
    key: `terms\n${topologyKey}\n${terms.map((term) => term.key).join('\n')}`,
    topologyKey,
    selects: (other) => matchesAll(terms, other, state),
    byNamespaceLabels: terms.some((term) => term.selectsNamespaces),
  });
  return { topologyKey, counts };
}
function matchesAll(terms: readonly PodTerm[], pod: Parameters<PodTerm['matches']>[0], state: ClusterState): boolean {
  for (const term of terms) if (!term.matches(pod, state.namespaceLabels)) return false;
  return true;
}
function within(where: readonly Domains[], { labels }: NodeInfo): boolean {
  for (const { topologyKey, counts } of where) {
    const value = labels[topologyKey];
    if (value !== undefined && counts.has(value)) return true;
  }
  return false;
}

function unstuckBy(event: ClusterEvent, pod: PodInfo): boolean {
  switch (event.type) {
    case 'NodeAdded':
      return pod.affinity.every(({ topologyKey }) => event.node.labels[topologyKey] !== undefined);
    case 'NodeChanged':
      return event.change.labels;
    case 'PodRemoved':
      // It may have barred this one, or been shunned by it; or it was the last of the group, and this one may now be the first.
      return pod.antiAffinity.length > 0 || event.pod.antiAffinity.length > 0 || pod.affinity.length > 0;
    case 'PodPlaced':
      return pod.affinity.length > 0;
    case 'ObjectChanged':
      return event.kind === 'Namespace' && [...pod.affinity, ...pod.antiAffinity].some((term) => term.selectsNamespaces);
  }
}

/** Arguments: hardPodAffinityWeight (0 to 100, default 1), ignorePreferredTermsOfExistingPods. */
export const interPodAffinity: PluginDefinition = {
  name: 'InterPodAffinity',
  create({ args: given }): Plugin {
    const args = checkArgs(given, ['hardPodAffinityWeight', 'ignorePreferredTermsOfExistingPods']);
    const score = interPodAffinityScore({
      hardWeight: wholeNumber(args, 'hardPodAffinityWeight', 0, 100) ?? 1,
      ignorePresent: args['ignorePreferredTermsOfExistingPods'] === true,
    });
    return { name: 'InterPodAffinity', filter: interPodAffinityFilter, score, watches: [Namespace as unknown as Kind] };
  },
};
