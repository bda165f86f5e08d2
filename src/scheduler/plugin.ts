import type { ClusterState } from './cluster-state.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Why a node cannot take a pod. The texts are kube-scheduler's: users search for them. */
export interface Rejection {
  readonly reasons: readonly string[];
  /** Evicting other pods from the node would not help. */
  readonly unresolvable: boolean;
}

/** What happened in the cluster that may let a rejected pod fit now. */
export type ClusterEvent =
  | { readonly type: 'PodRemoved'; readonly pod: PodInfo }
  | { readonly type: 'PodPlaced'; readonly pod: PodInfo }
  | { readonly type: 'NodeAdded'; readonly node: NodeInfo }
  | { readonly type: 'NodeChanged'; readonly node: NodeInfo; readonly change: NodeChange };

/** Which scheduling facts of a node changed. */
export interface NodeChange {
  readonly allocatable: boolean;
  readonly labels: boolean;
  readonly taints: boolean;
  readonly unschedulable: boolean;
}

/** Says which nodes can take a pod. Stateless: all it may use is in its arguments. */
export interface FilterPlugin {
  readonly name: string;
  /** False: every node passes for this pod. Default: true. */
  applies?(pod: PodInfo): boolean;
  /** Undefined: the node passes. `facts` is what `prepare` gave. */
  filter(pod: PodInfo, node: NodeInfo, facts: unknown): Rejection | undefined;
  /** Once per decision, for plugins that count pods on other nodes. Undefined: every node passes for this pod. */
  prepare?(pod: PodInfo, state: ClusterState): unknown;
  /** Whether a pod that this plugin rejected may pass after the event. */
  unstuckBy(event: ClusterEvent, pod: PodInfo): boolean;
}

/** Says which of the nodes that can take a pod are better. */
export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  /** False: all nodes are alike for this pod. Default: true. */
  applies?(pod: PodInfo): boolean;
  /** Once per decision, for plugins that count pods on other nodes. */
  prepare?(pod: PodInfo, state: ClusterState): unknown;
  /** 0 to 100, or any positive number when `normalize` brings it there. `facts` is what `prepare` gave. */
  score(pod: PodInfo, node: NodeInfo, facts?: unknown): number;
  /** The highest score becomes 100; `reversed`: 0. */
  readonly normalize?: 'highest' | 'reversed';
}

export const reject = (reason: string, unresolvable = false): Rejection => Object.freeze({ reasons: Object.freeze([reason]), unresolvable });
