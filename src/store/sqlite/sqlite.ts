import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Logger } from '#base';
import { Embedded, type EmbeddedStore } from '../core/embedded.ts';
import { Mvcc } from '../core/mvcc.ts';
import { reportThrow } from '../core/report.ts';
import { StoreError } from '../store.ts';
import { createDatabase } from './database.ts';
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
}

/**
 * Opens the durable store and holds its file until closed: a second process, or a second opening here, is
 * refused. Nothing else in this process may open the file, not even to read it: closing a descriptor drops
 * the POSIX locks that the process has on a file. Rejects with StoreError `corrupt` (the file is left as it is) or `unavailable` (in use, not writable).
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<EmbeddedStore> {
  const file = resolve(options.file);
  prepare(file);
  const url = options.workerUrl ?? new URL('./worker.ts', import.meta.url);
  const input = { file, lockWaitMs: options.lockWaitMs ?? 1_000, quotaBytes: options.quotaBytes };
  const { writer, rows, compacted } = await Writer.open(url, input);
  const mvcc = new Mvcc({ rows, compacted }, reportThrow(options.log));
  options.log?.info('store opened', { file, revision: mvcc.revision, keys: mvcc.keys, compacted });
  return new Embedded(mvcc, writer);
}

/** Makes the database when there is none; whole or not at all, so that an empty file always means damage. */
function prepare(file: string): void {
  try {
    if (!existsSync(file)) create(file);
    else if (statSync(file).size === 0) {
      throw new StoreError('corrupt', `${file} is empty, it was cut off; move it away to start empty, or put a backup in its place`);
    }
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError('unavailable', `${file} cannot be made: ${(error as Error).message}; check that its directory exists, is writable and has space`);
  }
}

function create(file: string): void {
  const fresh = `${file}.${process.pid}.new`;
  rmSync(fresh, { force: true });
  try {
    createDatabase(fresh);
    flush(fresh);
    linkSync(fresh, file);
  } catch (error) {
    // Another process was faster: its file is as good.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  flush(dirname(file));
}

/** Makes a file, or the names in a directory, survive a power cut. */
function flush(path: string): void {
  const handle = openSync(path, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
