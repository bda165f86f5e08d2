import type { Revision, StoreError } from '../store.ts';
import type { Group } from './history.ts';

/** One thing a driver makes durable, whole or not at all. */
export type DiskJob =
  | { readonly kind: 'write'; readonly groups: readonly Group[] }
  /** Remember that history at or below the revision is gone. */
  | { readonly kind: 'compacted'; readonly revision: Revision }
  /** Remove the rows with these ids. */
  | { readonly kind: 'forget'; readonly ids: readonly number[] }
  /** Give a slice of free space back; `more` tells whether there is more to give. */
  | { readonly kind: 'tidy' };

/** Where a driver keeps the rows. Never asked for two jobs at the same time. */
export interface Disk {
  /** Calls `done` later, never inside the call. With an error, nothing of the job has happened. */
  run(job: DiskJob, done: (error: StoreError | undefined, more: boolean) => void): void;
  /** How long to gather commits before the first goes to an idle disk: the rest of this turn of the loop, or less. */
  defer(fn: () => void): void;
  close(): Promise<void>;
}
