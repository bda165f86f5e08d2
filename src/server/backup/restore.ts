import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { flush } from '#base';
import type { Manifest, Repository, StateEntry } from '#backup';
import { BlobFiles, registryLayout } from '#registry';
import { MAX_COMMIT_BYTES, StoreError, type Change, type Store } from '#store';
import { UserError } from '../errors.ts';
import type { Paths } from '../paths.ts';
import { isKept, readState } from './source.ts';

/** What of a backup is restored. */
export interface RestoreScope {
  readonly state: boolean;
  readonly registry: boolean;
}

/** A restore whose every byte is here and proved. From then on it is carried to its end, also over a crash. */
interface Staged extends RestoreScope {
  readonly backup: string;
}

const files = (paths: Paths): { dir: string; plan: string; state: string; catalog: string } => {
  const dir = join(paths.data, 'restore');
  return { dir, plan: join(dir, 'plan.json'), state: join(dir, 'state'), catalog: join(dir, 'catalog.db') };
};
export const isStaged = (paths: Paths): boolean => existsSync(files(paths).plan);

/** Fetches and proves everything first: what is missing or damaged on the target changes nothing here. */
export async function stageRestore(paths: Paths, repository: Repository, id: string, manifest: Manifest, scope: RestoreScope): Promise<void> {
  const staged = files(paths);
  if (isStaged(paths)) throw new UserError('another restore has not ended: start the instance, which ends it');
  rmSync(staged.dir, { recursive: true, force: true });
  mkdirSync(staged.dir, { recursive: true, mode: 0o700 });
  if (scope.registry && manifest.registry) {
    await fetchBlobs(paths, repository, manifest);
    await writeFlushed(staged.catalog, repository.catalog(manifest));
  }
  if (scope.state) await writeFlushed(staged.state, frames(repository.state(manifest)));
  const plan: Staged = { backup: id, state: scope.state, registry: scope.registry && manifest.registry !== undefined };
  await writeFlushed(staged.plan, [Buffer.from(JSON.stringify(plan))]);
}

/** Blobs are files by digest: those that are here already stay, those that come harm nobody. */
async function fetchBlobs(paths: Paths, repository: Repository, manifest: Manifest): Promise<void> {
  const blobs = new BlobFiles(registryLayout(join(paths.data, 'registry')).blobs);
  const incoming = join(files(paths).dir, 'blob');
  for (const [digest, blob] of Object.entries(manifest.registry?.blobs ?? {})) {
    const there = await stat(blobs.path(digest)).catch(() => undefined);
    if (there?.size === blob.size) continue;
    await writeFlushed(incoming, repository.blob(digest, blob));
    await blobs.adopt(incoming, digest);
  }
}

async function* frames(entries: AsyncIterable<StateEntry>): AsyncGenerator<Buffer> {
  for await (const { key, value } of entries) {
    const name = Buffer.from(key);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(name.length, 0);
    head.writeUInt32LE(value.length, 4);
    yield Buffer.concat([head, name, value]);
  }
}
function readFrames(file: string): Map<string, Buffer> {
  const content = readFileSync(file);
  const found = new Map<string, Buffer>();
  for (let at = 0; at < content.length;) {
    const keyEnd = at + 8 + content.readUInt32LE(at);
    const end = keyEnd + content.readUInt32LE(at + 4);
    found.set(content.toString('utf8', at + 8, keyEnd), content.subarray(keyEnd, end));
    at = end;
  }
  return found;
}

/**
 * Carries a staged restore out; none staged: does nothing. Doing it twice is doing it once. `swapRegistry` runs its
 * work while the registry is closed.
 */
export async function applyRestore(paths: Paths, store: Store, swapRegistry: (work: () => void) => Promise<void>): Promise<boolean> {
  if (!isStaged(paths)) return false;
  const staged = files(paths);
  const plan = JSON.parse(readFileSync(staged.plan, 'utf8')) as Staged;
  if (plan.state) await replaceState(store, readFrames(staged.state));
  if (plan.registry && existsSync(staged.catalog)) await swapRegistry(() => replaceCatalog(paths));
  rmSync(staged.plan);
  rmSync(staged.dir, { recursive: true, force: true });
  return true;
}
function replaceCatalog(paths: Paths): void {
  const { catalog } = registryLayout(join(paths.data, 'registry'));
  mkdirSync(dirname(catalog), { recursive: true, mode: 0o700 });
  // The log of the old catalog must not be played into the new one.
  for (const suffix of ['-wal', '-shm']) rmSync(catalog + suffix, { force: true });
  renameSync(files(paths).catalog, catalog);
  const folder = openSync(dirname(catalog), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Rounds of looking and writing while others write too. */
const ROUNDS = 10;

/** Makes the store hold what is wanted and nothing else, by ordinary commits: revisions rise, watchers see every change. */
export async function replaceState(store: Store, wanted: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const { entries } = await readState(store);
    const commits = planCommits(new Map(entries.map(({ key, value }) => [key, value])), wanted);
    if (commits.length === 0) return;
    try {
      for (const changes of commits) await store.commit(changes);
      return;
    } catch (error) {
      // Somebody deleted what was to be deleted: look again.
      if (!(error instanceof StoreError) || error.code !== 'conflict') throw error;
    }
  }
  throw new UserError('the state changed again and again while it was restored: try once more');
}

/**
 * The commits that lead from one state to another. What lives under a name with another uid is deleted first, in a
 * commit of its own, so that watchers see one object go and another come. All else is one commit where it fits; past
 * that, owners come before what they own, so that no collector takes it for orphaned.
 */
export function planCommits(current: ReadonlyMap<string, Uint8Array>, wanted: ReadonlyMap<string, Uint8Array>): Change[][] {
  const replaced: Change[] = [];
  const puts: { change: Change; owned: boolean }[] = [];
  for (const [key, value] of wanted) {
    const there = current.get(key);
    if (!isKept(key) || (there && Buffer.compare(there, value) === 0)) continue;
    const meta = metadataOf(value);
    if (there && metadataOf(there).uid !== meta.uid) replaced.push({ key, value: undefined });
    puts.push({ change: { key, value }, owned: (meta.ownerReferences?.length ?? 0) > 0 });
  }
  const deletes: Change[] = [...current.keys()].filter((key) => !wanted.has(key) && isKept(key)).map((key) => ({ key, value: undefined }));
  const ordered = puts.toSorted((a, b) => Number(a.owned) - Number(b.owned)).map((put) => put.change);
  return [...batches(replaced), ...batches([...ordered, ...deletes])];
}
/** Room for what the store adds to keys and values. */
const BATCH_BYTES = MAX_COMMIT_BYTES / 2;
function batches(changes: readonly Change[]): Change[][] {
  const made: Change[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const change of changes) {
    const bytes = change.key.length * 3 + (change.value?.length ?? 0);
    if (size + bytes > BATCH_BYTES) {
      made.push([]);
      size = 0;
    }
    (made.at(-1) as Change[]).push(change);
    size += bytes;
  }
  return made;
}
function metadataOf(value: Uint8Array): { uid?: string; ownerReferences?: unknown[] } {
  try {
    return (JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()) as { metadata?: { uid?: string } }).metadata ?? {};
  } catch {
    return {};
  }
}

async function writeFlushed(file: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const handle = await open(`${file}.tmp`, 'w', 0o600);
  try {
    await writeChunks(handle, content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.tmp`, file);
  await flush(dirname(file));
}
async function writeChunks(handle: FileHandle, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  for await (const chunk of content) await handle.writeFile(chunk);
}
