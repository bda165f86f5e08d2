import { cloneObject, type Json } from '../object.ts';
import { unwantedNull, type Node } from './node.ts';
import { isRecord, put } from './types.ts';

/**
 * Fills defaults in place and takes out nulls that the schema does not allow: a default takes their place where
 * there is one. Running it again changes nothing.
 */
export function applyDefaults(value: Json, node: Node | undefined): void {
  if (node === undefined || value === null || typeof value !== 'object') return;
  if (Array.isArray(value)) defaultItems(value, node);
  else defaultMembers(value, node);
}

function defaultItems(list: Json[], node: Node): void {
  const { items } = node;
  if (items === undefined) return;
  const fallback = items.schema.default;
  for (let i = 0; i < list.length; i++) {
    if (list[i] === null && fallback !== undefined && unwantedNull(null, items)) list[i] = cloneObject(fallback);
    applyDefaults(list[i] as Json, items);
  }
}

function defaultMembers(record: { [key: string]: Json }, node: Node): void {
  for (const [name, fallback] of node.defaults) {
    if (!Object.hasOwn(record, name) || unwantedNull(record[name], node.property(name))) put(record, name, cloneObject(fallback));
  }
  for (const key of Object.keys(record)) {
    const member = node.member(key);
    if (member === undefined) continue;
    if (unwantedNull(record[key], member)) {
      const fallback = member.schema.default;
      if (fallback === undefined || fallback === null) {
        delete record[key];
        continue;
      }
      put(record, key, cloneObject(fallback));
    }
    const item = record[key];
    if (isRecord(item) || Array.isArray(item)) applyDefaults(item, member);
  }
}
