import type { ClusterState } from '../cluster-state.ts';
import type { NodeInfo } from '../node-info.ts';
import { reject, type FilterPlugin, type ScorePlugin } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';

const noAffinity = reject("node(s) didn't match pod affinity rules", true);
const antiAffinity = reject("node(s) didn't match pod anti-affinity rules");
const existing = reject("node(s) didn't satisfy existing pods anti-affinity rules");

/** Per topology key the values (zones, host names) that are wanted or barred. */
type Domains = Map<string, Set<string>>;
interface Facts {
  barredByOthers: Domains;
  barred: Domains;
  wanted: Domains;
  /** No pod matches yet, but this one would match its own terms: the first of its group may go anywhere. */
  first: boolean;
}

/** Required pod affinity and anti-affinity, of the pod and of the pods that are there already. */
export const interPodAffinity: FilterPlugin = {
  name: 'InterPodAffinity',
  prepare(pod, state): Facts | undefined {
    const barredByOthers: Domains = new Map();
    for (const { info, node } of state.antiAffine()) {
      for (const term of info.antiAffinity) if (term.matches(pod, state.namespaceLabels)) add(barredByOthers, term.topologyKey, node.labels);
    }
    if (barredByOthers.size === 0 && pod.affinity.length === 0 && pod.antiAffinity.length === 0) return undefined;
    return { barredByOthers, ...ownTerms(pod, state) };
  },
  filter(pod, node, given) {
    const facts = given as Facts;
    for (const { topologyKey } of pod.affinity) {
      const value = node.labels[topologyKey];
      if (value === undefined || !(facts.first || facts.wanted.get(topologyKey)?.has(value))) return noAffinity;
    }
    if (within(facts.barred, node.labels)) return antiAffinity;
    return within(facts.barredByOthers, node.labels) ? existing : undefined;
  },
  unstuckBy(event, pod) {
    if (event.type === 'NodeAdded') return true;
    if (event.type === 'NodeChanged') return event.change.labels;
    return event.type === 'PodRemoved' || pod.affinity.length > 0;
  },
};

/** Of the preferred terms: per topology key what each domain is worth, and the least and most that any node gets. */
interface Worth {
  domains: Map<string, Map<string, number>>;
  least: number;
  most: number;
}

/** Preferred pod affinity and anti-affinity of the pod itself. */
export const interPodAffinityScore: ScorePlugin = {
  name: 'InterPodAffinity',
  weight: 2,
  applies: (pod) => pod.preferredPods.length > 0,
  prepare(pod, state): Worth {
    const domains: Worth['domains'] = new Map();
    for (const { info, node } of state.placedPods()) {
      for (const term of pod.preferredPods) if (term.matches(info, state.namespaceLabels)) addWorth(domains, term.topologyKey, node.labels, term.weight);
    }
    const all = state.nodes.map((node) => worth(domains, node));
    return { domains, least: min(all), most: -min(all.map((n) => -n)) };
  },
  score(_pod, node, facts) {
    const { domains, least, most } = facts as Worth;
    return most > least ? Math.floor((100 * (worth(domains, node) - least)) / (most - least)) : 0;
  },
};
function addWorth(domains: Worth['domains'], key: string, labels: { readonly [key: string]: string }, weight: number): void {
  const value = labels[key];
  if (value === undefined) return;
  let values = domains.get(key);
  if (!values) domains.set(key, (values = new Map()));
  values.set(value, (values.get(value) ?? 0) + weight);
}
function worth(domains: Worth['domains'], node: NodeInfo): number {
  let sum = 0;
  for (const [key, values] of domains) sum += values.get(node.labels[key] ?? '') ?? 0;
  return sum;
}
const min = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.min(a, b), Infinity);

function ownTerms(pod: PodInfo, state: ClusterState): Omit<Facts, 'barredByOthers'> {
  const barred: Domains = new Map();
  const wanted: Domains = new Map();
  const matchesAll = (other: PodInfo): boolean => pod.affinity.length > 0 && pod.affinity.every((term) => term.matches(other, state.namespaceLabels));
  if (pod.affinity.length > 0 || pod.antiAffinity.length > 0) {
    for (const { info, node } of state.placedPods()) {
      for (const term of pod.antiAffinity) if (term.matches(info, state.namespaceLabels)) add(barred, term.topologyKey, node.labels);
      if (matchesAll(info)) for (const term of pod.affinity) add(wanted, term.topologyKey, node.labels);
    }
  }
  return { barred, wanted, first: wanted.size === 0 && matchesAll(pod) };
}
function add(domains: Domains, key: string, labels: { readonly [key: string]: string }): void {
  const value = labels[key];
  if (value === undefined) return;
  const values = domains.get(key);
  if (values) values.add(value);
  else domains.set(key, new Set([value]));
}
function within(domains: Domains, labels: { readonly [key: string]: string }): boolean {
  for (const [key, values] of domains) if (labels[key] !== undefined && values.has(labels[key])) return true;
  return false;
}
