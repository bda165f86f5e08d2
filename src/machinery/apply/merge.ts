import { cloneObject, type Json } from '../object.ts';
import { itemsByElement } from './diff.ts';
import { isMember, type FieldSet } from './field-set.ts';
import { isObject, itemElement, valueElement, type Field, type JsonObject, type TypeNode } from './types.ts';

/**
 * Lays a configuration over the live object (structured merge): maps member by member, associative lists item
 * by item, atomic values whole. Neither input is changed; what stays the same is shared.
 */
export function mergeConfiguration(live: JsonObject, config: JsonObject, type: TypeNode): JsonObject {
  const out: JsonObject = { ...live };
  for (const key of Object.keys(config)) {
    const value = config[key] as Json;
    if (value === null) continue;
    out[key] = typeof value === 'object' ? mergeValue(live[key], value, type.field(key)) : value;
  }
  return out;
}

function mergeValue(live: Json | undefined, value: Json, field: Field): Json {
  if (field.shape === 'granular' && isObject(value)) return mergeConfiguration(isObject(live) ? live : {}, value, field.child);
  if (Array.isArray(value) && (field.shape === 'set' || field.shape === 'listmap')) return mergeLists(Array.isArray(live) ? live : [], value, field);
  return withoutNulls(value);
}

/**
 * The order of structured-merge-diff: items that only the live list has stay where they were, new ones follow the
 * live items that stand before them; where the orders disagree, the configuration's wins. A configured item takes
 * the place of all its duplicates.
 */
function mergeLists(live: readonly Json[], config: readonly Json[], field: Field): Json[] {
  const left = itemsByElement(live, field);
  const right = itemsByElement(config, field);
  if (!left || !right) return config.map(withoutNulls);
  const rest = live.map((item) => [elementOf(item, field), item] as const);
  const shared = [...right.keys()].filter((element) => left.has(element));
  const out: Json[] = [];
  let l = 0;
  let s = 0;
  /** Live items up to the next one that the configuration has at this place. */
  const takeLive = (wanted: string): void => {
    for (; l < rest.length; l++) {
      const [element, item] = rest[l] as (typeof rest)[number];
      if (element === wanted || (right.has(element) && element === shared[s])) return;
      if (!right.has(element)) out.push(item);
    }
  };
  for (const [element, item] of right) {
    takeLive(element);
    if (rest[l]?.[0] === element) l++;
    if (shared[s] === element) s++;
    out.push(mergeItem(left.get(element), item, field));
  }
  for (; l < rest.length; l++) if (!right.has((rest[l] as (typeof rest)[number])[0])) out.push((rest[l] as (typeof rest)[number])[1]);
  return out;
}
const elementOf = (item: Json, field: Field): string => (field.shape === 'set' ? valueElement(item) : itemElement(item, field)) as string;

function mergeItem(live: Json | undefined, item: Json, field: Field): Json {
  if (field.shape === 'set' || !isObject(item)) return item;
  return mergeConfiguration(isObject(live) ? live : {}, item, field.child);
}

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
