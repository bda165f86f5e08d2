import { ApiError } from '../errors.ts';
import { goText } from '../go-text.ts';
import type { Json } from '../object.ts';
import type { FieldView, PatchSchema } from '../schema-view.ts';
import { isObject, itemElement, typeNode, valueElement, type Field, type JsonObject } from './types.ts';

interface Finding {
  path: string;
  text: string;
}
interface Walk {
  readonly schema: PatchSchema;
  readonly findings: Finding[];
}

/**
 * What makes a configuration unfit to be applied: fields that its type does not have, values of another shape, items
 * of associative lists without their key or twice (structured-merge-diff's typed validation). fieldValidation does
 * not matter here: nobody could own such a field.
 */
export function configurationFindings(config: JsonObject, schema: PatchSchema, type: string | undefined): string[] {
  const walk: Walk = { schema, findings: [] };
  // Not every schema of a custom kind mentions these two, and they were checked before.
  const { apiVersion: _version, kind: _kind, ...rest } = config;
  checkMembers(rest, type, '', walk);
  return walk.findings.map(({ path, text }) => (path ? `${path}: ${text}` : text));
}

function checkMembers(object: JsonObject, type: string | undefined, path: string, walk: Walk): void {
  const closed = type !== undefined && walk.schema.closed?.(type) === true;
  for (const key in object) {
    const value = object[key] as Json;
    const at = `${path}.${key}`;
    const view = type === undefined ? undefined : walk.schema.field(type, key);
    if (view) checkField(value, view, type as string, key, at, walk);
    else if (closed) walk.findings.push({ path: at, text: 'field not declared in schema' });
  }
}

function checkField(value: Json, view: FieldView, owner: string, key: string, path: string, walk: Walk): void {
  if (value === null || value === undefined) return;
  if (view.map) {
    if (!isObject(value)) return refuse(walk, path, 'map', value);
    if (view.array) return;
    for (const name in value) checkElement(value[name] as Json, view, `${path}.${name}`, walk);
  } else if (view.array) {
    if (!Array.isArray(value)) return refuse(walk, path, 'list', value);
    checkList(value, view, typeNode(walk.schema, owner).field(key), path, walk);
  } else checkElement(value, view, path, walk);
}

/** Scalars are checked when the merged object is decoded. */
function checkElement(value: Json, view: FieldView, path: string, walk: Walk): void {
  if (value === null || view.type === undefined) return;
  if (isObject(value)) checkMembers(value, view.type, path, walk);
  else if (walk.schema.closed?.(view.type)) refuse(walk, path, 'map', value);
}

function checkList(list: readonly Json[], view: FieldView, field: Field, path: string, walk: Walk): void {
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    if (field.shape !== 'set' && field.shape !== 'listmap') {
      checkElement(item, view, `${path}[${i}]`, walk);
      continue;
    }
    const element = field.shape === 'set' ? valueElement(item) : itemElement(item, field);
    if (element === undefined) {
      walk.findings.push({ path, text: `element ${i}: ${missingKey(item, field)}` });
      return;
    }
    if (seen.has(element)) walk.findings.push({ path, text: `duplicate entries for key ${keyText(element)}` });
    seen.add(element);
    checkElement(item, view, path + keyText(element), walk);
  }
}

function missingKey(item: Json, field: Field): string {
  if (!isObject(item)) return 'associative list with keys may not have non-map elements';
  const key = field.keys.find((name) => item[name] === undefined && field.keyDefaults[name] === undefined);
  return `associative list with keys has an element that omits key field ${JSON.stringify(key)} (and doesn't have default value)`;
}
export function keyText(element: string): string {
  if (element.startsWith('v:')) return `[=${element.slice(2)}]`;
  const key = JSON.parse(element.slice(2)) as JsonObject;
  return `[${Object.keys(key)
    .map((k) => `${k}=${JSON.stringify(key[k])}`)
    .join(',')}]`;
}
function refuse(walk: Walk, path: string, wanted: string, value: Json): void {
  walk.findings.push({ path, text: `expected ${wanted}, got &{${goText(value)}}` });
}

/** The refusal of a configuration, as the field manager words it: a plain error, so that the Status has no reason. */
export class TypedPatchError extends ApiError {
  constructor(findings: readonly string[], name: { namespace: string; name: string; apiVersion: string; kind: string }) {
    const group = name.apiVersion.includes('/') ? name.apiVersion : `/${name.apiVersion}`;
    const text = findings.length === 1 ? findings[0] : `errors:\n  ${findings.join('\n  ')}`;
    super('', `failed to create typed patch object (${name.namespace}/${name.name}; ${group}, Kind=${name.kind}): ${text}`);
  }
}
