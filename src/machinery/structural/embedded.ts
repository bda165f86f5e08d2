import type { FieldError } from '../errors.ts';
import { invalidValue, required } from '../field-errors.ts';
import { validateMetadata } from '../metadata.ts';
import { pathSegmentProblems } from '../names.ts';
import type { Json, KubeObject } from '../object.ts';
import type { Node } from './node.ts';
import { child, isRecord, type JSONSchemaProps, type JsonRecord } from './types.ts';

const withEmbedded = new WeakMap<JSONSchemaProps, boolean>();
function hasEmbedded(schema: JSONSchemaProps): boolean {
  let found = withEmbedded.get(schema);
  if (found !== undefined) return found;
  found =
    schema['x-kubernetes-embedded-resource'] === true ||
    (schema.items !== undefined && !Array.isArray(schema.items) && hasEmbedded(schema.items)) ||
    (typeof schema.additionalProperties === 'object' && hasEmbedded(schema.additionalProperties)) ||
    Object.values(schema.properties ?? {}).some(hasEmbedded);
  withEmbedded.set(schema, found);
  return found;
}

/** Objects inside of objects say what they are, and their metadata follows the rules of all objects. */
export function validateEmbedded(value: Json, node: Node, path: string, errors: FieldError[]): void {
  if (!hasEmbedded(node.schema)) return;
  if (Array.isArray(value)) {
    const { items } = node;
    if (items !== undefined) for (const [i, item] of value.entries()) validateEmbedded(item, items, `${path}[${i}]`, errors);
    return;
  }
  if (!isRecord(value)) return;
  if (node.embedded) checkObject(value, path, errors);
  for (const key in value) {
    const member = node.member(key);
    if (member !== undefined) validateEmbedded(value[key] as Json, member, child(path, key), errors);
  }
}

function checkObject(object: JsonRecord, path: string, errors: FieldError[]): void {
  for (const key of ['apiVersion', 'kind']) {
    const value = object[key];
    if (value === undefined) errors.push(required(child(path, key), 'must not be empty'));
    else if (value === '') errors.push(invalidValue(child(path, key), value, 'must not be empty'));
  }
  if (!isRecord(object['metadata'])) return;
  const { metadata } = object as KubeObject;
  for (const problem of pathSegmentProblems(metadata?.name ?? 'x')) errors.push(invalidValue(`${path}.metadata.name`, metadata?.name, problem));
  // A name need not be there yet.
  const named = { ...object, metadata: { ...metadata, name: 'x' } } as KubeObject;
  const findings = validateMetadata({ namespaced: metadata?.namespace !== undefined, nameRule: 'path-segment' }, named);
  for (const finding of findings) errors.push({ ...finding, field: child(path, finding.field) });
}
