import type { HeldTerm, HeldTerms } from '../../held-terms.ts';
import type { NodeInfo } from '../../node-info.ts';
import type { ScorePlugin } from '../../plugin.ts';
import type { PodInfo } from '../../pod-info.ts';
import type { ClusterState } from '../../cluster-state.ts';

/** What each pod in a domain is worth to its nodes. */
interface Worth {
  readonly topologyKey: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly weight: number;
}

export interface ScoreArgs {
  /** Worth of being where a placed pod requires the incoming one to be. */
  readonly hardWeight: number;
  /** Preferences of placed pods count only for pods that have some of their own. */
  readonly ignorePresent: boolean;
}

/**
 * Preferred affinity and anti-affinity: of the incoming pod towards those that are placed, and of those towards it;
 * required affinity of placed pods counts as a preference too.
 */
export function interPodAffinityScore({ hardWeight, ignorePresent }: ScoreArgs): ScorePlugin {
  return {
    name: 'InterPodAffinity',
    weight: 2,
    normalize: spread,
    prepare(pod, state): Worth[] | undefined {
      const own = pod.preferredPods.map((term) => ownWorth(term, state));
      if (ignorePresent && own.length === 0) return undefined;
      const drawn = hardWeight > 0 ? held(state.affine, pod, state, () => hardWeight) : [];
      const all = [...own, ...drawn, ...held(state.preferring, pod, state, ({ term }) => term.weight)].filter(({ counts }) => counts.size > 0);
      return all.length > 0 ? all : undefined;
    },
    score: (_pod, node, facts) => sum(facts as readonly Worth[], node),
  };
}

function ownWorth(term: PodInfo['preferredPods'][number], state: ClusterState): Worth {
  const { topologyKey, weight, selectsNamespaces } = term;
  const { counts } = state.pods.counter({
    key: `preferred\n${term.key}`,
    topologyKey,
    selects: (other) => term.matches(other, state.namespaceLabels),
    byNamespaceLabels: selectsNamespaces,
  });
  return { topologyKey, counts, weight };
}
function held<T extends PodInfo['affinity'][number]>(terms: HeldTerms<T>, pod: PodInfo, state: ClusterState, weight: (held: HeldTerm<T>) => number): Worth[] {
  return terms.matching(pod, state.namespaceLabels).map((found) => ({ topologyKey: found.term.topologyKey, counts: found.counts, weight: weight(found) }));
}
function sum(worths: readonly Worth[], { labels }: NodeInfo): number {
  let total = 0;
  for (const { topologyKey, counts, weight } of worths) {
    const value = labels[topologyKey];
    if (value !== undefined) total += weight * (counts.get(value) ?? 0);
  }
  return total;
}

/** The least becomes 0 and the most 100. */
function spread(scores: Float64Array): void {
  let least = Infinity;
  let most = -Infinity;
  for (const score of scores) {
    if (score < least) least = score;
    if (score > most) most = score;
  }
  const range = most - least;
  for (let i = 0; i < scores.length; i++) scores[i] = range > 0 ? Math.trunc((100 * ((scores[i] as number) - least)) / range) : 0;
}
