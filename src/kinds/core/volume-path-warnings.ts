/** Files of one volume that get in each other's way (pkg/api/pod/warnings.go): a path twice, or a path below a file. */
import type { V1KeyToPath, V1Volume, V1VolumeProjection } from '../generated/types.ts';

const trimmed = (path: string): string => path.replace(/\/+$/, '');
const overlaps = (a: string, b: string): boolean => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);

function collisions(paths: readonly string[], text: string): string[] {
  const seen: string[] = [];
  return paths.map(trimmed).flatMap((path) => {
    const other = path === '' ? undefined : seen.find((item) => item !== '' && overlaps(item, path));
    if (!seen.includes(path)) seen.push(path);
    return other === undefined ? [] : [`${text}: overlapping paths: ${JSON.stringify(path)} with ${JSON.stringify(other)}`];
  });
}

const pathsOf = (items: readonly { path?: string }[] | undefined): string[] => (items ?? []).map((item) => item.path ?? '');

/** What a source of a projected volume is called, and its paths. */
function projection(source: V1VolumeProjection): { name: string; paths: string[] } | undefined {
  const { configMap, secret, downwardAPI, serviceAccountToken: token, clusterTrustBundle: bundle } = source;
  const named = (kind: string, of: { name?: string; items?: V1KeyToPath[] }): { name: string; paths: string[] } => ({
    name: `${kind} ${JSON.stringify(of.name ?? '')}`,
    paths: pathsOf(of.items),
  });
  if (configMap?.items) return named('ConfigMap', configMap);
  if (secret?.items) return named('Secret', secret);
  if (downwardAPI?.items) return { name: 'DownwardAPI', paths: pathsOf(downwardAPI.items) };
  if (token) return { name: 'ServiceAccountToken', paths: pathsOf([token]) };
  return bundle && { name: `ClusterTrustBundle ${JSON.stringify(bundle.name ?? bundle.signerName ?? '')}`, paths: pathsOf([bundle]) };
}

function projectedWarnings(volume: string, sources: readonly V1VolumeProjection[]): string[] {
  const all = new Set<string>();
  return sources.flatMap((source) => {
    if (Object.keys(source).length === 0) return [`volume ${volume} (Projected) has no sources provided`];
    const found = projection(source);
    if (!found || found.paths.length === 0) return [];
    const text = `volume ${volume} (Projected ${found.name})`;
    const own = collisions(found.paths, text);
    const together = collisions([...new Set(found.paths), ...all].toSorted(), text);
    for (const path of found.paths) all.add(path);
    return [...own, ...together];
  });
}

export function volumePathWarnings(volumes: readonly V1Volume[] | undefined): string[] {
  return (volumes ?? []).flatMap(({ name, configMap, secret, downwardAPI, projected }) => {
    const volume = JSON.stringify(name);
    return [
      ...collisions(pathsOf(configMap?.items), `volume ${volume} (ConfigMap ${JSON.stringify(configMap?.name ?? '')})`),
      ...collisions(pathsOf(secret?.items), `volume ${volume} (Secret ${JSON.stringify(secret?.secretName ?? '')})`),
      ...collisions(pathsOf(downwardAPI?.items), `volume ${volume} (DownwardAPI)`),
      ...projectedWarnings(volume, projected?.sources ?? []),
    ];
  });
}
