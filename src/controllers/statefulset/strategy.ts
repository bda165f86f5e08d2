import type { V1StatefulSet } from '#kinds';
import { scaledCount } from '../scaled.ts';
import { replicasOf } from './identity.ts';

export const isParallel = (set: V1StatefulSet): boolean => set.spec?.podManagementPolicy === 'Parallel';

/** How many of the lowest ordinals keep the current revision; all of them may be updated by deleting them when OnDelete. */
export function partitionOf(set: V1StatefulSet): number {
  const strategy = set.spec?.updateStrategy;
  return strategy?.type === 'OnDelete' ? 0 : (strategy?.rollingUpdate?.partition ?? 0);
}

/** A percentage is rounded down; at least 1. */
export function maxUnavailable(set: V1StatefulSet): number {
  return Math.max(1, scaledCount(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, replicasOf(set), Math.floor));
}
