import { resolve } from 'node:path';
import type { Logger } from '#base';
import { Embedded, type EmbeddedStore } from '../core/embedded.ts';
import { Mvcc } from '../core/mvcc.ts';
import { reportThrow } from '../core/report.ts';
import { StoreThread } from './thread.ts';
import { Writer } from './writer.ts';

export interface SqliteStoreOptions {
  /** The database; made when it does not exist. Its directory must exist. */
  readonly file: string;
  readonly log?: Logger;
  /** How long to wait for another process to let go of the file, ms; 1,000 by default. */
  readonly lockWaitMs?: number;
  /** Refuse writes past this file size, bytes; no limit of our own by default. */
  readonly quotaBytes?: number;
  /** Where the writer thread's program is, for a bundle that moved it. */
  readonly workerUrl?: URL;
  /** The writer thread, when it was started before; no other store may have it. */
  readonly thread?: StoreThread | undefined;
}

/**
 * Opens the durable store and holds its file until closed: a second process, or a second opening here, is
 * refused. Nothing else in this process may open the file, not even to read it: closing a descriptor drops
 * the POSIX locks that the process has on a file. Rejects with StoreError `corrupt` (the file is left as it is) or `unavailable` (in use, not writable).
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<EmbeddedStore> {
  const file = resolve(options.file);
  const thread = options.thread ?? new StoreThread(options.workerUrl);
  const input = { file, lockWaitMs: options.lockWaitMs ?? 1_000, quotaBytes: options.quotaBytes };
  const { writer, rows, compacted } = await Writer.open(thread, input);
  const mvcc = new Mvcc({ rows, compacted }, reportThrow(options.log));
  options.log?.info('store opened', { file, revision: mvcc.revision, keys: mvcc.keys, compacted });
  return new Embedded(mvcc, writer);
}
