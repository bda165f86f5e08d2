import { celTypes, type CelType } from '../cel/index.ts';
import type { JSONSchemaProps } from './types.ts';

/** What the data of a schema is to CEL, with the greatest sizes that a request can bring. */
export interface DeclaredType {
  readonly type: CelType;
  /** Octets that the smallest value takes as JSON: how many of them a request can hold at most. */
  readonly minSize: number;
}

const { bool, double, dyn, duration, escapeName, int, string, timestamp } = celTypes;

/** Greatest request that the server reads. */
const requestSize = 3 * 1024 * 1024;
const longest = requestSize - 2;
export const maxItemsIn = (minSize: number): number => Math.floor(longest / (minSize + 1));
const maxMembersIn = (minSize: number): number => Math.floor(longest / (minSize + 6));

const known = new WeakMap<JSONSchemaProps, DeclaredType | null>();

/** Undefined for data without a type: rules cannot speak of it. `whole` adds the meta fields of objects. */
export function celTypeOf(schema: JSONSchemaProps, path: string, whole = schema['x-kubernetes-embedded-resource'] === true): DeclaredType | undefined {
  let found = known.get(schema);
  if (found === undefined) {
    found = declare(schema, path, whole) ?? null;
    known.set(schema, found);
  }
  return found ?? undefined;
}

function declare(schema: JSONSchemaProps, path: string, whole: boolean): DeclaredType | undefined {
  if (schema['x-kubernetes-int-or-string']) return { type: { ...dyn, max: longest }, minSize: 1 };
  switch (schema.type) {
    case 'array':
      return listType(schema, path);
    case 'object':
      return typeof schema.additionalProperties === 'object' ? mapType(schema, schema.additionalProperties, path) : objectType(schema, path, whole);
    case 'string':
      return stringType(schema);
    case 'boolean':
      return { type: bool, minSize: 4 };
    case 'number':
      return { type: double, minSize: 1 };
    case 'integer':
      return { type: int, minSize: 1 };
    default:
      return undefined;
  }
}

const atLeastZero = (value: number): number => Math.max(0, value);

function listType(schema: JSONSchemaProps, path: string): DeclaredType | undefined {
  const { items } = schema;
  const element = items === undefined || Array.isArray(items) ? undefined : celTypeOf(items, `${path}.@idx`);
  if (element === undefined) return undefined;
  const max = schema.maxItems === undefined ? maxItemsIn(element.minSize) : atLeastZero(schema.maxItems);
  const listType = schema['x-kubernetes-list-type'] as 'atomic' | 'set' | 'map' | undefined;
  return { type: { kind: 'list', element: element.type, max, listType, mapKeys: schema['x-kubernetes-list-map-keys'] }, minSize: 2 };
}

/** kube-apiserver's estimate counts nothing for the length of keys: their rules are judged by maxProperties alone. */
const mapKey: CelType = { ...string, max: 0 };

function mapType(schema: JSONSchemaProps, member: JSONSchemaProps, path: string): DeclaredType | undefined {
  const value = celTypeOf(member, `${path}.@elem`);
  if (value === undefined) return undefined;
  const max = schema.maxProperties === undefined ? maxMembersIn(value.minSize) : atLeastZero(schema.maxProperties);
  return { type: { kind: 'map', key: mapKey, value: value.type, max }, minSize: 2 };
}

const name: JSONSchemaProps = { type: 'string' };
const metadata: JSONSchemaProps = { type: 'object', properties: { name, generateName: name } };

/** Fields are declared when a rule first speaks of them: definitions may be large. */
function objectType(schema: JSONSchemaProps, path: string, whole: boolean): DeclaredType {
  const properties = whole
    ? { ...schema.properties, apiVersion: name, kind: name, metadata: schema.properties?.['metadata'] ?? metadata }
    : (schema.properties ?? {});
  const names = new Map<string, string>();
  for (const property in properties) {
    const escaped = escapeName(property);
    if (escaped !== undefined) names.set(escaped, property);
  }
  const type: CelType = {
    kind: 'object',
    name: path,
    field(escaped) {
      const property = names.get(escaped);
      const declared = property === undefined ? undefined : celTypeOf(properties[property]!, `${path}.${property}`);
      return declared && { name: property!, type: declared.type };
    },
  };
  return { type, minSize: 2 + requiredSize(schema, properties, path) };
}

/** Required members without a default must be in the request. */
function requiredSize(schema: JSONSchemaProps, properties: { readonly [name: string]: JSONSchemaProps }, path: string): number {
  let size = 0;
  for (const property of schema.required ?? []) {
    const member = Object.hasOwn(properties, property) ? properties[property] : undefined;
    const declared = member && member.default === undefined ? celTypeOf(member, `${path}.${property}`) : undefined;
    if (declared) size += property.length + declared.minSize + 4;
  }
  return size;
}

function stringType(schema: JSONSchemaProps): DeclaredType {
  const max = schema.maxLength === undefined ? undefined : atLeastZero(schema.maxLength);
  switch (schema.format) {
    case 'byte':
      return { type: { kind: 'bytes', max: max ?? longest }, minSize: 2 };
    case 'duration':
      return { type: duration, minSize: 3 };
    case 'date':
      return { type: timestamp, minSize: 12 };
    case 'date-time':
      return { type: timestamp, minSize: 22 };
    default:
  }
  // maxLength counts characters, of up to four octets each.
  if (max !== undefined) return { type: { kind: 'string', max: max * 4 }, minSize: 2 };
  const longestValue = schema.enum?.reduce<number>((most, value) => (typeof value === 'string' ? Math.max(most, Buffer.byteLength(value)) : most), 0);
  return { type: { kind: 'string', max: longestValue ?? longest }, minSize: 2 };
}
