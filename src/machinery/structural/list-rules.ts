import type { FieldError } from '../errors.ts';
import { forbidden, invalidValue, required, unsupported } from '../field-errors.ts';
import { own, type JSONSchemaProps } from './types.ts';

/** x-kubernetes-list-type and x-kubernetes-list-map-keys. */
export function checkListKeywords(schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (listType !== undefined) {
    const detail = 'must be array if x-kubernetes-list-type is specified';
    if (!schema.type) errors.push(required(`${path}.type`, detail));
    else if (schema.type !== 'array') errors.push(invalidValue(`${path}.type`, schema.type, detail));
    if (!['atomic', 'set', 'map'].includes(listType)) errors.push(unsupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']));
  }
  if (keys.length > 0 && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType === undefined ? required(`${path}.x-kubernetes-list-type`, detail) : invalidValue(`${path}.x-kubernetes-list-type`, listType, detail));
  }
  if (listType === 'map') checkMapList(schema, keys, path, errors);
  if (listType === 'map' || listType === 'set') checkItems(schema, listType, path, errors);
}

function checkMapList(schema: JSONSchemaProps, keys: readonly string[], path: string, errors: FieldError[]): void {
  const keysPath = `${path}.x-kubernetes-list-map-keys`;
  if (keys.length === 0) errors.push(required(keysPath, 'must not be empty if x-kubernetes-list-type is map'));
  const { items } = schema;
  if (items === undefined) {
    errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'));
    return;
  }
  if (Array.isArray(items)) return;
  if (items.type !== 'object') {
    errors.push(invalidValue(`${path}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"));
    return;
  }
  const seen = new Set<string>();
  for (const key of keys) {
    const property = own(items.properties, key);
    if (property === undefined) errors.push(invalidValue(keysPath, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object')
      errors.push(invalidValue(`${path}.items.properties[${key}].type`, items.type, "must be a scalar type if parent array's x-kubernetes-list-type is map"));
    if (seen.has(key)) errors.push(invalidValue(keysPath, keys, 'must not contain duplicate entries'));
    seen.add(key);
  }
}

function checkItems(schema: JSONSchemaProps, listType: 'map' | 'set', path: string, errors: FieldError[]): void {
  const { items } = schema;
  if (items === undefined || Array.isArray(items)) return;
  if (items.nullable) errors.push(forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`));
  if (listType === 'map') {
    for (const key of schema['x-kubernetes-list-map-keys'] ?? []) checkKey(items, key, `${path}.items.properties[${key}]`, errors);
    return;
  }
  const atomic = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') errors.push(forbidden(`${path}.items.x-kubernetes-map-type`, atomic));
  const inner = items['x-kubernetes-list-type'];
  if (items.type === 'array' && inner !== undefined && inner !== 'atomic') errors.push(forbidden(`${path}.items.x-kubernetes-list-type`, atomic));
}

function checkKey(items: JSONSchemaProps, key: string, path: string, errors: FieldError[]): void {
  const property = own(items.properties, key);
  if (property === undefined) return;
  if (!items.required?.includes(key) && property.default === undefined)
    errors.push(required(`${path}.default`, 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'));
  if (property.nullable) errors.push(forbidden(`${path}.nullable`, 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'));
}
