import type { V1Deployment, V1ReplicaSet } from '#kinds';
import { annotation, desiredReplicas, intAnnotation, largestNewerFirst, largestOlderFirst, maxSurge, replicasOf, sum } from './numbers.ts';

export interface Size {
  replicaSet: V1ReplicaSet;
  replicas: number;
}

/**
 * Scaling in the middle of a rollout: the difference is spread over the active ReplicaSets in proportion
 * to their size; what rounding leaves goes to the largest.
 */
export function proportionalSizes(d: V1Deployment, active: readonly V1ReplicaSet[]): Size[] {
  const wanted = desiredReplicas(d);
  const allowed = wanted > 0 ? wanted + maxSurge(d) : 0;
  const toAdd = allowed - sum(active, replicasOf);
  const sets = [...active].sort(toAdd < 0 ? largestOlderFirst : largestNewerFirst);
  let added = 0;
  const sizes = sets.map((replicaSet) => {
    const share = toAdd === 0 ? 0 : shareOf(d, replicaSet, toAdd, added);
    added += share;
    return { replicaSet, replicas: replicasOf(replicaSet) + share };
  });
  const largest = sizes[0];
  if (largest && toAdd !== 0) largest.replicas = Math.max(0, largest.replicas + toAdd - added);
  return sizes;
}

function shareOf(d: V1Deployment, rs: V1ReplicaSet, toAdd: number, added: number): number {
  if (replicasOf(rs) === 0 || toAdd === added) return 0;
  const fraction = fractionOf(d, rs);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}
function fractionOf(d: V1Deployment, rs: V1ReplicaSet): number {
  const size = replicasOf(rs);
  const wanted = desiredReplicas(d);
  if (wanted === 0) return -size;
  const before = intAnnotation(rs, annotation.max) || (d.status?.replicas ?? 0) || size;
  return Math.round((size * (wanted + maxSurge(d))) / before) - size;
}
