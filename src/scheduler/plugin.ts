import type { Clock, Logger, Random } from '#base';
import type { Informer } from '#client';
import type { Api, Kind, KubeObject } from '#machinery';
import type { ClusterState } from './cluster-state.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Why a node cannot take a pod. The texts are kube-scheduler's: users search for them. */
export interface Rejection {
  readonly reasons: readonly string[];
  /** Evicting other pods from the node would not help. */
  readonly unresolvable: boolean;
}

/** `prepare` gives this when no node can take the pod, whatever it is like (kube-scheduler: a status of PreFilter). */
export class Refusal {
  readonly rejection: Rejection;
  constructor(reason: string, unresolvable = true) {
    this.rejection = reject(reason, unresolvable);
  }
}

/** What happened in the cluster that may let a rejected pod fit now. */
export type ClusterEvent =
  | { readonly type: 'PodRemoved'; readonly pod: PodInfo; readonly node?: NodeInfo | undefined }
  | { readonly type: 'PodPlaced'; readonly pod: PodInfo; readonly node?: NodeInfo | undefined }
  | { readonly type: 'NodeAdded'; readonly node: NodeInfo }
  | { readonly type: 'NodeChanged'; readonly node: NodeInfo; readonly change: NodeChange }
  /** An object of a kind that a plugin `watches`: made (no `old`), changed, or gone (no `object`). */
  | { readonly type: 'ObjectChanged'; readonly kind: string; readonly object: KubeObject | undefined; readonly old: KubeObject | undefined };

/** Which scheduling facts of a node changed. */
export interface NodeChange {
  readonly allocatable: boolean;
  readonly labels: boolean;
  readonly taints: boolean;
  readonly unschedulable: boolean;
}

/** The points PreFilter and Filter: which nodes can take a pod. What it may use is in its arguments and in what it watches. */
export interface FilterPlugin {
  readonly name: string;
  /** False: every node passes for this pod. Default: true. */
  applies?(pod: PodInfo): boolean;
  /** Names of the only nodes that can pass; undefined: any. Spares the search, for pods that belong to one node. */
  only?(pod: PodInfo): readonly string[] | undefined;
  /**
   * Once per decision, for what is the same for all nodes. Undefined: every node passes for this pod. A `Refusal`: none
   * does. It runs again after every pod that preemption takes away or gives back in thought, so it must be cheap.
   */
  prepare?(pod: PodInfo, state: ClusterState): unknown;
  /** Undefined: the node passes. `facts` is what `prepare` gave. */
  filter(pod: PodInfo, node: NodeInfo, facts: unknown): Rejection | undefined;
  /** Whether a pod that this plugin rejected may pass after the event (a queueing hint). Called after the event is counted. */
  unstuckBy(event: ClusterEvent, pod: PodInfo): boolean;
  /** What a user can do about it; one short sentence. Default: none. */
  advice?(pod: PodInfo, node: NodeInfo, rejection: Rejection): string | undefined;
}

/** The points PreScore, Score and NormalizeScore: which of the nodes that can take a pod are better. */
export interface ScorePlugin {
  readonly name: string;
  /** Where a profile says nothing else. */
  readonly weight: number;
  /** False: all nodes are alike for this pod. Default: true. */
  applies?(pod: PodInfo): boolean;
  /** Once per decision. `feasible`: the nodes that will be scored. Undefined: all nodes are alike for this pod. */
  prepare?(pod: PodInfo, state: ClusterState, feasible: readonly NodeInfo[]): unknown;
  /** 0 to 100, or any number when `normalize` brings it there. `facts` is what `prepare` gave. */
  score(pod: PodInfo, node: NodeInfo, facts?: unknown): number;
  /** The highest score becomes 100; `reversed`: 0. Or a function that changes the scores in place. */
  readonly normalize?: 'highest' | 'reversed' | ((scores: Float64Array, facts: unknown) => void);
}

/** Why a pod may not even be tried (PreEnqueue). */
export interface Gate {
  readonly reason: string;
  readonly message: string;
}

/** A plugin of a profile: any of the extension points of kube-scheduler's framework. */
export interface Plugin {
  readonly name: string;
  /** PreEnqueue: undefined lets the pod in. Asked again whenever the pod changes. */
  readonly gate?: (pod: PodInfo) => Gate | undefined;
  readonly filter?: FilterPlugin;
  readonly score?: ScorePlugin;
  /** Reserve: takes hold of what the pod needs besides the node. A text is why it cannot: nothing was taken then. */
  readonly reserve?: (pod: PodInfo, node: NodeInfo) => string | undefined;
  /** Undoes `reserve`; also called when a later step failed. Must not throw. */
  readonly unreserve?: (pod: PodInfo, node: NodeInfo) => void;
  /**
   * PreBind: what has to be done before the pod is bound; may take minutes. Rejects when it cannot be: the pod is tried
   * again after its back-off. Undefined: nothing to do. The signal fires when the pod is gone or the scheduler stops.
   */
  readonly preBind?: (pod: PodInfo, node: NodeInfo, signal: AbortSignal) => Promise<void> | undefined;
  /** PostBind: the pod is bound. */
  readonly postBind?: (pod: PodInfo, node: NodeInfo) => void;
  /** PostFilter: room is made by evicting pods of lower priority; how many nodes are candidates enough, in percent and at least. */
  readonly preemption?: { readonly percentage: number; readonly absolute: number };
  /** Kinds whose changes are told to `filter.unstuckBy` as ObjectChanged; their caches are filled before the first decision. */
  readonly watches?: readonly Kind[];
}

/** What a plugin can reach when it is made. */
export interface PluginContext {
  readonly state: ClusterState;
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
  informer<T extends KubeObject>(kind: Kind<T>): Informer<T>;
  /** Its arguments from the configuration (pluginConfig), unchecked; undefined without any. */
  readonly args: unknown;
}

/** A sort of plugin; a profile makes its own of it. */
export interface PluginDefinition {
  readonly name: string;
  /** Throws with a text for the user when the arguments are wrong. */
  create(context: PluginContext): Plugin;
}

/** A plugin that needs nothing but the state. */
export const pure = (plugin: Plugin): PluginDefinition => ({ name: plugin.name, create: () => plugin });

export const reject = (reason: string, unresolvable = false): Rejection => Object.freeze({ reasons: Object.freeze([reason]), unresolvable });
