import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { BackupError, type BlobSource, type Source, type StateEntry } from '#backup';
import { BlobFiles, registryLayout } from '#registry';
import type { Store } from '#store';
import type { Paths } from '../paths.ts';

/** Who holds which lease now is of no use later, and would make living nodes look dead. */
const fleeting = '/registry/coordination.k8s.io/leases/';
export const isKept = (key: string): boolean => !key.startsWith(fleeting);

/** All of the state at one revision. */
export async function readState(store: Store): Promise<{ revision: number; entries: StateEntry[] }> {
  const { entries, revision } = await store.list('');
  return { revision, entries: entries.filter(({ key }) => isKept(key)) };
}

/** What a backup is made of. `dispose` takes the copy of the catalog away. */
export async function openSource(store: Store, paths: Paths, instance: Source['instance']): Promise<Source & Disposable> {
  // The state first: an image is pushed before a pod names it, so the registry's later catalog has what pods need.
  const state = await readState(store);
  const { catalog, blobs } = registryLayout(join(paths.data, 'registry'));
  if (!existsSync(catalog)) return { instance, state, [Symbol.dispose]: () => {} };
  const dir = mkdtempSync(join(paths.data, 'backup-'));
  const copy = join(dir, 'catalog.db');
  const dispose = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    await copyDatabase(catalog, copy);
    return { instance, state, registry: { catalog: read(copy), blobs: blobsOf(copy, new BlobFiles(blobs)) }, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** A consistent copy of a database that may be written to meanwhile. */
async function copyDatabase(from: string, to: string): Promise<void> {
  const db = new DatabaseSync(from, { readOnly: true, timeout: 5000 });
  try {
    await backup(db, to);
  } finally {
    db.close();
  }
}
function blobsOf(catalog: string, files: BlobFiles): BlobSource[] {
  const db = new DatabaseSync(catalog);
  try {
    // One file, so that it is whole without a log beside it.
    db.exec('PRAGMA journal_mode = DELETE');
    const digests = db.prepare('SELECT digest FROM blobs ORDER BY digest').all() as { digest: string }[];
    return digests.map(({ digest }) => ({ digest, read: () => read(files.path(digest)) }));
  } finally {
    db.close();
  }
}

/** Opened when it is asked for: a stream that nobody listens to yet would end the process with its error. */
async function* read(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new BackupError(`${file} went while the backup was made: make another one`);
  }
}
