import { type V1KeyToPath } from '#kinds';
import { namespaceOf } from '../pod.ts';
import { VolumeError, type Payload, type VolumeContext, type VolumePlugin } from './plugin.ts';

export const configMap: VolumePlugin = {
  source: 'configMap',
  directory: 'kubernetes.io~configmap',
  writable: false,
  ownership: true,
  references: (volume) => [`ConfigMap/${volume.configMap?.name}`],
  payload: async (context) => ({ files: await configMapFiles(context, context.volume.configMap ?? {}, context.volume.configMap?.defaultMode ?? 0o644) }),
};

interface Source {
  name?: string;
  items?: V1KeyToPath[];
  optional?: boolean;
}
export async function configMapFiles(context: VolumeContext, source: Source, mode: number): Promise<Payload> {
  const found = await context.objects.configMap(namespaceOf(context.pod), source.name ?? '');
  if (!found && !source.optional) throw new VolumeError(`configmap "${source.name}" not found`);
  const data: Record<string, Buffer> = {};
  for (const [key, value] of Object.entries(found?.data ?? {})) data[key] = Buffer.from(value);
  for (const [key, value] of Object.entries(found?.binaryData ?? {})) data[key] = Buffer.from(value, 'base64');
  return selectItems(data, source, mode, (key) => `configmap references non-existent config key: ${key}`);
}

/** All keys as files, or the listed ones under their paths. */
export function selectItems(data: Record<string, Buffer>, source: Source, mode: number, missing: (key: string) => string): Payload {
  if (!source.items) return new Map(Object.entries(data).map(([key, value]) => [key, { data: value, mode }]));
  const files: Payload = new Map();
  for (const item of source.items) {
    const value = data[item.key];
    if (value !== undefined) files.set(item.path, { data: value, mode: item.mode ?? mode });
    else if (!source.optional) throw new VolumeError(missing(item.key));
  }
  return files;
}
