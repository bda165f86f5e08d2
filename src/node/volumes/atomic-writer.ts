import { chmod, chown, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { randomSuffix, type Clock, type Random } from '#base';
import { VolumeError, type Payload } from './plugin.ts';

/**
 * Replaces all files of a volume at once: a fresh directory is filled, then the symlink `..data` is renamed
 * over, so that a reader sees all old files or all new ones (kubelet's AtomicWriter). True when something changed.
 */
export async function writeAtomically(dir: string, files: Payload, time: { clock: Clock; random: Random }): Promise<boolean> {
  for (const path of files.keys()) checkPath(path);
  await mkdir(dir, { recursive: true });
  const current = await readlink(join(dir, '..data')).catch(() => undefined);
  if (current !== undefined && (await same(join(dir, current), files))) return false;
  const stamp = new Date(time.clock.now()).toISOString().replace(/[-T:]/g, '_').replace('Z', '');
  const fresh = `..${stamp}${randomSuffix(time.random, 9)}`;
  await fill(join(dir, fresh), files);
  await rm(join(dir, '..data_tmp'), { force: true });
  await symlink(fresh, join(dir, '..data_tmp'));
  await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  await linkVisible(dir, files);
  if (current !== undefined) await rm(join(dir, current), { recursive: true, force: true });
  return true;
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/') || parts.includes('..') || (parts[0] as string).startsWith('..') || normalize(path) !== path) {
    throw new VolumeError(`invalid path "${path}": must be relative, without '..' and not start with '..'`);
  }
}
async function fill(dir: string, files: Payload): Promise<void> {
  await mkdir(dir);
  await chmod(dir, 0o755);
  for (const [path, file] of files) {
    const target = join(dir, path);
    if (path.includes('/')) await mkdir(dirname(target), { recursive: true });
    await writeFile(target, file.data);
    await chmod(target, file.mode);
    if (file.uid !== undefined) await chown(target, file.uid, -1);
  }
}
async function same(dir: string, files: Payload): Promise<boolean> {
  const present = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  if (present.filter((e) => e.isFile()).length !== files.size) return false;
  for (const [path, file] of files) {
    const found = await readFile(join(dir, path)).catch(() => undefined);
    if (!found?.equals(file.data)) return false;
    const { mode } = await stat(join(dir, path));
    if ((mode & file.mode & 0o777) !== (file.mode & 0o777)) return false;
  }
  return true;
}
async function linkVisible(dir: string, files: Payload): Promise<void> {
  const wanted = new Set([...files.keys()].map((path) => path.split('/')[0] as string));
  for (const name of await readdir(dir)) {
    if (name.startsWith('..')) continue;
    if (!wanted.has(name)) await rm(join(dir, name), { recursive: true, force: true });
    else wanted.delete(name);
  }
  for (const name of wanted) await symlink(join('..data', name), join(dir, name));
}
