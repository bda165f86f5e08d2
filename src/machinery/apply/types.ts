import type { Json } from '../object.ts';
import { noSchema, type FieldView, type PatchSchema } from '../schema-view.ts';

export type JsonObject = { [key: string]: Json };
export const isObject = (value: unknown): value is JsonObject => value !== null && typeof value === 'object' && !Array.isArray(value);

/** How a value is merged and owned (structured-merge-diff's element relationships). */
export type Shape = 'leaf' | 'granular' | 'set' | 'listmap';

/** A field with everything that walking it needs, computed once. */
export interface Field {
  readonly shape: Shape;
  /** `f:name`, the path element of FieldsV1. */
  readonly element: string;
  /** Type of the value (granular), or of the list's items (listmap). */
  readonly child: TypeNode;
  readonly keys: readonly string[];
  /** Values of absent key fields, for example protocol TCP. */
  readonly keyDefaults: JsonObject;
  /** The members are data, not declared fields: an empty-to-filled map is owned as such. */
  readonly free: boolean;
  /** Always there, so that nobody brings the list itself into being. */
  readonly required: boolean;
}

/** A type of the schema, or a deduced one; fields are looked up once and kept. */
export class TypeNode {
  readonly #schema: PatchSchema;
  readonly #type: string | undefined;
  /** Set for maps: every member has this view. */
  readonly #member: FieldView | undefined;
  readonly #fields = new Map<string, Field>();
  constructor(schema: PatchSchema, type: string | undefined, member?: FieldView) {
    this.#schema = schema;
    this.#type = type;
    this.#member = member;
  }
  field(name: string): Field {
    let found = this.#fields.get(name);
    if (!found) {
      found = this.#make(name);
      // Members of maps are unbounded names: they share their shape but are not kept.
      if (this.#member === undefined && this.#fields.size < 1000) this.#fields.set(name, found);
    }
    return found;
  }
  #make(name: string): Field {
    const view = this.#member ?? (this.#type === undefined ? undefined : this.#schema.field(this.#type, name));
    return { ...shapeOf(this.#schema, view), element: `f:${name}` };
  }
}

type Bare = Omit<Field, 'element'>;
const bares = new WeakMap<PatchSchema, WeakMap<FieldView, Bare>>();
const deducedNodes = new WeakMap<PatchSchema, TypeNode>();

function deduced(schema: PatchSchema): TypeNode {
  let node = deducedNodes.get(schema);
  if (!node) deducedNodes.set(schema, (node = new TypeNode(schema, undefined)));
  return node;
}

function shapeOf(schema: PatchSchema, view: FieldView | undefined): Bare {
  if (!view) return { shape: 'granular', child: deduced(schema), keys: [], keyDefaults: {}, free: true, required: false };
  let cache = bares.get(schema);
  if (!cache) bares.set(schema, (cache = new WeakMap()));
  let bare = cache.get(view);
  if (!bare) cache.set(view, (bare = bareOf(schema, view)));
  return bare;
}

function bareOf(schema: PatchSchema, view: FieldView): Bare {
  const base = { child: deduced(schema), keys: [], keyDefaults: {}, free: false, required: view.required === true };
  if (view.atomic) return { ...base, shape: 'leaf' };
  if (view.map) {
    const member: FieldView = view.array ? { type: view.type, array: true } : { type: view.type };
    return { ...base, shape: 'granular', child: new TypeNode(schema, undefined, member), free: true };
  }
  if (!view.array) return { ...base, shape: 'granular', child: typeNode(schema, view.type) };
  const keys = view.listMapKeys ?? [];
  if (view.listType === 'map' && keys.length > 0) {
    return { ...base, shape: 'listmap', child: typeNode(schema, view.type), keys: [...keys].sort(), keyDefaults: keyDefaults(schema, view.type, keys) };
  }
  return { ...base, shape: view.listType === 'set' ? 'set' : 'leaf' };
}

/** Ports are keyed by containerPort and protocol, and protocol is nearly always left out. */
function keyDefaults(schema: PatchSchema, type: string | undefined, keys: readonly string[]): JsonObject {
  const out: JsonObject = {};
  for (const key of keys) {
    const value = type === undefined ? undefined : schema.field(type, key)?.default;
    if (value !== undefined) out[key] = value;
    else if (key === 'protocol') out[key] = 'TCP';
  }
  return out;
}

const nodes = new WeakMap<PatchSchema, Map<string, TypeNode>>();

/** The node of a named type; the same one every time, so that lookups are shared by all writes. */
export function typeNode(schema: PatchSchema = noSchema, type: string | undefined): TypeNode {
  if (type === undefined) return deduced(schema);
  let known = nodes.get(schema);
  if (!known) nodes.set(schema, (known = new Map()));
  let node = known.get(type);
  if (!node) known.set(type, (node = new TypeNode(schema, type)));
  return node;
}

/** `k:{"containerPort":80,"protocol":"TCP"}`: keys sorted, as FieldsV1 writes them. Undefined when a key is missing. */
export function itemElement(item: Json, field: Field): string | undefined {
  if (!isObject(item)) return undefined;
  let out = '';
  for (const key of field.keys) {
    const value = item[key] ?? field.keyDefaults[key];
    if (value === undefined) return undefined;
    out += `${out === '' ? 'k:{' : ','}"${key}":${typeof value === 'number' ? String(value) : JSON.stringify(value)}`;
  }
  return `${out}}`;
}
export const valueElement = (item: Json): string => `v:${JSON.stringify(item)}`;
