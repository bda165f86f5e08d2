import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { flush } from '#base';

/** Where backups lie: objects under names with slashes, each written whole or not at all. */
export interface Target {
  /** Names that begin with a prefix, in no order. */
  list(prefix: string): Promise<string[]>;
  /** Undefined: there is none. */
  get(name: string): Promise<Buffer | undefined>;
  put(name: string, content: Buffer): Promise<void>;
  /** False: there is one already, which stays as it is. */
  putNew(name: string, content: Buffer): Promise<boolean>;
  /** Deleting what is not there is no error. */
  delete(name: string): Promise<void>;
}

/** A folder: what has a name is whole and flushed. */
export function folderTarget(dir: string): Target {
  async function write(name: string, content: Buffer, place: (from: string, to: string) => Promise<void>): Promise<void> {
    const target = join(dir, name);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const temporary = join(dirname(target), `.${randomBytes(8).toString('hex')}.tmp`);
    try {
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(content);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await place(temporary, target);
      await flush(dirname(target));
    } finally {
      await rm(temporary, { force: true });
    }
  }
  return {
    async list(prefix) {
      const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(absent([]));
      return entries
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
        .map((entry) => relative(dir, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
        .filter((name) => name.startsWith(prefix));
    },
    get: (name) => readFile(join(dir, name)).catch(absent(undefined)),
    put: (name, content) => write(name, content, rename),
    async putNew(name, content) {
      try {
        await write(name, content, link);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      }
    },
    delete: (name) => unlink(join(dir, name)).catch(absent(undefined)),
  };
}

const absent =
  <T>(instead: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return instead;
    throw error;
  };
