import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { flush } from '#base';
import { checkDigest } from './names.ts';
import { algorithmOf, hexOf } from './digest.ts';

/** Blobs as files: DIR/sha256/ab/abcdef…. What stands under a digest's name is whole and has that digest. */
export class BlobFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  path(digest: string): string {
    checkDigest(digest);
    const hex = hexOf(digest);
    return join(this.#dir, algorithmOf(digest), hex.slice(0, 2), hex);
  }
  open(digest: string): Promise<FileHandle> {
    return open(this.path(digest), 'r');
  }
  /** Moves a verified, flushed file to its place. When this resolves it survives a power cut. */
  async adopt(file: string, digest: string): Promise<void> {
    const target = this.path(digest);
    const parent = join(target, '..');
    const made = await mkdir(parent, { recursive: true, mode: 0o700 });
    await rename(file, target);
    await flush(parent);
    if (made !== undefined) await flush(join(made, '..'));
  }
  remove(digest: string): void {
    rmSync(this.path(digest), { force: true });
  }
  /** Digests of files last changed before a time, ms since the epoch: what a crash may have left between two steps is among them. */
  *older(before: number): Generator<string> {
    for (const algorithm of readdirSync(this.#dir)) {
      for (const prefix of readdirSync(join(this.#dir, algorithm))) {
        for (const hex of readdirSync(join(this.#dir, algorithm, prefix))) {
          const found = statSync(join(this.#dir, algorithm, prefix, hex), { throwIfNoEntry: false });
          if (found && found.mtimeMs < before) yield `${algorithm}:${hex}`;
        }
      }
    }
  }
}

/** Where a registry over a directory keeps its catalog and its blobs: for those who back it up while it serves. */
export const registryLayout = (dir: string): { catalog: string; blobs: string } => ({ catalog: join(dir, 'catalog.db'), blobs: join(dir, 'blobs') });
