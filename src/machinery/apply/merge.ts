import { badRequest } from '../errors.ts';
import { cloneObject, type Json } from '../object.ts';
import { itemsByElement } from './diff.ts';
import { isMember, type FieldSet } from './field-set.ts';
import { isObject, itemElement, valueElement, type Field, type JsonObject, type TypeNode } from './types.ts';

/**
 * Lays a configuration over the live object (structured merge): maps member by member, associative lists item
 * by item, atomic values whole. Neither input is changed; what stays the same is shared.
 */
export function mergeConfiguration(live: JsonObject, config: JsonObject, type: TypeNode, path = ''): JsonObject {
  const out: JsonObject = { ...live };
  for (const key of Object.keys(config)) {
    const value = config[key] as Json;
    if (value === null) continue;
    out[key] = typeof value === 'object' ? mergeValue(live[key], value, type.field(key), `${path}.${key}`) : value;
  }
  return out;
}

function mergeValue(live: Json | undefined, value: Json, field: Field, path: string): Json {
  if (field.shape === 'granular' && isObject(value)) return mergeConfiguration(isObject(live) ? live : {}, value, field.child, path);
  if (Array.isArray(value) && (field.shape === 'set' || field.shape === 'listmap')) return mergeLists(Array.isArray(live) ? live : [], value, field, path);
  return withoutNulls(value);
}

/** Both orders are kept as far as they agree; where they do not, the configuration's wins. */
function mergeLists(live: readonly Json[], config: readonly Json[], field: Field, path: string): Json[] {
  const left = itemsByElement(live, field);
  const right = checkedItems(config, field, path);
  if (!left) return config.map(withoutNulls);
  const leftKeys = [...left.keys()];
  const out: Json[] = [];
  const done = new Set<string>();
  let l = 0;
  for (const [element, item] of right) {
    // Items of the live list that the configuration does not name stay before the shared item that they preceded.
    if (left.has(element) && leftKeys.indexOf(element) >= l) {
      for (; leftKeys[l] !== element; l++) keep(leftKeys[l] as string);
      l++;
    }
    done.add(element);
    out.push(mergeItem(left.get(element), item, field, path + element));
  }
  for (; l < leftKeys.length; l++) keep(leftKeys[l] as string);
  return out;

  function keep(element: string): void {
    if (right.has(element) || done.has(element)) return;
    done.add(element);
    out.push(left?.get(element) as Json);
  }
}
function mergeItem(live: Json | undefined, item: Json, field: Field, path: string): Json {
  if (field.shape === 'set' || !isObject(item)) return item;
  return mergeConfiguration(isObject(live) ? live : {}, item, field.child, path);
}

function checkedItems(config: readonly Json[], field: Field, path: string): Map<string, Json> {
  const out = new Map<string, Json>();
  config.forEach((item, i) => {
    const element = field.shape === 'set' ? valueElement(item) : itemElement(item, field);
    if (element === undefined)
      throw typedError(
        `${path}: element ${i}: associative list with keys has an element that omits key field ${missingKeys(item, field)} (and doesn't have default value)`,
      );
    if (out.has(element)) throw typedError(`${path}: duplicate entries for key ${keyText(element)}`);
    out.set(element, item);
  });
  return out;
}
const missingKeys = (item: Json, field: Field): string =>
  JSON.stringify(field.keys.find((key) => !isObject(item) || (item[key] === undefined && field.keyDefaults[key] === undefined)));
function keyText(element: string): string {
  if (element.startsWith('v:')) return `[=${element.slice(2)}]`;
  const key = JSON.parse(element.slice(2)) as JsonObject;
  return `[${Object.keys(key)
    .map((k) => `${k}=${JSON.stringify(key[k])}`)
    .join(',')}]`;
}
const typedError = (text: string): Error => badRequest(`failed to create typed patch object: errors:\n  ${text}`);

export function withoutNulls(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withoutNulls);
  const out: JsonObject = {};
  for (const key in value) if (value[key] !== null) out[key] = withoutNulls(value[key] as Json);
  return out;
}

/**
 * Takes out of `value` what the applier listed last time (`last`) and nobody owns now (`owned`): fields whose
 * owners are gone with all beneath them, items whose membership nobody claims. Works on a copy.
 */
export function prune(value: JsonObject, last: FieldSet, owned: FieldSet | undefined, type: TypeNode): JsonObject {
  const out: JsonObject = { ...value };
  for (const element in last) {
    if (!element.startsWith('f:')) continue;
    const key = element.slice(2);
    const present = out[key];
    if (present === undefined) continue;
    const owner = owned?.[element];
    if (owner === undefined) delete out[key];
    else out[key] = pruneValue(present, last[element] as FieldSet, owner, type.field(key));
  }
  return out;
}

function pruneValue(value: Json, last: FieldSet, owned: FieldSet, field: Field): Json {
  if (field.shape === 'granular' && isObject(value)) return prune(value, last, owned, field.child);
  if (!Array.isArray(value) || field.shape === 'leaf' || field.shape === 'granular') return cloneObject(value);
  const out: Json[] = [];
  for (const item of value) {
    const kept = pruneItem(item, last, owned, field);
    if (kept !== undefined) out.push(kept);
  }
  return out;
}
function pruneItem(item: Json, last: FieldSet, owned: FieldSet, field: Field): Json | undefined {
  const element = field.shape === 'set' ? valueElement(item) : itemElement(item, field);
  const before = element === undefined ? undefined : last[element];
  if (element === undefined || before === undefined) return item;
  const now = owned[element];
  if (isMember(before) && (now === undefined || !isMember(now))) return undefined;
  return isObject(item) && now !== undefined ? prune(item, before, now, field.child) : item;
}
