import type { FieldError } from '../errors.ts';
import { invalidValue, required, tooMany } from '../field-errors.ts';
import type { Json } from '../object.ts';
import { checkComposites } from './composites.ts';
import { itemKey } from './lists.ts';
import { Node } from './node.ts';
import { checkEnum, checkFormat, checkNumber, checkString, checkType, typeFailure } from './scalar-checks.ts';
import { equalJson } from '../equal.ts';
import { child, isRecord, metaFields, own, type JSONSchemaProps, type JsonRecord } from './types.ts';

/** How often something fitted: of several alternatives that all fail, the closest is reported. */
export interface Tally {
  matches: number;
}

const intOrString = ['integer', 'string'];
const typesOf = (schema: JSONSchemaProps): readonly string[] => (schema['x-kubernetes-int-or-string'] ? intOrString : schema.type ? [schema.type] : []);

/**
 * All findings of a value against its schema, with kube-openapi's texts. `old` is the value that this one
 * replaces: what failed before and did not change is tolerated (ratcheting). Metadata is checked elsewhere.
 */
export function validateValue(value: Json, node: Node, path: string, old: Json | undefined, errors: FieldError[], tally: Tally = { matches: 0 }): void {
  const before = errors.length;
  checkNode(value, node, path, old, errors, tally);
  // Comparing is only worth its cost when there is something to tolerate.
  if (errors.length > before && old !== undefined && equalJson(value, old)) errors.length = before;
}

function checkNode(value: Json, node: Node, path: string, old: Json | undefined, errors: FieldError[], tally: Tally): void {
  const { schema } = node;
  const before = errors.length;
  if (value === null) {
    if (!node.nullable && typesOf(schema).length > 0) errors.push(typeFailure(path, typesOf(schema).join(','), 'null'));
    if (schema.enum) checkEnum(value, schema.enum, path, errors);
    return;
  }
  const expected = typesOf(schema);
  if (expected.length > 0) checkType(value, schema, expected, path, errors);
  if (errors.length === before) tally.matches++;
  checkComposites(value, schema, path, errors, tally);
  if (typeof value === 'string') {
    checkString(value, schema, path, errors);
    if (schema.format) checkFormat(value, schema.format, path, errors);
  } else if (typeof value === 'number') checkNumber(value, schema, path, errors);
  else if (Array.isArray(value)) checkItems(value, node, path, old, errors, tally);
  if (schema.enum) checkEnum(value, schema.enum, path, errors);
  if (isRecord(value)) checkMembers(value, node, path, old, errors, tally);
  if (errors.length === before) tally.matches++;
}

function checkItems(list: Json[], node: Node, path: string, old: Json | undefined, errors: FieldError[], tally: Tally): void {
  const { minItems, maxItems } = node.schema;
  const { items } = node;
  if (items !== undefined) {
    const before = oldItems(old, node);
    for (let i = 0; i < list.length; i++) validateValue(list[i] as Json, items, `${path}[${i}]`, before?.(list[i] as Json), errors, tally);
  }
  if (minItems !== undefined && list.length < minItems) errors.push(invalidValue(path, list.length, `${path} in body should have at least ${minItems} items`));
  if (maxItems !== undefined && list.length > maxItems) errors.push(tooMany(path, list.length, maxItems));
}

/** Finds the item that one replaces: only items of lists of type map can be told apart. */
export function oldItems(old: Json | undefined, node: Node): ((item: Json) => Json | undefined) | undefined {
  if (!Array.isArray(old) || node.listType !== 'map' || old.length === 0) return undefined;
  const byKey = new Map<string, Json>();
  for (const item of old) {
    const key = itemKey(item, node);
    if (key !== undefined && !byKey.has(key)) byKey.set(key, item);
  }
  return (item) => {
    const key = itemKey(item, node);
    return key === undefined ? undefined : byKey.get(key);
  };
}

/** The members of an atomic map are one value and have no old ones of their own. */
export function oldMembers(old: Json | undefined, node: Node): JsonRecord | undefined {
  return isRecord(old) && node.schema['x-kubernetes-map-type'] !== 'atomic' ? old : undefined;
}

function checkMembers(record: JsonRecord, node: Node, path: string, old: Json | undefined, errors: FieldError[], tally: Tally): void {
  const { schema } = node;
  const count = schema.minProperties === undefined && schema.maxProperties === undefined ? 0 : Object.keys(record).length;
  if (schema.minProperties !== undefined && count < schema.minProperties) {
    errors.push(invalidValue(path, count, `${path} in body should have at least ${schema.minProperties} properties`));
    return;
  }
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    errors.push(tooMany(path, count, schema.maxProperties));
    return;
  }
  const before = oldMembers(old, node);
  const { whole } = node;
  for (const key in record) {
    const member = node.member(key);
    if (member !== undefined) validateValue(record[key] as Json, member, child(path, key), own(before, key), errors, tally);
    else if (schema.additionalProperties === false && !(whole && metaFields.has(key)))
      errors.push(invalidValue(path, key, `${path}.${key} in body is a forbidden property`));
  }
  for (const name of schema.required ?? []) if (!Object.hasOwn(record, name)) errors.push(required(child(path, name)));
}
