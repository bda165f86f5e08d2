import type { Random } from '#base';
import type { ClusterState } from './cluster-state.ts';
import type { NodeInfo } from './node-info.ts';
import type { ScorePlugin } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';
import type { WeightedScore } from './profile.ts';

/** The best of the nodes that can take the pod; among equals one by chance. */
export function bestNode(scores: readonly WeightedScore[], pod: PodInfo, nodes: readonly NodeInfo[], state: ClusterState, random: Random): NodeInfo {
  if (nodes.length === 1) return nodes[0] as NodeInfo;
  const totals = totalScores(scores, pod, nodes, state);
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

/** The weighted sum of all scores per node. */
export function totalScores(scores: readonly WeightedScore[], pod: PodInfo, nodes: readonly NodeInfo[], state: ClusterState): Float64Array {
  const totals = new Float64Array(nodes.length);
  for (const { plugin, weight } of scores) {
    if (plugin.applies?.(pod) === false) continue;
    const facts = plugin.prepare?.(pod, state, nodes);
    if (!plugin.prepare || facts !== undefined) addScores(totals, plugin, weight, pod, nodes, facts);
  }
  return totals;
}

function addScores(totals: Float64Array, plugin: ScorePlugin, weight: number, pod: PodInfo, nodes: readonly NodeInfo[], facts: unknown): void {
  if (!plugin.normalize) {
    for (let i = 0; i < nodes.length; i++) totals[i] = (totals[i] as number) + weight * plugin.score(pod, nodes[i] as NodeInfo, facts);
    return;
  }
  const scores = new Float64Array(nodes.length);
  for (let i = 0; i < nodes.length; i++) scores[i] = plugin.score(pod, nodes[i] as NodeInfo, facts);
  if (typeof plugin.normalize === 'function') plugin.normalize(scores, facts);
  else toHundred(scores, plugin.normalize === 'reversed');
  for (let i = 0; i < nodes.length; i++) totals[i] = (totals[i] as number) + weight * (scores[i] as number);
}

/** The highest becomes 100, or 0 when reversed; all alike when nothing was scored. */
function toHundred(scores: Float64Array, reversed: boolean): void {
  let highest = 0;
  for (const score of scores) if (score > highest) highest = score;
  for (let i = 0; i < scores.length; i++) {
    const share = highest === 0 ? 0 : Math.floor(((scores[i] as number) * 100) / highest);
    scores[i] = reversed ? 100 - share : share;
  }
}
