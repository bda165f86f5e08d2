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
  let best = -Infinity;
  let ties = 0;
  for (let i = 0; i < totals.length; i++) {
    const total = totals[i] as number;
    if (total > best) {
      best = total;
      ties = 1;
    } else if (total === best) ties++;
  }
  // One draw for all of them: in an empty cluster hundreds are alike.
  let left = ties > 1 ? Math.floor(random.next() * ties) : 0;
  let at = 0;
  while (at < nodes.length - 1 && (totals[at] !== best || left-- > 0)) at++;
  return nodes[at] as NodeInfo;
}

/** Room for the scores of one decision, used again by the next: an array of its own for each is dear to make and to collect. */
let spare = { totals: new Float64Array(0), scores: new Float64Array(0) };
function roomFor(nodes: number): typeof spare {
  if (spare.totals.length < nodes) spare = { totals: new Float64Array(nodes), scores: new Float64Array(nodes) };
  return { totals: spare.totals.subarray(0, nodes).fill(0), scores: spare.scores.subarray(0, nodes) };
}

/** The weighted sum of all scores per node; good until the next call. */
export function totalScores(scores: readonly WeightedScore[], pod: PodInfo, nodes: readonly NodeInfo[], state: ClusterState): Float64Array {
  const room = roomFor(nodes.length);
  for (const { plugin, weight } of scores) {
    if (plugin.applies?.(pod) === false) continue;
    const facts = plugin.prepare?.(pod, state, nodes);
    if (!plugin.prepare || facts !== undefined) addScores(room, plugin, weight, pod, nodes, facts);
  }
  return room.totals;
}

function addScores({ totals, scores }: typeof spare, plugin: ScorePlugin, weight: number, pod: PodInfo, nodes: readonly NodeInfo[], facts: unknown): void {
  if (!plugin.normalize) {
    for (let i = 0; i < nodes.length; i++) totals[i] = (totals[i] as number) + weight * plugin.score(pod, nodes[i] as NodeInfo, facts);
    return;
  }
  for (let i = 0; i < nodes.length; i++) scores[i] = plugin.score(pod, nodes[i] as NodeInfo, facts);
  if (typeof plugin.normalize === 'function') plugin.normalize(scores, facts);
  else toHundred(scores, plugin.normalize === 'reversed');
  for (let i = 0; i < nodes.length; i++) totals[i] = (totals[i] as number) + weight * (scores[i] as number);
}

/** The highest becomes 100, or 0 when reversed; all alike when nothing was scored. */
function toHundred(scores: Float64Array, reversed: boolean): void {
  let highest = 0;
  for (let i = 0; i < scores.length; i++) highest = Math.max(highest, scores[i] as number);
  for (let i = 0; i < scores.length; i++) {
    const share = highest === 0 ? 0 : Math.floor(((scores[i] as number) * 100) / highest);
    scores[i] = reversed ? 100 - share : share;
  }
}
