import type { NodeGroup, V1Node, V1Pod } from '#kinds';
import type { KubeObject } from '#machinery';

/** A cluster in thought, on which pods can be tried: the scheduler's own filters. */
export interface Placement {
  clear(): void;
  setNamespace(name: string, labels: { readonly [key: string]: string }): void;
  setNode(node: V1Node): void;
  removeNode(name: string): void;
  /** Counts a pod on a node. */
  addPod(pod: V1Pod, node: string): void;
  removePod(pod: V1Pod): void;
  /** Why one node cannot take the pod; undefined when it can. */
  against(pod: V1Pod, node: string): readonly string[] | undefined;
  /** Counts the pod on the best node that can take it; gives the node's name, or undefined when there is none. */
  place(pod: V1Pod): string | undefined;
}

export interface ClusterAutoscalerOptions {
  /** Made when the first group is there. */
  readonly placement: () => Placement;
  /** How often it looks, ms. Default 10 s (--scan-interval). */
  readonly scanMs?: number;
  /** How long a node must be unneeded before it goes, ms. Default 10 min (--scale-down-unneeded-time). */
  readonly unneededMs?: number;
  /** How long nothing goes after something came, ms. Default 10 min (--scale-down-delay-after-add). */
  readonly delayAfterAddMs?: number;
  /** A node that is used less than this may go. Default 0.5 (--scale-down-utilization-threshold). */
  readonly utilizationThreshold?: number;
  /** Names of expanders; each chooses among what the one before left. Default priority, price, least-waste. */
  readonly expanders?: readonly string[];
  /** Whether new nodes are shared among groups whose nodes are alike. Default: not (--balance-similar-node-groups). */
  readonly balanceSimilar?: boolean;
}

/** Annotation of a NodeGroup that may be scaled by the autoscaler. */
export const autoscaledAnnotation = 'batuta.dev/autoscaled';
export const isAutoscaled = (group: NodeGroup): boolean => group.metadata?.annotations?.[autoscaledAnnotation] === 'true';
export const nameOf = (object: KubeObject): string => object.metadata?.name ?? '';
export interface Bounds {
  readonly size: number;
  readonly min: number;
  readonly max: number;
}
export function boundsOf({ spec }: NodeGroup): Bounds {
  const { replicas = 0, min = 0, max = 0 } = spec ?? {};
  return { size: replicas, min, max };
}
