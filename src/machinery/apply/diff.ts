import type { Json } from '../object.ts';
import { createdFields, fieldNode, isEmpty, itemNode, leaf, type FieldSet } from './field-set.ts';
import { isObject, itemElement, valueElement, type Field, type JsonObject, type TypeNode } from './types.ts';

/** What a write did: fields that came or took another value, and fields (with all beneath) that went. Undefined = none. */
export interface Diff {
  changed: FieldSet | undefined;
  removed: FieldSet | undefined;
}
type Tree = Record<string, FieldSet>;

/** Fields that no manager owns: identity and what the server keeps itself. */
const untrackedMetadata = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]);
const untracked = new Set(['apiVersion', 'kind']);

class Walk {
  changed: Tree | undefined;
  removed: Tree | undefined;
  change(element: string, node: FieldSet): void {
    (this.changed ??= {})[element] = node;
  }
  remove(element: string): void {
    (this.removed ??= {})[element] = leaf;
  }
  nest(element: string, inner: Walk): void {
    if (inner.changed) this.change(element, inner.changed);
    if (inner.removed) (this.removed ??= {})[element] = inner.removed;
  }
}

/** Compares two states of one object. `ignored` names top-level members that the write cannot touch. */
export function diffObjects(old: JsonObject, next: JsonObject, type: TypeNode, ignored: readonly string[]): Diff {
  const walk = new Walk();
  const skip = (name: string): boolean => untracked.has(name) || ignored.includes(name);
  const { metadata: oldMeta, ...oldRest } = old;
  const { metadata: nextMeta, ...nextRest } = next;
  diffMembers(oldRest, nextRest, type, walk, skip);
  const inner = new Walk();
  const before = isObject(oldMeta) ? oldMeta : {};
  const after = isObject(nextMeta) ? nextMeta : {};
  if (before !== after) diffMembers(before, after, type.field('metadata').child, inner, (name) => untrackedMetadata.has(name));
  walk.nest('f:metadata', inner);
  return walk;
}

/** Everything of a new object, without what nobody owns. */
export function createdSet(next: JsonObject, type: TypeNode, ignored: readonly string[]): FieldSet {
  return rootSet(next, type, ignored, createdFields);
}
export function rootSet(value: JsonObject, type: TypeNode, ignored: readonly string[], collect: (value: JsonObject, type: TypeNode) => FieldSet): FieldSet {
  const top: JsonObject = {};
  for (const key in value) if (key !== 'metadata' && !untracked.has(key) && !ignored.includes(key)) top[key] = value[key] as Json;
  const out: Tree = {};
  if (isObject(value.metadata)) {
    const kept: JsonObject = {};
    for (const key in value.metadata) if (!untrackedMetadata.has(key)) kept[key] = value.metadata[key] as Json;
    const node = collect(kept, type.field('metadata').child);
    if (!isEmpty(node)) out['f:metadata'] = node;
  }
  return Object.assign(out, collect(top, type));
}

function diffMembers(old: JsonObject, next: JsonObject, type: TypeNode, walk: Walk, skip?: (name: string) => boolean): void {
  if (old === next) return;
  for (const key in next) {
    const a = old[key];
    const b = next[key];
    if (a === b || b === null || b === undefined || skip?.(key)) continue;
    if (typeof b !== 'object') walk.change(`f:${key}`, leaf);
    else diffValue(a, b, type.field(key), walk);
  }
  for (const key in old) {
    if (next[key] !== undefined && next[key] !== null) continue;
    if (old[key] !== undefined && old[key] !== null && !skip?.(key)) walk.remove(`f:${key}`);
  }
}

function diffValue(a: Json | undefined, b: Json, field: Field, walk: Walk): void {
  if (a === undefined || a === null) {
    walk.change(field.element, fieldNode(b, field, true) ?? leaf);
    return;
  }
  const inner = new Walk();
  if (field.shape === 'granular' && isObject(a) && isObject(b)) diffMembers(a, b, field.child, inner);
  else if (field.shape === 'listmap' || field.shape === 'set') {
    if (!diffItems(a, b, field, inner)) return void walk.change(field.element, leaf);
  } else if (!equalJson(a, b)) return void walk.change(field.element, leaf);
  walk.nest(field.element, inner);
}

/** False when the lists cannot be told apart by items (a key is missing, or one is no list). */
function diffItems(a: Json, b: Json, field: Field, walk: Walk): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return false;
  const before = itemsByElement(a, field);
  const after = itemsByElement(b, field);
  if (!before || !after) return equalJson(a, b);
  for (const [element, item] of after) {
    const old = before.get(element);
    if (field.shape === 'set') {
      if (old === undefined) walk.change(element, leaf);
    } else if (old === undefined) walk.change(element, Array.isArray(item) ? leaf : itemNode(item as JsonObject, field, true));
    else if (Array.isArray(old) || Array.isArray(item)) {
      if (!equalJson(old, item)) walk.change(element, leaf);
    } else {
      const inner = new Walk();
      diffMembers(old as JsonObject, item as JsonObject, field.child, inner);
      walk.nest(element, inner);
    }
  }
  for (const element of before.keys()) if (!after.has(element)) walk.remove(element);
  return true;
}

/**
 * Items by path element, in order; undefined when one has no key. Stored lists may hold an element more than once
 * (environment variables of one name): then the value is the array of them, which nothing tells apart.
 */
export function itemsByElement(list: readonly Json[], field: Field): Map<string, Json> | undefined {
  const out = new Map<string, Json>();
  for (const item of list) {
    const element = field.shape === 'set' ? valueElement(item) : itemElement(item, field);
    if (element === undefined) return undefined;
    const before = out.get(element);
    out.set(element, before === undefined ? item : Array.isArray(before) ? [...before, item] : [before, item]);
  }
  return out;
}

/** As equalJson of machinery, but that null and absent members are the same here: nobody owns a null. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!equalJson(a[i], b[i])) return false;
    return true;
  }
  for (const key in a) if (!equalJson(a[key], b[key])) return false;
  for (const key in b) if (!Object.hasOwn(a, key) && b[key] !== null && b[key] !== undefined) return false;
  return true;
}
