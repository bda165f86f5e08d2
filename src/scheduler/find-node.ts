import type { Random } from '#base';
import type { ClusterState } from './cluster-state.ts';
import { FilterCycle, type Failure } from './filter-cycle.ts';
import { fitMessage } from './fit-message.ts';
import type { NodeInfo } from './node-info.ts';
import { reject, type FilterPlugin } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';
import { Rejections } from './rejections.ts';
import { bestNode } from './score-nodes.ts';

export interface Decision {
  /** Where the pod goes; undefined when no node can take it. */
  node: NodeInfo | undefined;
  /** The text of the condition and the event when there is none, as far as filters go. */
  message: string;
  /** Plugins that rejected nodes. */
  rejectedBy: readonly FilterPlugin[];
  /** How many nodes were looked at: the next decision starts behind them. */
  examined: number;
  /** Of every node why it cannot take the pod; empty when one can. */
  rejections: Rejections;
}

/**
 * Chooses a node: those that pass all filters, up to enough of them, then the best score; among equals by
 * chance. Pure but for `random`. `start` is where in `state.nodes` to begin, so that every node gets its turn.
 */
export function findNode(state: ClusterState, pod: PodInfo, profile: Profile, start: number, random: Random): Decision {
  const cycle = new FilterCycle(state, pod, profile.filters);
  if (cycle.refused) return refused(state, cycle.refused);
  const promised = state.present(state.nominations.nodeOf(pod.uid) ?? '');
  if (promised && !cycle.check(promised)) return { ...nothing, node: promised };
  const only = cycle.only();
  const { nodes } = state;
  const candidates = only ? only.names.flatMap((name) => state.present(name) ?? []) : nodes;
  const enough = only ? candidates.length : feasibleNodesToFind(nodes.length, profile.percentageOfNodesToScore);
  const feasible: NodeInfo[] = [];
  const rejections = new Rejections();
  const rejectedBy = new Set(only?.plugins);
  let examined = 0;
  for (; examined < candidates.length && feasible.length < enough; examined++) {
    const node = candidates[only ? examined : (start + examined) % nodes.length] as NodeInfo;
    const rejection = cycle.check(node);
    if (!rejection) feasible.push(node);
    else {
      rejections.add(node, rejection);
      if (cycle.rejecting) rejectedBy.add(cycle.rejecting);
    }
  }
  if (only) examined = 0;
  if (feasible.length > 0) return { ...nothing, node: bestNode(profile.scores, pod, feasible, state, random), examined };
  if (only) rejectOthers(state, rejections, only.plugins);
  return { ...nothing, message: fitMessage(nodes.length, rejections.reasons), rejectedBy: [...rejectedBy], examined, rejections };
}
const nothing: Decision = { node: undefined, message: '', rejectedBy: [], examined: 0, rejections: new Rejections() };

function refused({ nodes }: ClusterState, { plugin, rejection }: Failure): Decision {
  const rejections = new Rejections();
  for (const node of nodes) rejections.add(node, rejection);
  return { ...nothing, message: fitMessage(nodes.length, [], rejection.reasons.join(', ')), rejectedBy: [plugin], rejections };
}
/** Nodes that were not even looked at, because the pod belongs to others. */
function rejectOthers({ nodes }: ClusterState, rejections: Rejections, only: readonly FilterPlugin[]): void {
  const elsewhere = reject(`node(s) didn't satisfy plugin(s) [${only.map((plugin) => plugin.name).join(' ')}]`, true);
  const looked = new Set(rejections.nodes);
  for (const node of nodes) if (!looked.has(node)) rejections.add(node, elsewhere);
}

/**
 * How many feasible nodes are enough. kube-scheduler's percentageOfNodesToScore; 0 is its adaptive rule: all of up to
 * 100 nodes, then 50 % less 1 per 125 nodes, at least 5 % and 100.
 */
export function feasibleNodesToFind(all: number, percentage = 0): number {
  if (all <= 100 || percentage >= 100) return all;
  const share = percentage > 0 ? percentage : Math.max(5, 50 - Math.floor(all / 125));
  return Math.max(100, Math.floor((all * share) / 100));
}
