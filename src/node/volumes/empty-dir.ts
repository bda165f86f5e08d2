import { chmod, mkdir } from 'node:fs/promises';
import { quantityToNumber } from '#base';
import { VolumeError, type VolumePlugin } from './plugin.ts';

export const emptyDir: VolumePlugin = {
  source: 'emptyDir',
  directory: 'kubernetes.io~empty-dir',
  writable: true,
  ownership: true,
  // In memory the limit is the size of the tmpfs.
  sizeLimit: ({ emptyDir: source }) => (source?.medium !== 'Memory' && quantityToNumber(source?.sizeLimit) > 0 ? source?.sizeLimit : undefined),
  async setup({ dir, volume, mounts }) {
    const { medium = '', sizeLimit } = volume.emptyDir ?? {};
    if (medium !== '' && medium !== 'Memory') throw new VolumeError(`emptyDir medium "${medium}" is not supported on this node; supported are "" and "Memory"`);
    const size = quantityToNumber(sizeLimit);
    const made = await mkdir(dir, { recursive: true });
    if (medium === 'Memory' && !(await mounts.below(dir)).includes(dir)) await mounts.tmpfs(dir, size > 0 ? size : undefined);
    if (made !== undefined) await chmod(dir, 0o777);
    return dir;
  },
};
