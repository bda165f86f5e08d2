import { stat } from 'node:fs/promises';
import type { V1PersistentVolume } from '#kinds';
import { VolumeError } from './plugin.ts';

/** A directory of the node, which has to be there; for volumeMode Block a block device. */
export async function localVolume(volume: V1PersistentVolume): Promise<string> {
  const path = volume.spec?.local?.path ?? '';
  const fail = (why: string): VolumeError =>
    new VolumeError(`MountVolume.NewMounter initialization failed for volume "${volume.metadata?.name}" : ${why}`, true);
  const found = await stat(path).catch(() => undefined);
  if (!found) throw fail(`path "${path}" does not exist`);
  if (volume.spec?.volumeMode === 'Block') {
    if (!found.isBlockDevice()) throw fail(`path "${path}" is not a block device`);
  } else if (!found.isDirectory()) throw fail(`path "${path}" is not a directory: file systems are not made or mounted here`);
  return path;
}
