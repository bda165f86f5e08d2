import type { Stats } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import type { V1HostPathVolumeSource } from '#kinds';
import { VolumeError, type VolumePlugin } from './plugin.ts';

export const hostPath: VolumePlugin = {
  source: 'hostPath',
  directory: 'kubernetes.io~host-path',
  writable: true,
  ownership: false,
  setup: ({ volume }) => hostPathSource(volume.hostPath ?? { path: '' }),
};

/** The path, when what is there is of the type that is asked for. Rejects with VolumeError. */
export async function hostPathSource(source: V1HostPathVolumeSource): Promise<string> {
  await check(source.path, source.type ?? '');
  return source.path;
}

const checks: Record<string, { test(s: Stats): boolean; what: string }> = {
  Directory: { test: (s) => s.isDirectory(), what: 'a directory' },
  DirectoryOrCreate: { test: (s) => s.isDirectory(), what: 'a directory' },
  File: { test: (s) => s.isFile(), what: 'a file' },
  FileOrCreate: { test: (s) => s.isFile(), what: 'a file' },
  Socket: { test: (s) => s.isSocket(), what: 'a socket file' },
  CharDevice: { test: (s) => s.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { test: (s) => s.isBlockDevice(), what: 'a block device' },
};

/** The seven types of HostPathVolumeSource. Without a type nothing is checked; a missing directory is then made, as container runtimes do. */
async function check(path: string, type: string): Promise<void> {
  let found = await stat(path).catch(() => undefined);
  if (!found && (type === 'DirectoryOrCreate' || type === '')) await mkdir(path, { recursive: true, mode: 0o755 });
  if (!found && type === 'FileOrCreate') await writeFile(path, '', { mode: 0o644 });
  if (type === '') return;
  const rule = checks[type];
  if (!rule) throw new VolumeError(`hostPath type check failed: unknown type "${type}"`);
  found ??= await stat(path).catch(() => undefined);
  if (!found || !rule.test(found)) throw new VolumeError(`hostPath type check failed: ${path} is not ${rule.what}`);
}
