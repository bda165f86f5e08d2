import type { FieldError } from '../errors.ts';
import { invalidValue } from '../field-errors.ts';
import { cloneObject } from '../object.ts';
import { validateLists } from './lists.ts';
import { Node } from './node.ts';
import { prune } from './prune.ts';
import { noField } from './scalar-checks.ts';
import { equalJson } from '../equal.ts';
import { metaFields, type JSONSchemaProps } from './types.ts';
import { validateRules } from './validate-rules.ts';
import { validateValue } from './validate.ts';

/** Every default must be a value that the schema would keep and accept. */
export function checkDefaults(schema: JSONSchemaProps, path: string, root: boolean, errors: FieldError[]): void {
  if (schema.default !== undefined && schema.default !== null) checkDefault(schema, `${path}.default`, errors);
  if (schema.items !== undefined && !Array.isArray(schema.items)) checkDefaults(schema.items, `${path}.items`, false, errors);
  if (typeof schema.additionalProperties === 'object') checkDefaults(schema.additionalProperties, `${path}.additionalProperties`, false, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (!root || !metaFields.has(name)) checkDefaults(property, `${path}.properties[${name}]`, false, errors);
  }
}

function checkDefault(schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  const node = new Node(schema);
  const value = schema.default!;
  const pruned = cloneObject(value);
  prune(pruned, node, { unknown: undefined, metadata: undefined, error: undefined });
  if (!equalJson(pruned, value)) {
    errors.push(invalidValue(path, value, 'must not have unknown fields'));
    return;
  }
  const findings: FieldError[] = [];
  validateValue(value, node, '', undefined, findings);
  validateLists(value, node, '', findings);
  if (findings.length === 0) validateRules(value, node, '', undefined, findings);
  for (const finding of findings) errors.push({ ...finding, field: below(path, finding.field) });
}

const below = (path: string, field: string): string => (field === '' || field === noField ? path : field.startsWith('[') ? path + field : `${path}.${field}`);
