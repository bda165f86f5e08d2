import type { Random } from '#base';
import type { ClusterState } from './cluster-state.ts';
import type { Budget } from './budgets.ts';
import { FilterCycle } from './filter-cycle.ts';
import { fitMessage } from './fit-message.ts';
import type { NodeInfo } from './node-info.ts';
import { reject, type FilterPlugin, type Rejection } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';
import type { Rejections } from './rejections.ts';

/** Pods that have to go from a node so that another fits. */
export interface Candidate {
  readonly node: NodeInfo;
  /** The most important first. */
  readonly victims: readonly PodInfo[];
  /** How many of them go against their disruption budget. */
  readonly violations: number;
}
/** Either whom to evict where, or why nobody. */
export type PreemptionPlan = { readonly best: Candidate } | { readonly best: undefined; readonly message: string };

export interface PreemptionInput {
  readonly state: ClusterState;
  readonly pod: PodInfo;
  readonly filters: readonly FilterPlugin[];
  /** Why each node cannot take the pod as it is. */
  readonly rejections: Rejections;
  readonly budgets: readonly Budget[];
  readonly random: Random;
  /** How many candidates are enough: this share of the nodes that may have victims, at least `absolute`. Defaults 10 and 100. */
  readonly enough?: { readonly percentage: number; readonly absolute: number };
}

const unhelpful = reject('Preemption is not helpful for scheduling', true);
const noVictims = reject('No preemption victims found for incoming pod', true);

/**
 * The plugin DefaultPreemption: which pods of lower priority would have to go. Pods are taken off the state in thought
 * and put back, so that filters see the node as it would be; nothing has changed when it returns.
 */
export function planPreemption(input: PreemptionInput): PreemptionPlan {
  const { state, rejections, random } = input;
  const possible = rejections.nodes.filter((_, i) => !rejections.reasons[i]?.unresolvable);
  const verdicts = new Map<NodeInfo, Rejection>();
  const candidates = findCandidates(input, possible, verdicts);
  if (candidates.length > 0) return { best: choose(candidates, random) };
  const message = fitMessage(
    state.nodes.length,
    state.nodes.map((node) => verdicts.get(node) ?? unhelpful),
  );
  return { best: undefined, message };
}

function findCandidates(input: PreemptionInput, nodes: readonly NodeInfo[], verdicts: Map<NodeInfo, Rejection>): Candidate[] {
  const { state, pod, filters, random, enough = { percentage: 10, absolute: 100 } } = input;
  const wanted = Math.min(nodes.length, Math.max(enough.absolute, Math.floor((nodes.length * enough.percentage) / 100)));
  const start = Math.floor(random.next() * nodes.length);
  const cycle = new FilterCycle(state, pod, filters);
  const found: Candidate[] = [];
  let harmless = false;
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[(start + i) % nodes.length] as NodeInfo;
    const outcome = victimsOn(input, cycle, node);
    if ('reasons' in outcome) verdicts.set(node, outcome);
    else {
      found.push(outcome);
      harmless ||= outcome.violations === 0;
      if (harmless && found.length >= wanted) break;
    }
  }
  return found;
}

/** The fewest pods that have to go: all of lower priority go, then the important ones come back as long as the pod still fits. */
function victimsOn({ state, pod, budgets }: PreemptionInput, cycle: FilterCycle, node: NodeInfo): Candidate | Rejection {
  const lower: PodInfo[] = [];
  for (const other of node.pods.values()) if (other.priority < pod.priority) lower.push(other);
  if (lower.length === 0) return noVictims;
  // Where pods elsewhere are no matter, it is enough to take them off the node.
  const { local } = cycle;
  const gone = new Set<PodInfo>();
  const take = (other: PodInfo): void => {
    gone.add(other);
    if (local) node.remove(other);
    else state.removePod(other.uid);
  };
  const back = (other: PodInfo): void => {
    gone.delete(other);
    if (local) node.add(other);
    else state.addPod(other, node.name);
  };
  const check = (): Rejection | undefined => (local ? cycle.check(node) : cycle.recheck(node));
  try {
    for (const other of lower) take(other);
    const rejection = check();
    if (rejection) return rejection;
    const { violating, others } = splitByBudget(lower.sort(byImportance), budgets);
    let violations = 0;
    for (const other of [...violating, ...others]) {
      back(other);
      if (!check()) continue;
      take(other);
      if (violating.has(other)) violations++;
    }
    return { node, victims: [...gone].sort(byImportance), violations };
  } finally {
    for (const other of gone) back(other);
    if (!local) cycle.prepare();
  }
}

/** Higher priority first, then those that run longest. */
const byImportance = (a: PodInfo, b: PodInfo): number => b.priority - a.priority || startOf(a) - startOf(b);
/** When the node took the pod, ms; a pod that it did not take yet counts as the youngest. */
function startOf({ pod }: PodInfo): number {
  return pod.status?.startTime ? Date.parse(pod.status.startTime) : Infinity;
}

/** Budgets allow so many of the pods, the important ones first; the rest would violate them. Keeps the order. */
function splitByBudget(pods: readonly PodInfo[], budgets: readonly Budget[]): { violating: ReadonlySet<PodInfo>; others: readonly PodInfo[] } {
  const left = new Map(budgets.map((budget) => [budget, budget.allowed]));
  const violating = new Set<PodInfo>();
  if (budgets.length === 0) return { violating, others: [...pods] };
  for (const pod of pods) {
    for (const budget of budgets) {
      if (!budget.guards(pod) || budget.disrupted.has(pod.name)) continue;
      const allowed = (left.get(budget) ?? 0) - 1;
      left.set(budget, allowed);
      if (allowed < 0) violating.add(pod);
    }
  }
  return { violating, others: pods.filter((pod) => !violating.has(pod)) };
}

/** The figures by which candidates are compared, in kube-scheduler's order; less is better. */
const criteria: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => violations,
  ({ victims }) => victims[0]?.priority ?? -Infinity,
  // Every victim counts, even those with a negative priority.
  ({ victims }) => victims.reduce((sum, { priority }) => sum + priority + 2 ** 31, 0),
  ({ victims }) => victims.length,
  // Of the most important victims the one that runs longest should not run long.
  ({ victims }) => -Math.min(...victims.filter(({ priority }) => priority === victims[0]?.priority).map(startOf)),
];
function choose(candidates: readonly Candidate[], random: Random): Candidate {
  let left = candidates;
  for (const figure of criteria) {
    if (left.length === 1) break;
    const figures = left.map(figure);
    const least = figures.reduce((a, b) => Math.min(a, b), Infinity);
    left = left.filter((_, i) => figures[i] === least);
  }
  return left[Math.floor(random.next() * left.length)] as Candidate;
}
