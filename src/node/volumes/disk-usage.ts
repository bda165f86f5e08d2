import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes that a directory takes on disk with all below it. What goes away meanwhile counts nothing. */
export async function diskUsage(path: string): Promise<number> {
  const info = await lstat(path).catch(() => undefined);
  if (!info) return 0;
  let sum = info.blocks * 512;
  if (!info.isDirectory()) return sum;
  for (const name of await readdir(path).catch((): string[] => [])) sum += await diskUsage(join(path, name));
  return sum;
}
