import type { KubeObject } from '#machinery';
import type { NodeVerdict } from './explain.ts';

export const placementVersion = 'scheduling.batuta.dev/v1';

/** What the scheduler knows of a pod that has no node. */
export interface PlacementStatus {
  /** Gated: nobody may look at it yet. Waiting: it was tried and fits nowhere, or is about to be tried. Foreign: another scheduler's. */
  readonly state: 'Gated' | 'Waiting' | 'Foreign' | 'Placed';
  readonly schedulerName: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** Of the PodScheduled condition. */
  readonly reason?: string;
  readonly message?: string;
  /** Where it is, or where victims of it are leaving. */
  readonly nodeName?: string;
  readonly nominatedNodeName?: string;
  /** When it is tried again at the latest. */
  readonly nextAttempt?: string;
  /** Empty for pods far down in a long list; reading such a pod alone gives them. */
  readonly nodes: readonly NodeVerdict[];
}
export interface PodPlacement extends KubeObject {
  readonly status: PlacementStatus;
}

export interface PlacementSource {
  placement(namespace: string, name: string): PodPlacement | undefined;
  /** Of all pods that wait, in a namespace or in all. */
  placements(namespace: string | undefined): readonly PodPlacement[];
}
