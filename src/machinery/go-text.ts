import type { Json } from './object.ts';

/** A value as Go prints it with %v: `map[a:1 b:[x y]]`, keys in order. For texts that clients compare. */
export function goText(value: Json): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goText(value[key] as Json)}`);
  return `map[${members.join(' ')}]`;
}
