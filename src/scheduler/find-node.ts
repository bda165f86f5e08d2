import type { Random } from '#base';
import type { ClusterState } from './cluster-state.ts';
import type { NodeInfo } from './node-info.ts';
import type { FilterPlugin, Rejection, ScorePlugin } from './plugin.ts';
import type { Plugins } from './plugins/index.ts';
import type { PodInfo } from './pod-info.ts';
import { fitMessage } from './fit-message.ts';

export interface Decision {
  /** Where the pod goes; undefined when no node can take it. */
  node: NodeInfo | undefined;
  /** The text of the condition and the event when there is none. */
  message: string;
  /** Plugins that rejected nodes. */
  rejectedBy: readonly FilterPlugin[];
  /** How many nodes were looked at: the next decision starts behind them. */
  examined: number;
}

/**
 * Chooses a node: those that pass all filters, up to enough of them, then the best score; among equals by
 * chance. Pure but for `random`. `start` is where in `state.nodes` to begin, so that every node gets its turn.
 */
export function findNode(state: ClusterState, pod: PodInfo, plugins: Plugins, start: number, random: Random): Decision {
  const { nodes } = state;
  const filters = plugins.filters.flatMap((plugin) => activate(plugin, pod, state));
  const enough = feasibleNodesToFind(nodes.length);
  const feasible: NodeInfo[] = [];
  const rejections: { plugin: FilterPlugin; rejection: Rejection }[] = [];
  let examined = 0;
  for (; examined < nodes.length && feasible.length < enough; examined++) {
    const node = nodes[(start + examined) % nodes.length] as NodeInfo;
    const failed = firstRejection(filters, pod, node);
    if (failed) rejections.push(failed);
    else feasible.push(node);
  }
  if (feasible.length > 0) return { node: best(plugins.scores, pod, feasible, state, random), message: '', rejectedBy: [], examined };
  const message = fitMessage(
    pod,
    nodes.length,
    rejections.map((r) => r.rejection),
  );
  return { node: undefined, message, rejectedBy: [...new Set(rejections.map((r) => r.plugin))], examined };
}

/** kube-scheduler's adaptive percentageOfNodesToScore: all of up to 100 nodes, then 50 % less 1 per 125 nodes, at least 5 % and 100. */
export function feasibleNodesToFind(all: number): number {
  if (all <= 100) return all;
  const percentage = Math.max(5, 50 - Math.floor(all / 125));
  return Math.max(100, Math.floor((all * percentage) / 100));
}

interface ActiveFilter {
  readonly plugin: FilterPlugin;
  readonly facts: unknown;
}
function activate(plugin: FilterPlugin, pod: PodInfo, state: ClusterState): ActiveFilter[] {
  if (plugin.applies?.(pod) === false) return [];
  if (!plugin.prepare) return [{ plugin, facts: undefined }];
  const facts = plugin.prepare(pod, state);
  return facts === undefined ? [] : [{ plugin, facts }];
}

function firstRejection(filters: readonly ActiveFilter[], pod: PodInfo, node: NodeInfo): { plugin: FilterPlugin; rejection: Rejection } | undefined {
  for (const { plugin, facts } of filters) {
    const rejection = plugin.filter(pod, node, facts);
    if (rejection) return { plugin, rejection };
  }
  return undefined;
}

function best(plugins: readonly ScorePlugin[], pod: PodInfo, nodes: readonly NodeInfo[], state: ClusterState, random: Random): NodeInfo {
  if (nodes.length === 1) return nodes[0] as NodeInfo;
  const totals = new Float64Array(nodes.length);
  for (const plugin of plugins) if (plugin.applies?.(pod) !== false) addScores(totals, plugin, pod, nodes, plugin.prepare?.(pod, state));
  let chosen = 0;
  let ties = 1;
  for (let i = 1; i < totals.length; i++) {
    const difference = (totals[i] as number) - (totals[chosen] as number);
    if (difference > 0) {
      chosen = i;
      ties = 1;
    } else if (difference === 0 && random.next() < 1 / ++ties) chosen = i;
  }
  return nodes[chosen] as NodeInfo;
}

function addScores(totals: Float64Array, plugin: ScorePlugin, pod: PodInfo, nodes: readonly NodeInfo[], facts: unknown): void {
  if (!plugin.normalize) {
    for (let i = 0; i < nodes.length; i++) totals[i] = (totals[i] as number) + plugin.weight * plugin.score(pod, nodes[i] as NodeInfo, facts);
    return;
  }
  const scores = new Float64Array(nodes.length);
  let highest = 0;
  for (let i = 0; i < nodes.length; i++) {
    const score = plugin.score(pod, nodes[i] as NodeInfo, facts);
    scores[i] = score;
    if (score > highest) highest = score;
  }
  if (highest === 0) return; // all alike
  for (let i = 0; i < nodes.length; i++) {
    const share = Math.floor(((scores[i] as number) * 100) / highest);
    totals[i] = (totals[i] as number) + plugin.weight * (plugin.normalize === 'reversed' ? 100 - share : share);
  }
}
