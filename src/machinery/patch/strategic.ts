import { isDeepStrictEqual } from 'node:util';
import { ApiError, badRequest } from '../errors.ts';
import { goText } from '../go-text.ts';
import { cloneObject, type Json } from '../object.ts';
import type { FieldView, PatchSchema } from '../schema-view.ts';

type JsonObject = { [key: string]: Json };
const isObject = (value: Json | undefined): value is JsonObject => value !== null && typeof value === 'object' && !Array.isArray(value);

const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

// Only these: data may well have keys that start with a dollar sign.
const isDirective = (key: string): boolean => key === '$patch' || key === '$retainKeys' || key.startsWith(orderPrefix) || key.startsWith(deletePrefix);

/**
 * Strategic merge patch (API conventions, "strategic-merge-patch.md"): merge keys and strategies come from the
 * schema, directives from the patch. The result is a copy of its own. Throws BadRequest on malformed directives.
 */
export function strategicMergePatch(target: Json, patch: Json, schema: PatchSchema, type: string): Json {
  if (!isObject(patch)) throw badRequest('strategic merge patch must be an object');
  return mergeObjects(isObject(target) ? cloneObject(target) : {}, patch, schema, type);
}

function mergeObjects(target: JsonObject, patch: JsonObject, schema: PatchSchema, type: string | undefined): JsonObject {
  const directive = patch.$patch;
  if (directive === 'replace') return strip(without(patch, '$patch'));
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw unclassified(`unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);
  const out: JsonObject = { ...target };
  retainKeys(out, patch);
  for (const key of Object.keys(patch)) if (!isDirective(key)) mergeField(out, key, patch, schema, viewOf(schema, type, key));
  for (const key of Object.keys(patch)) directives(out, key, patch, schema, type);
  return out;
}

function viewOf(schema: PatchSchema, type: string | undefined, name: string): FieldView | undefined {
  return type === undefined ? undefined : schema.field(type, name);
}

function mergeField(out: JsonObject, key: string, patch: JsonObject, schema: PatchSchema, view: FieldView | undefined): void {
  const value = patch[key] as Json;
  const old = Object.hasOwn(out, key) ? out[key] : undefined;
  if (value === null) delete out[key];
  else if (isObject(value)) {
    if (view?.patchStrategy?.includes('replace') && !isObject(old)) out[key] = strip(value);
    else if (value.$patch === 'delete') delete out[key];
    else out[key] = view?.map ? mergeMap(isObject(old) ? old : {}, value, schema, view) : mergeObjects(isObject(old) ? old : {}, value, schema, view?.type);
  } else if (Array.isArray(value) && view?.patchStrategy?.includes('merge')) {
    out[key] = mergeLists(Array.isArray(old) ? old : [], value, schema, view);
  } else out[key] = strip(value);
}

/** The members of a free map are values of the field's type, not fields of it. */
function mergeMap(target: JsonObject, patch: JsonObject, schema: PatchSchema, view: FieldView): JsonObject {
  if (patch.$patch === 'replace') return strip(without(patch, '$patch'));
  const out: JsonObject = { ...target };
  retainKeys(out, patch);
  for (const key of Object.keys(patch)) {
    const value = patch[key] as Json;
    if (isDirective(key)) continue;
    if (value === null) delete out[key];
    else if (isObject(value)) out[key] = mergeObjects(isObject(out[key]) ? out[key] : {}, value, schema, view.type);
    else out[key] = strip(value);
  }
  return out;
}

function retainKeys(out: JsonObject, patch: JsonObject): void {
  const keep = patch.$retainKeys;
  if (keep === undefined) return;
  const bad = badRequest('invalid patch format of retainKeys');
  if (!Array.isArray(keep)) throw bad;
  for (const key of Object.keys(patch)) if (!isDirective(key) && patch[key] !== null && !keep.includes(key)) throw bad;
  for (const key of Object.keys(out)) if (!keep.includes(key)) delete out[key];
}

/** Directives that stand beside the list they speak of. The order of a list that the patch does not hold otherwise is applied here too. */
function directives(out: JsonObject, key: string, patch: JsonObject, schema: PatchSchema, type: string | undefined): void {
  if (key.startsWith(deletePrefix)) {
    const field = key.slice(deletePrefix.length);
    const gone = patch[key];
    if (!Array.isArray(gone)) throw badRequest('invalid patch format of primitive list');
    const old = out[field];
    if (Array.isArray(old)) out[field] = old.filter((item) => !gone.some((g) => isDeepStrictEqual(g, item)));
  }
  if (key.startsWith(orderPrefix)) {
    const field = key.slice(orderPrefix.length);
    const order = patch[key];
    if (!Array.isArray(order)) throw badRequest('invalid patch format of setElementOrder list');
    const old = out[field];
    const view = viewOf(schema, type, field);
    if (Array.isArray(old)) out[field] = reorder(old, order, keyReader(view));
  }
}

type KeyOf = (item: Json) => string;
function keyReader(view: FieldView | undefined): KeyOf {
  const mergeKey = view?.patchMergeKey;
  return (item) => JSON.stringify(mergeKey !== undefined && isObject(item) ? (item[mergeKey] ?? null) : item);
}

function mergeLists(target: readonly Json[], patch: readonly Json[], schema: PatchSchema, view: FieldView): Json[] {
  if (patch.some((item) => isObject(item) && item.$patch === 'replace')) {
    return patch.filter((item) => !(isObject(item) && item.$patch === 'replace')).map(strip) as Json[];
  }
  const keyOf = keyReader(view);
  const out = target.slice();
  for (const item of patch) {
    if (!isObject(item)) {
      if (!out.some((o) => isDeepStrictEqual(o, item))) out.push(item);
    } else mergeItem(out, item, keyOf, schema, view);
  }
  return out;
}

function mergeItem(out: Json[], item: JsonObject, keyOf: KeyOf, schema: PatchSchema, view: FieldView): void {
  const mergeKey = view.patchMergeKey;
  if (mergeKey === undefined) return void out.push(strip(item));
  if (item[mergeKey] === undefined) throw unclassified(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
  const key = keyOf(item);
  const at = out.findIndex((o) => keyOf(o) === key);
  if (item.$patch === 'delete') {
    for (let i = out.length - 1; i >= 0; i--) if (keyOf(out[i] as Json) === key) out.splice(i, 1);
  } else if (at < 0) out.push(mergeObjects({}, item, schema, view.type));
  else out[at] = mergeObjects(out[at] as JsonObject, item, schema, view.type);
}

/** Items named in `order` take that order; others stay behind the item that they followed. */
function reorder(items: readonly Json[], order: readonly Json[], keyOf: KeyOf): Json[] {
  const rank = new Map(order.map((item, i) => [keyOf(item), i]));
  const listed = items.filter((item) => rank.has(keyOf(item))).sort((a, b) => (rank.get(keyOf(a)) as number) - (rank.get(keyOf(b)) as number));
  const out: Json[] = [];
  let next = 0;
  // Server-only items are placed before the first listed item that stands after them in the live list.
  items.forEach((item, i) => {
    if (rank.has(keyOf(item))) return;
    const limit = Math.min(...items.slice(i + 1).flatMap((later) => rank.get(keyOf(later)) ?? []));
    while (next < listed.length && (rank.get(keyOf(listed[next] as Json)) as number) < limit) out.push(listed[next++] as Json);
    out.push(item);
  });
  return [...out, ...listed.slice(next)];
}

/** A copy without directives and nulls: what a patch leaves where there was nothing before. */
function strip<T extends Json>(value: T): T {
  if (Array.isArray(value)) return value.filter((item) => !(isObject(item) && item.$patch !== undefined)).map((item) => strip(item)) as T;
  if (!isObject(value)) return cloneObject(value);
  const out: JsonObject = {};
  for (const key of Object.keys(value)) if (!isDirective(key) && value[key] !== null) out[key] = strip(value[key] as Json);
  return out as T;
}
function without(object: JsonObject, key: string): JsonObject {
  const { [key]: _gone, ...rest } = object;
  return rest;
}

/** Errors that kube-apiserver passes on as they are. */
const unclassified = (text: string): ApiError => new ApiError('', text);
