import type { NodeInfo } from '../../node-info.ts';
import type { ScorePlugin } from '../../plugin.ts';
import type { TopologyCounter } from '../../topology-counter.ts';
import { constraintsOf, nodesThatCount, requiresAll, type Constraint, type Defaults } from './spread-constraints.ts';

const hostname = 'kubernetes.io/hostname';

interface Facts {
  readonly constraints: readonly { readonly constraint: Constraint; readonly counter: TopologyCounter; readonly weight: number }[];
  /** Nodes that lack a label of a constraint get nothing. */
  readonly ignored: ReadonlySet<NodeInfo>;
  readonly feasible: readonly NodeInfo[];
}

/**
 * topologySpreadConstraints with whenUnsatisfiable ScheduleAnyway, and the default constraints for pods without any:
 * emptier domains are better; many domains (hosts) weigh more than few (zones).
 */
export function podTopologySpreadScore(defaults: Defaults): ScorePlugin {
  return {
    name: 'PodTopologySpread',
    weight: 2,
    normalize,
    prepare(pod, state, feasible): Facts | undefined {
      const constraints = constraintsOf(pod, defaults, 'ScheduleAnyway');
      if (constraints.length === 0) return undefined;
      const all = pod.preferredSpread !== undefined || !defaults.system;
      const labelled = all ? constraints : [];
      const ignored = new Set(all ? feasible.filter((node) => constraints.some((c) => node.labels[c.topologyKey] === undefined)) : []);
      return {
        ignored,
        feasible,
        constraints: constraints.map((constraint) => {
          const counter = state.pods.counter({
            key: `score\n${constraint.topologyKey}\n${constraint.key}\n${requiresAll(labelled)}\n${nodesThatCount.key(constraint, pod)}`,
            topologyKey: constraint.topologyKey,
            selects: constraint.counts,
            eligible: nodesThatCount.of(constraint, pod, labelled),
          });
          return { constraint, counter, weight: Math.log(domains(constraint.topologyKey, feasible, ignored) + 2) };
        }),
      };
    },
    score(_pod, node, given) {
      const { constraints, ignored } = given as Facts;
      if (ignored.size > 0 && ignored.has(node)) return 0;
      let sum = 0;
      for (const { constraint, counter, weight } of constraints) {
        const domain = node.labels[constraint.topologyKey];
        if (domain !== undefined) sum += counter.in(domain) * weight + (constraint.maxSkew - 1);
      }
      return Math.round(sum);
    },
  };
}

/** How many values of the label the nodes have. */
function domains(topologyKey: string, feasible: readonly NodeInfo[], ignored: ReadonlySet<NodeInfo>): number {
  if (topologyKey === hostname) return feasible.length - ignored.size;
  const values = new Set<string | undefined>();
  for (const node of feasible) if (!ignored.has(node)) values.add(node.labels[topologyKey]);
  return values.size;
}

/** The lower the better: the least becomes 100. */
function normalize(scores: Float64Array, facts: unknown): void {
  const { feasible, ignored } = facts as Facts;
  // Called for every decision over hundreds of nodes: nothing is allocated.
  const isIgnored = (i: number): boolean => ignored.size > 0 && ignored.has(feasible[i] as NodeInfo);
  let least = Infinity;
  let most = 0;
  for (let i = 0; i < scores.length; i++) {
    if (isIgnored(i)) continue;
    least = Math.min(least, scores[i] as number);
    most = Math.max(most, scores[i] as number);
  }
  for (let i = 0; i < scores.length; i++) {
    if (isIgnored(i)) scores[i] = 0;
    else scores[i] = most === 0 ? 100 : Math.trunc((100 * (most + least - (scores[i] as number))) / most);
  }
}
