import type { V1KeyToPath } from '#kinds';
import { namespaceOf } from '../pod.ts';
import { selectItems } from './config-map.ts';
import { VolumeError, type Payload, type VolumeContext, type VolumePlugin } from './plugin.ts';

export const secret: VolumePlugin = {
  source: 'secret',
  directory: 'kubernetes.io~secret',
  writable: false,
  ownership: true,
  references: (volume) => [`Secret/${volume.secret?.secretName}`],
  payload: async (context) => {
    const { secretName, ...source } = context.volume.secret ?? {};
    return { files: await secretFiles(context, { ...source, ...(secretName ? { name: secretName } : {}) }, source.defaultMode ?? 0o644) };
  },
};

export async function secretFiles(
  context: VolumeContext,
  source: { name?: string; items?: V1KeyToPath[]; optional?: boolean },
  mode: number,
): Promise<Payload> {
  const found = await context.objects.secret(namespaceOf(context.pod), source.name ?? '');
  if (!found && !source.optional) throw new VolumeError(`secret "${source.name}" not found`);
  const data = Object.fromEntries(Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
  return selectItems(data, source, mode, (key) => `references non-existent secret key: ${key}`);
}
