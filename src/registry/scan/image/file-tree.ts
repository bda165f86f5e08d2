import type { Entry } from './layer.ts';

/** What one layer says: what it takes away from those below it, and what it has of interest. */
export interface LayerChanges<T> {
  /** Whiteouts: these paths, and all below them, are gone. */
  readonly removed: Set<string>;
  /** Opaque directories: what lower layers have in them is gone. */
  readonly opaque: Set<string>;
  /** Entries that are no directory: a file of a lower layer there, or a directory with all in it, is gone. */
  readonly replaced: Set<string>;
  readonly files: Map<string, T>;
}

export const noChanges = <T>(): LayerChanges<T> => ({ removed: new Set(), opaque: new Set(), replaced: new Set(), files: new Map() });

/** Takes note of an entry; false when it is a whiteout and no file of the image. OCI image specification, layers. */
export function note<T>(changes: LayerChanges<T>, { path, type }: Entry): boolean {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  if (!name.startsWith('.wh.')) {
    if (type !== 'directory') {
      changes.replaced.add(path);
      changes.files.delete(path);
    }
    return true;
  }
  const directory = slash < 0 ? '' : path.slice(0, slash);
  if (name === '.wh..wh..opq') changes.opaque.add(directory);
  // Other names with two prefixes are aufs's own.
  else if (!name.startsWith('.wh..wh.') && name.length > 4) changes.removed.add(slash < 0 ? name.slice(4) : `${directory}/${name.slice(4)}`);
  return false;
}

/** The files of interest of an image, as the layers up to now leave them. */
export class FileTree<T> {
  readonly #files = new Map<string, T>();

  apply({ removed, opaque, replaced, files }: LayerChanges<T>): void {
    for (const path of this.#files.keys()) {
      if (replaced.has(path) || removed.has(path) || isBelow(path, (parent) => removed.has(parent) || opaque.has(parent) || replaced.has(parent)))
        this.#files.delete(path);
    }
    for (const [path, value] of files) this.#files.set(path, value);
  }
  get(path: string): T | undefined {
    return this.#files.get(path);
  }
  entries(): IterableIterator<[string, T]> {
    return this.#files.entries();
  }
}

/** Whether a directory above the path, the root included, is such. */
function isBelow(path: string, isSuch: (directory: string) => boolean): boolean {
  for (let at = path.lastIndexOf('/'); at >= 0; at = path.lastIndexOf('/', at - 1)) if (isSuch(path.slice(0, at))) return true;
  return isSuch('');
}
