import type { Random } from '#base';
import type { ClusterState } from './cluster-state.ts';
import { FilterCycle, type Failure } from './filter-cycle.ts';
import { fitMessage } from './fit-message.ts';
import type { NodeInfo } from './node-info.ts';
import { reject, type FilterPlugin, type Rejection } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';
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
  rejections: ReadonlyMap<NodeInfo, Rejection>;
}

/**
 * Chooses a node: those that pass all filters, up to enough of them, then the best score; among equals by
 * chance. Pure but for `random`. `start` is where in `state.nodes` to begin, so that every node gets its turn.
 */
export function findNode(state: ClusterState, pod: PodInfo, profile: Profile, start: number, random: Random): Decision {
  const cycle = new FilterCycle(state, pod, profile.filters);
  if (cycle.refused) return refused(state, cycle.refused);
  const only = cycle.only();
  const { nodes } = state;
  const candidates = only ? only.names.flatMap((name) => state.present(name) ?? []) : nodes;
  const enough = only ? candidates.length : feasibleNodesToFind(nodes.length);
  const feasible: NodeInfo[] = [];
  const failures = new Map<NodeInfo, Failure>();
  let examined = 0;
  for (; examined < candidates.length && feasible.length < enough; examined++) {
    const node = candidates[only ? examined : (start + examined) % nodes.length] as NodeInfo;
    const failed = cycle.check(node);
    if (failed) failures.set(node, failed);
    else feasible.push(node);
  }
  if (only) examined = 0;
  if (feasible.length > 0) return { ...nothing, node: bestNode(profile.scores, pod, feasible, state, random), examined };
  return failed(state, failures, only?.plugins ?? [], examined);
}
const nothing: Decision = { node: undefined, message: '', rejectedBy: [], examined: 0, rejections: new Map() };

function refused({ nodes }: ClusterState, { plugin, rejection }: Failure): Decision {
  const rejections = new Map(nodes.map((node) => [node, rejection]));
  return { ...nothing, message: fitMessage(nodes.length, [], rejection.reasons.join(', ')), rejectedBy: [plugin], rejections };
}
function failed({ nodes }: ClusterState, failures: ReadonlyMap<NodeInfo, Failure>, only: readonly FilterPlugin[], examined: number): Decision {
  const rejections = new Map<NodeInfo, Rejection>();
  for (const [node, { rejection }] of failures) rejections.set(node, rejection);
  if (only.length > 0) {
    const elsewhere = reject(`node(s) didn't satisfy plugin(s) [${only.map((plugin) => plugin.name).join(' ')}]`, true);
    for (const node of nodes) if (!rejections.has(node)) rejections.set(node, elsewhere);
  }
  const rejectedBy = [...new Set([...only, ...[...failures.values()].map((failure) => failure.plugin)])];
  return { ...nothing, message: fitMessage(nodes.length, [...rejections.values()]), rejectedBy, examined, rejections };
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
