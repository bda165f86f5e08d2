import { Backfills } from './backfills.ts';
import type { Ecr } from './ecr.ts';
import { ImageCopier } from './replicate.ts';
import { Replicator } from './replicator.ts';

/** Those who copy images between registries. */
export interface Replication {
  readonly copier: ImageCopier;
  readonly replicator: Replicator;
  readonly backfills: Backfills;
}
export function createReplication(ecr: Ecr): Replication {
  const copier = new ImageCopier(ecr);
  return { copier, replicator: new Replicator(ecr, copier), backfills: new Backfills(ecr, copier) };
}
