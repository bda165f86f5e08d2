const safe = 'bcdfghjklmnpqrstvwxz2456789';

/** Equal objects give equal texts: keys in order, without nulls, empty lists and empty metadata. */
export function canonical(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value).filter(
    ([k, v]) => v !== null && v !== undefined && !(Array.isArray(v) && v.length === 0) && !(isMeta(k) && isEmpty(v)),
  );
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
    .join(',')}}`;
}
const isMeta = (key: string): boolean => key === 'labels' || key === 'annotations' || key === 'metadata';
const isEmpty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** FNV-1a over a text and the number of collisions so far, in the alphabet of Kubernetes' names. */
export function nameHash(text: string, collisionCount: number | undefined): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text + (collisionCount === undefined ? '' : String(collisionCount)))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return String(hash).replace(/./g, (digit) => safe[digit.charCodeAt(0) % safe.length] ?? '');
}
