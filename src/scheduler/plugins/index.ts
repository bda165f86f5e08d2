import type { FilterPlugin, ScorePlugin } from '../plugin.ts';
import { balancedAllocation } from './balanced-allocation.ts';
import { interPodAffinity, interPodAffinityScore } from './inter-pod-affinity.ts';
import { leastAllocated } from './least-allocated.ts';
import { nodeAffinity, nodeAffinityScore } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { podTopologySpread, podTopologySpreadScore } from './pod-topology-spread.ts';
import { taintToleration, taintTolerationScore } from './taint-toleration.ts';

export interface Plugins {
  /** In order: the first that rejects a node is the one whose reason is shown. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly ScorePlugin[];
}

/** Every plugin there is. A new one is a file here and a line below. */
export const plugins: Plugins = {
  filters: [nodeUnschedulable, nodeName, taintToleration, nodeAffinity, nodePorts, nodeResourcesFit, podTopologySpread, interPodAffinity],
  scores: [taintTolerationScore, nodeAffinityScore, podTopologySpreadScore, interPodAffinityScore, leastAllocated, balancedAllocation],
};
