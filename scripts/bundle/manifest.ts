import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** What a bundle was made of, and where it is. */
export interface Manifest {
  /** Directory with the bundle, beside the manifest. */
  readonly slot: string;
  /** Path below the project's root → what the file was. */
  readonly sources: Record<string, Source>;
}
/** Size, time of modification (ms), time of the last change of the inode (ms), digest of the content. */
export type Source = readonly [size: number, modified: number, changed: number, digest: string];

const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('base64');

export function sourceOf(path: string): Source {
  const { size, mtimeMs, ctimeMs } = statSync(path);
  return [size, mtimeMs, ctimeMs, digestOf(readFileSync(path))];
}

/**
 * Whether every source is what it was. A file that only looks different (copied, checked out again, touched) is
 * read: it costs some milliseconds, and stale code must never run.
 */
export function isCurrent(root: string, sources: Manifest['sources']): boolean {
  for (const path in sources) {
    const [size, modified, changed, digest] = sources[path] as Source;
    const file = `${root}/${path}`; // hundreds of them: joining with care would take as long as looking
    const now = statSync(file, { throwIfNoEntry: false });
    if (now?.size !== size) return false;
    if ((now.mtimeMs !== modified || now.ctimeMs !== changed) && digestOf(readFileSync(file)) !== digest) return false;
  }
  return true;
}
