import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '#base';
import type { Runtime } from '../runtime.ts';
import { logFiles } from './reader.ts';

/** kubelet's defaults: containerLogMaxSize and containerLogMaxFiles. */
export const maxLogBytes = 10 * 2 ** 20;
export const maxLogFiles = 5;

/** Renames a log that grew too large and has the runtime open a new one; old files over the limit go. True when it was rotated. */
export async function rotateLog(path: string, containerId: string, runtime: Runtime, clock: Clock, maxBytes = maxLogBytes): Promise<boolean> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size < maxBytes || !runtime.containers.reopenLog) return false;
  const stamp = new Date(clock.now()).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 19);
  await rename(path, `${path}.${stamp}`);
  try {
    await runtime.containers.reopenLog(containerId);
  } catch (error) {
    await rename(`${path}.${stamp}`, path);
    throw error;
  }
  const files = await logFiles(path);
  for (const old of files.slice(0, Math.max(0, files.length - maxLogFiles))) await rm(old, { force: true });
  return true;
}

/** Deletes a container's log with its rotated files. */
export async function removeLog(path: string): Promise<void> {
  const prefix = basename(path);
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    if (name === prefix || name.startsWith(`${prefix}.`)) await rm(join(dirname(path), name), { force: true });
  }
}
