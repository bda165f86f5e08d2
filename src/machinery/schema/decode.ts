import { badRequest } from '../errors.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { checkScalar, goType, wrongType, type Problems } from './scalars.ts';
import type { FieldSchema, SchemaSet, TypeSchema } from './schema-set.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface Decoded {
  value: unknown;
  /** Paths of the fields that the type does not have; they are not in the value any more. Empty in mode Ignore. */
  unknown: string[];
  /** The first thing of a wrong type, in the words of Go's decoder. */
  error: string | undefined;
}

interface State extends Problems {
  /** Undefined when nobody wants to know. */
  unknown: string[] | undefined;
}

/** The walker of one type: checks, prunes and normalises; returns the same object where nothing had to go. */
type Walk = (value: unknown, state: State, path: string, goPath: string) => unknown;

const scalars = 0;
const object = 1;
const list = 2;
const map = 3;
const mapOfLists = 4;
const free = 5;

interface Plan {
  readonly shape: number;
  /** typeof of a plain value that needs no further look; '' otherwise. */
  readonly plain: string;
  readonly schema: FieldSchema;
  /** Go's name of the field's type, for error texts. */
  readonly goType: string;
  /** Optional lists, maps and strings vanish when empty, as `omitempty` has it. */
  readonly dropEmpty: boolean;
  walk: Walk | undefined;
}

/** Resolves the walker of a field's type late, because types are recursive. */
const walkers = new WeakMap<SchemaSet, Map<string, Walk>>();

function walkerOf(schemas: SchemaSet, name: string): Walk {
  let known = walkers.get(schemas);
  if (!known) walkers.set(schemas, (known = new Map<string, Walk>()));
  let walk = known.get(name);
  if (!walk) {
    walk = compile(schemas, schemas.type(name));
    known.set(name, walk);
  }
  return walk;
}

const elementGoType = (schemas: SchemaSet, field: FieldSchema): string => (field.scalar ? goType(field.scalar) : `v1.${schemas.type(field.type!).goName}`);

function planOf(schemas: SchemaSet, schema: FieldSchema): Plan {
  const element = elementGoType(schemas, schema);
  const shape = schema.map ? (schema.array ? mapOfLists : map) : schema.array ? list : schema.scalar === 'json' ? free : schema.scalar ? scalars : object;
  return {
    shape,
    plain: schema.scalar === 'string' ? 'string' : schema.scalar === 'boolean' ? 'boolean' : '',
    schema,
    goType: `${schema.map ? 'map[string]' : ''}${schema.array ? '[]' : ''}${element}`,
    dropEmpty: !schema.required && !schema.pointer && (schema.map || schema.array || schema.scalar === 'string'),
    walk: undefined,
  };
}

const dropped = Symbol('dropped');

function compile(schemas: SchemaSet, type: TypeSchema): Walk {
  const plans = Object.create(null) as { [name: string]: Plan | undefined };
  for (const name in type.fields) plans[name] = planOf(schemas, type.fields[name]!);
  return (value, state, path, goPath) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      state.error ??= wrongType(value, goPath, `v1.${type.goName}`);
      return value;
    }
    const record = value as Record<string, unknown>;
    let gone = false;
    for (const key in record) {
      const plan = plans[key];
      const item = record[key];
      if (plan === undefined) {
        state.unknown?.push(path === '' ? key : `${path}.${key}`);
        gone = true;
        // Marks the member for the rebuild below.
        record[key] = dropped;
        continue;
      }
      if (typeof item === plan.plain) {
        if (item !== '' || !plan.dropEmpty) continue;
        record[key] = dropped;
        gone = true;
        continue;
      }
      const kept = item === null ? dropped : field(schemas, plan, item, state, path, goPath, type);
      if (kept === item) continue;
      record[key] = kept;
      if (kept === dropped) gone = true;
    }
    return gone ? rebuilt(record) : record;
  };
}

function rebuilt(record: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key in record) if (record[key] !== dropped) out[key] = record[key];
  return out;
}

/** Struct and path, as in `PodSpec.spec.template.spec.containers`. */
const goField = (type: TypeSchema, goPath: string, name: string): string => `${type.goName}.${goPath === '' ? '' : `${goPath}.`}${name}`;
const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function field(schemas: SchemaSet, plan: Plan, value: unknown, state: State, path: string, goPath: string, owner: TypeSchema): unknown {
  const { name, scalar } = plan.schema;
  switch (plan.shape) {
    case scalars:
      return scalar === 'int32' && typeof value === 'number' && (value | 0) === value
        ? value
        : checkScalar(scalar!, value, goField(owner, goPath, name), state);
    case free:
      return value;
    case object:
      if (typeof value !== 'object' || Array.isArray(value)) {
        state.error ??= wrongType(value, goField(owner, goPath, name), plan.goType);
        return value;
      }
      plan.walk ??= walkerOf(schemas, plan.schema.type!);
      return plan.walk(value, state, below(path, name), below(goPath, name));
    case list:
      if (!Array.isArray(value)) {
        state.error ??= wrongType(value, goField(owner, goPath, name), plan.goType);
        return value;
      }
      if (value.length === 0) return plan.dropEmpty ? dropped : value;
      return elements(schemas, plan, value, state, below(path, name), goPath, owner);
    default:
      return members(schemas, plan, value, state, path, goPath, owner);
  }
}

