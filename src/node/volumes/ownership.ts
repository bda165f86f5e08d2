import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Gives a volume to a group (fsGroup): group owner, group permissions, and setgid directories so that new files inherit it. */
export async function setOwnership(path: string, gid: number, writable: boolean, onlyIfRootDiffers = false): Promise<void> {
  const info = await lstat(path);
  if (onlyIfRootDiffers && info.gid === gid && (info.mode & 0o2000) !== 0) return;
  await lchown(path, info.uid, gid);
  if (info.isSymbolicLink()) return;
  const bits = writable ? 0o660 : 0o440;
  const mode = info.mode & 0o7777;
  await chmod(path, info.isDirectory() ? mode | bits | 0o2110 : mode | bits);
  if (!info.isDirectory()) return;
  for (const name of await readdir(path)) await setOwnership(join(path, name), gid, writable);
}
