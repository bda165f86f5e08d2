import { chmod, lstat, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { VolumeError } from './plugin.ts';

/** The real path of a subPath. It is made when missing, and may not lead out of the volume, not even by a symlink. */
export async function resolveSubPath(volumePath: string, subPath: string): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) throw new VolumeError(`subPath "${subPath}" must be relative and must not contain '..'`);
  const root = await realpath(volumePath);
  const wanted = resolve(root, subPath);
  if (await lstat(wanted).catch(() => undefined)) return inside(root, await realpath(wanted), subPath);
  const parent = await nearest(dirname(wanted));
  inside(root, await realpath(parent), subPath);
  await mkdir(wanted, { recursive: true });
  // As kubelet: who may use the volume may use what is made in it.
  const mode = (await stat(root)).mode & 0o7777;
  for (let at = wanted; at !== parent; at = dirname(at)) await chmod(at, mode);
  return inside(root, await realpath(wanted), subPath);
}
function inside(root: string, path: string, subPath: string): string {
  if (path !== root && !path.startsWith(root + sep)) throw new VolumeError(`subPath "${subPath}" leads out of the volume`);
  return path;
}
async function nearest(path: string): Promise<string> {
  let at = path;
  while (!(await lstat(at).catch(() => undefined))) at = dirname(at);
  return at;
}
