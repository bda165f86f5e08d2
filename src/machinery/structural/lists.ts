import type { FieldError } from '../errors.ts';
import { duplicate } from '../field-errors.ts';
import type { Json } from '../object.ts';
import type { Node } from './node.ts';
import { child, isRecord, own, type JsonRecord } from './types.ts';

/** JSON with sorted members: equal values give equal texts. */
function canonical(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  return `{${Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`)
    .join()}}`;
}

/** What tells an item of a list of type map from others; undefined for what is no item of such a list. */
export function itemKey(item: Json, node: Node): string | undefined {
  if (!isRecord(item)) return undefined;
  const parts: Json[] = [];
  for (const key of node.mapKeys) parts.push(own(item, key) ?? own(node.keyDefaults, key) ?? null);
  return canonical(parts);
}

/** Items of sets and of lists of type map occur once. Not ratcheted: such lists must be sound for apply to work. */
export function validateLists(value: Json, node: Node | undefined, path: string, errors: FieldError[]): void {
  if (node === undefined || value === null || typeof value !== 'object') return;
  if (Array.isArray(value)) {
    if (node.listType === 'set') checkSet(value, path, errors);
    else if (node.listType === 'map') checkMap(value, node, path, errors);
    if (node.items !== undefined) for (let i = 0; i < value.length; i++) validateLists(value[i] as Json, node.items, `${path}[${i}]`, errors);
    return;
  }
  for (const key in value) {
    const item = value[key] as Json;
    if (item !== null && typeof item === 'object') validateLists(item, node.member(key), child(path, key), errors);
  }
}

function checkSet(list: readonly Json[], path: string, errors: FieldError[]): void {
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    const key = canonical(item);
    if (seen.has(key)) errors.push(duplicate(`${path}[${i}]`, item));
    seen.add(key);
  }
}

function checkMap(list: readonly Json[], node: Node, path: string, errors: FieldError[]): void {
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    const key = itemKey(item, node);
    if (key === undefined) continue;
    const keys: JsonRecord = {};
    for (const name of node.mapKeys) {
      const value = own(item as JsonRecord, name) ?? own(node.keyDefaults, name);
      if (value !== undefined) keys[name] = value;
    }
    if (seen.has(key)) errors.push(duplicate(`${path}[${i}]`, keys));
    seen.add(key);
  }
}
