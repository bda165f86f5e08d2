import type { FieldError } from '../errors.ts';
import { forbidden, invalidValue, required, unsupported } from '../field-errors.ts';
import { checkListKeywords } from './list-rules.ts';
import { metaFields, type JSONSchemaProps } from './types.ts';

interface Place {
  root: boolean;
  /** Below the metadata of a resource. */
  insideMeta: boolean;
  /** Why defaults may not stand here. */
  noDefaults: string | undefined;
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** Which keywords a schema may use and with which values, at every level. */
export function checkKeywords(schema: JSONSchemaProps, path: string, place: Place, errors: FieldError[]): void {
  checkUnsupported(schema, path, place, errors);
  if (schema.uniqueItems) errors.push(forbidden(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
  if (schema.additionalProperties !== undefined && Object.keys(schema.properties ?? {}).length > 0)
    errors.push(
      schema.additionalProperties === false
        ? forbidden(`${path}.additionalProperties`, 'additionalProperties cannot be set to false')
        : forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
    );
  checkChildren(schema, path, place, errors);
  checkExtensions(schema, path, errors);
  checkListKeywords(schema, path, errors);
}

function checkUnsupported(schema: JSONSchemaProps, path: string, place: Place, errors: FieldError[]): void {
  const refuse = (keyword: string, why: string): void => void errors.push(forbidden(`${path}.${keyword}`, why));
  if (schema.default !== undefined && place.noDefaults !== undefined) refuse('default', place.noDefaults);
  if (schema.id) refuse('id', 'id is not supported');
  if (schema.additionalItems !== undefined) refuse('additionalItems', 'additionalItems is not supported');
  if (Object.keys(schema.patternProperties ?? {}).length > 0) refuse('patternProperties', 'patternProperties is not supported');
  if (Object.keys(schema.definitions ?? {}).length > 0) refuse('definitions', 'definitions is not supported');
  if (schema.dependencies !== undefined) refuse('dependencies', 'dependencies is not supported');
  if (schema.$ref !== undefined) refuse('$ref', '$ref is not supported');
  if (schema.type === 'null') refuse('type', 'type cannot be set to null, use nullable as an alternative');
  else if (schema.type && !types.includes(schema.type)) errors.push(unsupported(`${path}.type`, schema.type, types));
  if (Array.isArray(schema.items)) refuse('items', 'items must be a schema object and not an array');
  if (place.insideMeta && schema['x-kubernetes-embedded-resource']) refuse('x-kubernetes-embedded-resource', 'must not be used inside of resource meta');
}

function checkChildren(schema: JSONSchemaProps, path: string, place: Place, errors: FieldError[]): void {
  const inner: Place = { ...place, root: false };
  const nested: Place = { ...inner, noDefaults: 'must not be set' };
  const whole = place.root || schema['x-kubernetes-embedded-resource'] === true;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const meta = whole && metaFields.has(name);
    const below: Place = meta ? { root: false, insideMeta: true, noDefaults: place.root ? 'must not be set in top-level metadata' : inner.noDefaults } : inner;
    checkKeywords(property, `${path}.properties[${name}]`, below, errors);
  }
  if (typeof schema.additionalProperties === 'object') checkKeywords(schema.additionalProperties, `${path}.additionalProperties`, inner, errors);
  if (schema.items !== undefined && !Array.isArray(schema.items)) checkKeywords(schema.items, `${path}.items`, inner, errors);
  if (schema.not !== undefined) checkKeywords(schema.not, `${path}.not`, nested, errors);
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, part] of (schema[junctor] ?? []).entries()) checkKeywords(part, `${path}.${junctor}[${i}]`, { ...inner }, errors);
}

function checkExtensions(schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    errors.push(invalidValue(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType === undefined) return;
  const detail = 'must be object if x-kubernetes-map-type is specified';
  if (!schema.type) errors.push(required(`${path}.type`, detail));
  else if (schema.type !== 'object') errors.push(invalidValue(`${path}.type`, schema.type, detail));
  if (mapType !== 'atomic' && mapType !== 'granular') errors.push(unsupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
}
