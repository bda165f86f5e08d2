import type { FieldError } from '../errors.ts';
import { forbidden, invalidValue, required } from '../field-errors.ts';
import { compileRegex } from '../regex.ts';
import { equalJson } from '../equal.ts';
import { own, type JSONSchemaProps } from './types.ts';

type Level = 'root' | 'item' | 'field';
const emptyType: { readonly [level in Level]: string } = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

/** What makes a schema structural: every value has one type, and alternatives only restrict it. */
export function checkInvariants(schema: JSONSchemaProps, level: Level, path: string, errors: FieldError[]): void {
  const items = Array.isArray(schema.items) ? undefined : schema.items;
  if (schema.type === 'array' && schema.items === undefined) errors.push(required(`${path}.items`, 'must be specified'));
  if (items !== undefined) checkInvariants(items, 'item', `${path}.items`, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) checkInvariants(property, 'field', `${path}.properties[${name}]`, errors);
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) {
    if (level === 'root') errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
    if (typeof schema.additionalProperties === 'object') checkInvariants(schema.additionalProperties, 'field', `${path}.additionalProperties`, errors);
  }
  checkIntOrString(schema, path, errors);
  checkValueValidation(schema, path, { anyOf: isIntOrStringPattern(schema.anyOf), firstAllOf: isIntOrStringPattern(schema.allOf?.[0]?.anyOf) }, errors);
  checkType(schema, level, path, errors);
  checkMeta(schema, level, path, errors);
}

function checkIntOrString(schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  if (!schema['x-kubernetes-int-or-string']) return;
  const detail = 'must be false if x-kubernetes-int-or-string is true';
  for (const key of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const)
    if (schema[key]) errors.push(invalidValue(`${path}.${key}`, true, detail));
}

function checkType(schema: JSONSchemaProps, level: Level, path: string, errors: FieldError[]): void {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (embedded && schema.type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(schema.type ? invalidValue(`${path}.type`, schema.type, detail) : required(`${path}.type`, detail));
  } else if (!schema.type && !schema['x-kubernetes-int-or-string'] && !keeps) errors.push(required(`${path}.type`, emptyType[level]));
  if (embedded && schema.additionalProperties !== undefined)
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
  if (level === 'root' && schema.type && schema.type !== 'object') errors.push(invalidValue(`${path}.type`, schema.type, 'must be object at the root'));
  if (embedded && !keeps && Object.keys(schema.properties ?? {}).length === 0)
    errors.push(required(`${path}.properties`, 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'));
}

/** apiVersion, kind and metadata are the server's; the schema may restrict names and no more. */
function checkMeta(schema: JSONSchemaProps, level: Level, path: string, errors: FieldError[]): void {
  const whole = level === 'root' || schema['x-kubernetes-embedded-resource'] === true;
  for (const name of ['kind', 'apiVersion']) {
    const property = own(schema.properties, name);
    if (whole && property !== undefined && property.type !== 'string')
      errors.push(invalidValue(`${path}.properties[${name}].type`, property.type ?? '', 'must be string'));
  }
  const metadata = own(schema.properties, 'metadata');
  if (metadata === undefined) return;
  const metaPath = `${path}.properties[metadata]`;
  if (whole && metadata.type !== 'object') errors.push(invalidValue(`${metaPath}.type`, metadata.type ?? '', 'must be object'));
  if (level !== 'root') return;
  const { type: _type, default: _default, properties, ...rest } = metadata;
  const extra = Object.keys(properties ?? {}).some((name) => name !== 'name' && name !== 'generateName');
  if (extra || Object.keys(rest).length > 0)
    errors.push(forbidden(metaPath, 'must not specify anything other than name and generateName, but metadata is implicitly specified'));
}

const isIntOrStringPattern = (anyOf: readonly JSONSchemaProps[] | undefined): boolean => equalJson(anyOf ?? null, [{ type: 'integer' }, { type: 'string' }]);

interface Allowed {
  anyOf: boolean;
  firstAllOf: boolean;
}
const nothing: Allowed = { anyOf: false, firstAllOf: false };

function checkValueValidation(schema: JSONSchemaProps, path: string, allowed: Allowed, errors: FieldError[]): void {
  if (!allowed.anyOf) for (const [i, part] of (schema.anyOf ?? []).entries()) checkNested(part, `${path}.anyOf[${i}]`, nothing, errors);
  for (const [i, part] of (schema.allOf ?? []).entries())
    checkNested(part, `${path}.allOf[${i}]`, { anyOf: allowed.firstAllOf && i === 0, firstAllOf: false }, errors);
  for (const [i, part] of (schema.oneOf ?? []).entries()) checkNested(part, `${path}.oneOf[${i}]`, nothing, errors);
  if (schema.not !== undefined) checkNested(schema.not, `${path}.not`, nothing, errors);
  if (!schema.pattern) return;
  try {
    compileRegex(schema.pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    errors.push(invalidValue(`${path}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${why}`));
  }
}

const empty = 'must be empty to be structural';
const undefinedText = 'must be undefined to be structural';
const falseText = 'must be false to be structural';
/** What only the structure itself may say. */
const structureOnly: readonly (readonly [keyof JSONSchemaProps, string])[] = [
  ['type', empty],
  ['additionalProperties', undefinedText],
  ['default', undefinedText],
  ['title', empty],
  ['description', empty],
  ['nullable', falseText],
  ['externalDocs', undefinedText],
  ['x-kubernetes-preserve-unknown-fields', falseText],
  ['x-kubernetes-embedded-resource', falseText],
  ['x-kubernetes-int-or-string', falseText],
  ['x-kubernetes-list-map-keys', empty],
  ['x-kubernetes-list-type', undefinedText],
  ['x-kubernetes-map-type', undefinedText],
  ['x-kubernetes-validations', empty],
];
const isSet = (value: unknown, why: string): boolean =>
  why === undefinedText ? value !== undefined : Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false && value !== '';

function checkNested(schema: JSONSchemaProps, path: string, allowed: Allowed, errors: FieldError[]): void {
  checkValueValidation(schema, path, allowed, errors);
  if (schema.items !== undefined && !Array.isArray(schema.items)) checkNested(schema.items, `${path}.items`, nothing, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) checkNested(property, `${path}.properties[${name}]`, nothing, errors);
  for (const [keyword, why] of structureOnly) if (isSet(schema[keyword], why)) errors.push(forbidden(`${path}.${keyword}`, why));
  if (own(schema.properties, 'metadata') !== undefined) errors.push(forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
}
