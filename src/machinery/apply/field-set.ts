import type { Json } from '../object.ts';
import { itemElement, valueElement, type Field, type JsonObject, type TypeNode } from './types.ts';

/**
 * A set of fields in the form it is stored in, FieldsV1: a tree whose members are path elements (`f:name`,
 * `k:{…}`, `v:…`). An empty node is a field of the set; `.` says that a node with children is one too.
 * Trees are never changed after they were made: operations share what stays the same.
 */
export type FieldSet = { readonly [element: string]: FieldSet };

export const leaf: FieldSet = Object.freeze({});
const self: FieldSet = leaf;

export function isEmpty(set: FieldSet | undefined): boolean {
  if (set === undefined) return true;
  for (const _ in set) return false;
  return true;
}
/** Whether a node that exists is itself a field of the set. */
export const isMember = (node: FieldSet): boolean => node['.'] !== undefined || isEmpty(node);

/** All of `a` and `b`. The roots are sets; deeper empty nodes are members. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  const out: Record<string, FieldSet> = { ...a };
  for (const key in b) {
    const left = a[key];
    const right = b[key] as FieldSet;
    out[key] = left === undefined || left === right ? right : joinNodes(left, right);
  }
  return out;
}
function joinNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a)) return isEmpty(b) ? a : withSelf(b);
  if (isEmpty(b)) return withSelf(a);
  return union(a, b);
}
const withSelf = (node: FieldSet): FieldSet => (node['.'] ? node : { '.': self, ...node });

/** The fields of `a` that are not in `b`; with `deep`, also not beneath a field of `b` (what vanishes with a removed parent). */
export function difference(a: FieldSet, b: FieldSet, deep = false): FieldSet {
  let out: Record<string, FieldSet> | undefined;
  for (const key in b) {
    const left = a[key];
    if (left === undefined) continue;
    const rest = minusNode(left, b[key] as FieldSet, deep);
    if (rest === left) continue;
    out ??= { ...a };
    if (rest === undefined) delete out[key];
    else out[key] = rest;
  }
  return out ?? a;
}
function minusNode(a: FieldSet, b: FieldSet, deep: boolean): FieldSet | undefined {
  if (deep && isMember(b)) return undefined;
  if (isEmpty(a)) return isMember(b) ? undefined : a;
  const rest = isEmpty(b) ? dropSelf(a) : difference(a, b, deep);
  return isEmpty(rest) ? undefined : rest;
}
function dropSelf(node: FieldSet): FieldSet {
  if (!node['.']) return node;
  const { '.': _self, ...rest } = node;
  return rest;
}

/** The fields that are in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: Record<string, FieldSet> = {};
  for (const key in a) {
    const right = b[key];
    if (right === undefined) continue;
    const node = commonNode(a[key] as FieldSet, right);
    if (node) out[key] = node;
  }
  return out;
}
function commonNode(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const both = isMember(a) && isMember(b);
  if (isEmpty(a) || isEmpty(b)) return both ? leaf : undefined;
  const children = intersection(a, b);
  return isEmpty(children) ? undefined : children;
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  let count = 0;
  for (const key in a) {
    const right = b[key];
    if (right === undefined || !equalSets(a[key] as FieldSet, right)) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}

/** Paths as conflicts print them: `.spec.template.spec.containers[name="app"].image`. */
export function paths(set: FieldSet, prefix = ''): string[] {
  const out: string[] = [];
  for (const key of Object.keys(set).sort()) {
    if (key === '.') {
      out.push(prefix);
      continue;
    }
    const node = set[key] as FieldSet;
    const path = prefix + elementText(key);
    if (isEmpty(node)) out.push(path);
    else out.push(...paths(node, path));
  }
  return out;
}
function elementText(element: string): string {
  const text = element.slice(2);
  if (element.startsWith('f:')) return `.${text}`;
  if (element.startsWith('v:')) return `[=${text}]`;
  if (element.startsWith('i:')) return `[${text}]`;
  const key = JSON.parse(text) as JsonObject;
  return `[${Object.keys(key)
    .sort()
    .map((k) => `${k}=${JSON.stringify(key[k])}`)
    .join(',')}]`;
}

/** The fields that a configuration lists (what an applier owns): leaves, items, and empty maps. */
export function appliedFields(value: JsonObject, type: TypeNode): FieldSet {
  return collect(value, type, false);
}
/** The fields of a new object (what its creator owns): also the maps and lists that came into being. */
export function createdFields(value: JsonObject, type: TypeNode): FieldSet {
  return collect(value, type, true);
}

function collect(value: JsonObject, type: TypeNode, created: boolean): FieldSet {
  const out: Record<string, FieldSet> = {};
  for (const key in value) {
    const item = value[key] as Json;
    if (item === null || item === undefined) continue;
    if (typeof item !== 'object') {
      out[`f:${key}`] = leaf;
      continue;
    }
    const field = type.field(key);
    const node = fieldNode(item, field, created);
    if (node) out[field.element] = node;
  }
  return out;
}

/** The node of one value. Undefined: nothing to own (an empty list of an applier). */
export function fieldNode(value: Json, field: Field, created: boolean): FieldSet | undefined {
  if (value === null || typeof value !== 'object' || field.shape === 'leaf') return leaf;
  if (Array.isArray(value)) return listNode(value, field, created);
  const node = collect(value, field.child, created);
  return created && field.free && !isEmpty(node) ? { '.': self, ...node } : node;
}

function listNode(list: readonly Json[], field: Field, created: boolean): FieldSet | undefined {
  if (field.shape === 'granular') return leaf;
  const out: Record<string, FieldSet> = created && !field.required && list.length > 0 ? { '.': self } : {};
  for (const item of list) {
    const element = field.shape === 'set' ? valueElement(item) : itemElement(item, field);
    if (element === undefined) return leaf;
    if (out[element] === undefined) out[element] = field.shape === 'set' ? leaf : itemNode(item as JsonObject, field, created);
  }
  return !created && isEmpty(out) ? undefined : out;
}
/** An item is owned as such, with its fields. */
export function itemNode(item: JsonObject, field: Field, created: boolean): FieldSet {
  return { '.': self, ...collect(item, field.child, created) };
}
