import { tolerated } from '#kinds';
import type { ClusterState } from '../cluster-state.ts';
import type { NodeInfo } from '../node-info.ts';
import { reject, type FilterPlugin, type ScorePlugin } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import type { SpreadConstraint } from '../pod-terms.ts';

const skewed = reject("node(s) didn't match pod topology spread constraints");
const unlabelled = reject("node(s) didn't match pod topology spread constraints (missing required label)", true);

/** Per constraint: pods that count in each domain, and the fewest in any. */
type Facts = { constraint: SpreadConstraint; counts: Map<string, number>; fewest: number }[];

/** topologySpreadConstraints with whenUnsatisfiable DoNotSchedule. */
export const podTopologySpread: FilterPlugin = {
  name: 'PodTopologySpread',
  applies: (pod) => pod.spread.length > 0,
  prepare: (pod, state): Facts => pod.spread.map((constraint) => count(constraint, pod, state)),
  filter(pod, node, given) {
    for (const { constraint, counts, fewest } of given as Facts) {
      const domain = node.labels[constraint.topologyKey];
      if (domain === undefined) return unlabelled;
      const self = constraint.selects(pod.labels) ? 1 : 0;
      if ((counts.get(domain) ?? 0) + self - fewest > constraint.maxSkew) return skewed;
    }
    return undefined;
  },
  unstuckBy: (event) => event.type !== 'NodeChanged' || event.change.labels || event.change.taints,
};

type ScoreFacts = { readonly constraint: SpreadConstraint; readonly counts: ReadonlyMap<string, number>; readonly most: number }[];

/**
 * topologySpreadConstraints with whenUnsatisfiable ScheduleAnyway. Pods without any constraint spread over the
 * nodes by their controller, like the default constraints of kube-scheduler: those on one node go down together.
 */
export const podTopologySpreadScore: ScorePlugin = {
  name: 'PodTopologySpread',
  weight: 2,
  normalize: 'reversed',
  applies: (pod) => (pod.preferredSpread ? pod.preferredSpread.length > 0 : pod.owner !== ''),
  prepare: (pod, state): ScoreFacts | undefined =>
    pod.preferredSpread?.map((constraint) => {
      const { counts } = count(constraint, pod, state);
      return { constraint, counts, most: Math.max(0, ...counts.values()) };
    }),
  score(pod, node, facts) {
    if (!facts) return node.siblings(pod.owner);
    let sum = 0;
    for (const { constraint, counts, most } of facts as ScoreFacts) {
      const domain = node.labels[constraint.topologyKey];
      // Where the label is missing nothing is spread: no better than the fullest domain.
      const there = domain === undefined ? most : (counts.get(domain) ?? 0);
      // Many domains (nodes) weigh more than few (zones), as in kube-scheduler's topologyNormalizingWeight.
      sum += there * Math.log(counts.size + 2) + (constraint.maxSkew - 1);
    }
    return sum;
  },
};

function count(constraint: SpreadConstraint, pod: PodInfo, state: ClusterState): Facts[number] {
  const counts = new Map<string, number>();
  for (const node of state.nodes) {
    const domain = node.labels[constraint.topologyKey];
    if (domain === undefined || !eligible(constraint, pod, node)) continue;
    let matching = counts.get(domain) ?? 0;
    for (const other of node.pods.values()) {
      if (other.namespace === pod.namespace && !other.pod.metadata?.deletionTimestamp && constraint.selects(other.labels)) matching++;
    }
    counts.set(domain, matching);
  }
  const fewest = counts.size < constraint.minDomains ? 0 : Math.min(...counts.values());
  return { constraint, counts, fewest: counts.size === 0 ? 0 : fewest };
}

/** Nodes that the pod could not go to anyway do not hold the others back. */
function eligible(constraint: SpreadConstraint, pod: PodInfo, node: NodeInfo): boolean {
  if (pod.spread.some((c) => node.labels[c.topologyKey] === undefined)) return false;
  if (constraint.honorAffinity && pod.required && !pod.required(node)) return false;
  return !constraint.honorTaints || node.hardTaints.every((taint) => tolerated(pod.tolerations, taint));
}
