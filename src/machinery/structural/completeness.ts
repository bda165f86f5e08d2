import type { FieldError } from '../errors.ts';
import { required } from '../field-errors.ts';
import { own, type JSONSchemaProps } from './types.ts';

/** Every field that an alternative speaks of must be in the structure too. */
export function checkCompleteness(schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  checkJunctors(schema, schema, path, path, errors);
  if (schema.items !== undefined && !Array.isArray(schema.items)) checkCompleteness(schema.items, `${path}.items`, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) checkCompleteness(property, `${path}.properties[${name}]`, errors);
  if (typeof schema.additionalProperties === 'object') checkCompleteness(schema.additionalProperties, `${path}.additionalProperties`, errors);
}

function checkJunctors(part: JSONSchemaProps, schema: JSONSchemaProps | undefined, path: string, partPath: string, errors: FieldError[]): void {
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, inner] of (part[junctor] ?? []).entries()) checkPart(inner, schema, path, `${partPath}.${junctor}[${i}]`, errors);
  if (part.not !== undefined) checkPart(part.not, schema, path, `${partPath}.not`, errors);
}

function checkPart(part: JSONSchemaProps, schema: JSONSchemaProps | undefined, path: string, partPath: string, errors: FieldError[]): void {
  if (schema === undefined) {
    errors.push(required(path, `because it is defined in ${partPath}`));
    return;
  }
  checkJunctors(part, schema, path, partPath, errors);
  const items = Array.isArray(schema.items) ? undefined : schema.items;
  if (part.items !== undefined && !Array.isArray(part.items)) checkPart(part.items, items, `${path}.items`, `${partPath}.items`, errors);
  for (const [name, property] of Object.entries(part.properties ?? {})) {
    const below = `.properties[${name}]`;
    const target = own(schema.properties, name);
    if (target === undefined) errors.push(required(path + below, `because it is defined in ${partPath}${below}`));
    else checkPart(property, target, path + below, partPath + below, errors);
  }
}
