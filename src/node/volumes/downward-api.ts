import type { V1DownwardAPIVolumeFile } from '#kinds';
import { fieldValue, resourceValue } from '../env.ts';
import type { Payload, VolumeContext, VolumePlugin } from './plugin.ts';

export const downwardAPI: VolumePlugin = {
  source: 'downwardAPI',
  directory: 'kubernetes.io~downward-api',
  writable: false,
  ownership: true,
  payload: async (context) => ({ files: downwardFiles(context, context.volume.downwardAPI?.items ?? [], context.volume.downwardAPI?.defaultMode ?? 0o644) }),
};

export function downwardFiles(context: VolumeContext, items: readonly V1DownwardAPIVolumeFile[], mode: number): Payload {
  const files: Payload = new Map();
  for (const item of items) {
    const text = item.fieldRef
      ? fieldValue(context.pod, item.fieldRef, context.facts)
      : item.resourceFieldRef
        ? resourceValue(context.pod, item.resourceFieldRef, context.facts)
        : '';
    files.set(item.path, { data: Buffer.from(text), mode: item.mode ?? mode });
  }
  return files;
}