/** What a null element becomes: Go leaves the zero value. */
const zero = (schema: FieldSchema): unknown => {
  if (schema.scalar === undefined) return {};
  if (schema.scalar === 'json') return null;
  return schema.scalar === 'boolean'
    ? false
    : schema.scalar === 'quantity'
      ? '0'
      : schema.scalar === 'int32' || schema.scalar === 'int64' || schema.scalar === 'double'
        ? 0
        : '';
};

function elements(schemas: SchemaSet, plan: Plan, value: unknown[], state: State, path: string, goPath: string, owner: TypeSchema): unknown[] {
  const { schema } = plan;
  if (schema.scalar === 'json') return value;
  const inner = schema.type === undefined ? undefined : (plan.walk ??= walkerOf(schemas, schema.type));
  for (let i = 0; i < value.length; i++) {
    const item = value[i];
    if (item === null) value[i] = zero(schema);
    else if (inner === undefined) {
      if (typeof item !== plan.plain) value[i] = checkScalar(schema.scalar!, item, goField(owner, goPath, schema.name), state);
    } else if (typeof item !== 'object' || Array.isArray(item))
      state.error ??= wrongType(item, goField(owner, goPath, schema.name), `v1.${schemas.type(schema.type!).goName}`);
    else value[i] = inner(item, state, state.unknown ? `${path}[${i}]` : '', below(goPath, schema.name));
  }
  return value;
}

function members(schemas: SchemaSet, plan: Plan, value: unknown, state: State, path: string, goPath: string, owner: TypeSchema): unknown {
  const { schema } = plan;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    state.error ??= wrongType(value, goField(owner, goPath, schema.name), plan.goType);
    return value;
  }
  const record = value as Record<string, unknown>;
  let empty = true;
  for (const key in record) {
    empty = false;
    const item = record[key];
    if (typeof item === plan.plain && plan.shape === map) continue;
    if (item === null) record[key] = plan.shape === mapOfLists ? [] : zero(schema);
    else if (plan.shape === mapOfLists) {
      if (Array.isArray(item)) record[key] = elements(schemas, plan, item, state, `${path}.${key}`, goPath, owner);
      else state.error ??= wrongType(item, goField(owner, goPath, schema.name), `[]${elementGoType(schemas, schema)}`);
    } else if (schema.type === undefined) record[key] = checkScalar(schema.scalar!, item, goField(owner, goPath, schema.name), state);
    else record[key] = (plan.walk ??= walkerOf(schemas, schema.type))(item, state, `${below(path, schema.name)}.${key}`, below(goPath, schema.name));
  }
  return empty && plan.dropEmpty ? dropped : record;
}

/**
 * Checks `value` (fresh from the parser: it is changed in place) against a type: unknown fields are pruned,
 * nulls and empty optional values dropped, quantities normalised. Never throws for bad input.
 */
export function decode(schemas: SchemaSet, typeName: string, value: unknown, mode: FieldValidation = 'Ignore'): Decoded {
  const state: State = { unknown: mode === 'Ignore' ? undefined : [], error: undefined };
  const out = walkerOf(schemas, typeName)(value, state, '', '');
  return { value: out, unknown: state.unknown ?? [], error: state.error };
}

export interface DecodeRequest {
  mode?: FieldValidation | undefined;
  /** Of the JSON layer (`parseJsonStrict`). */
  duplicates?: readonly string[] | undefined;
  /** Another type than the kind's own: bodies of subresources. */
  schema?: string | undefined;
}

/**
 * A request's body as an object of `kind`. Throws BadRequest with the text of the real server. The
 * warnings are for the Warning header (mode Warn).
 */
export function decodeObject<T extends KubeObject>(
  schemas: SchemaSet,
  kind: Pick<Kind<T>, 'kind' | 'version' | 'schema'>,
  value: unknown,
  request: DecodeRequest = {},
): { object: T; warnings: string[] } {
  const mode = request.mode ?? 'Warn';
  const refuse = (why: string): never => {
    throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(`json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type v1.${kind.kind}`);
  const decoded = decode(schemas, request.schema ?? kind.schema, value, mode);
  if (decoded.error !== undefined) refuse(decoded.error);
  const findings = [
    ...decoded.unknown.map((path) => `unknown field "${path}"`),
    ...(mode === 'Ignore' ? [] : (request.duplicates ?? []).map((path) => `duplicate field "${path}"`)),
  ];
  if (mode === 'Strict' && findings.length > 0) refuse(`strict decoding error: ${findings.join(', ')}`);
  return { object: decoded.value as T, warnings: findings };
}
