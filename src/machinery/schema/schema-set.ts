/** Field types of the API as data: what decoding, patches, server-side apply and OpenAPI share. */

import type { Json } from '../object.ts';

/** How a scalar travels. `json` is anything, kept as it is. */
export type Scalar = 'string' | 'boolean' | 'int32' | 'int64' | 'double' | 'bytes' | 'time' | 'microtime' | 'intOrString' | 'quantity' | 'json';

const scalarOfCode: { readonly [code: string]: Scalar } = {
  s: 'string',
  b: 'boolean',
  i: 'int32',
  l: 'int64',
  n: 'double',
  y: 'bytes',
  t: 'time',
  u: 'microtime',
  o: 'intOrString',
  q: 'quantity',
  j: 'json',
};

/** Per type its fields in the compact form of the generated file: `[!]<scalar code or type name>[[]][{}]`. */
export interface CompactTypes {
  readonly [type: string]: { readonly [field: string]: string };
}

/** What the field types alone do not say: the x-kubernetes-* facts of the real OpenAPI. */
export interface FieldFacts {
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly patchStrategy?: 'merge' | 'replace' | 'retainKeys' | 'merge,retainKeys';
  readonly patchMergeKey?: string;
  /** Whether server-side apply owns a map or struct as one value; `granular` where the field differs from its type. */
  readonly mapType?: 'atomic' | 'granular';
  /** Empty is not the same as absent (the Go field is a pointer to a scalar; nil and empty lists differ): it is kept. */
  readonly pointer?: true;
  /** The value of an absent list map key (a port's protocol). */
  readonly default?: Json;
}
export interface Facts {
  /** Keys are `Type.field`. */
  readonly fields: { readonly [typeAndField: string]: FieldFacts };
  /** Types that are one value wherever they are used (x-kubernetes-map-type: atomic on the struct). */
  readonly atomicTypes: readonly string[];
}

export interface FieldSchema {
  readonly name: string;
  /** Name of the object type; undefined for scalars. */
  readonly type: string | undefined;
  /** Undefined for objects. */
  readonly scalar: Scalar | undefined;
  /** A list; with `map`, a map of lists. */
  readonly array: boolean;
  readonly map: boolean;
  readonly required: boolean;
  readonly listType: 'atomic' | 'set' | 'map' | undefined;
  readonly listMapKeys: readonly string[] | undefined;
  readonly patchStrategy: FieldFacts['patchStrategy'];
  readonly patchMergeKey: string | undefined;
  /** One value for server-side apply: atomic map or struct, here or by its type. Lists say so in listType. */
  readonly atomic: boolean;
  readonly pointer: boolean;
  readonly default: Json | undefined;
}

export interface TypeSchema {
  /** As in the generated types, for example `V1Pod`. */
  readonly name: string;
  /** The Go struct's name, for error texts: `Pod`. */
  readonly goName: string;
  readonly atomic: boolean;
  /** Without prototype, so that a lookup of any text is safe. */
  readonly fields: { readonly [name: string]: FieldSchema | undefined };
}

export interface SchemaSet {
  /** Throws when there is no such type: only wrong code asks. */
  type(name: string): TypeSchema;
  has(name: string): boolean;
  readonly names: readonly string[];
}

function parseField(owner: string, name: string, code: string, facts: Facts, atomicTypes: ReadonlySet<string>): FieldSchema {
  const match = /^(!?)(\w+?)(\[\])?(\{\})?$/.exec(code);
  if (!match) throw new Error(`schema of ${owner}.${name} is not understood: ${code}`);
  const scalar = scalarOfCode[match[2]!];
  const type = scalar ? undefined : match[2]!;
  const array = match[3] !== undefined;
  const map = match[4] !== undefined;
  const fact = facts.fields[`${owner}.${name}`];
  return {
    name,
    type,
    scalar,
    array,
    map,
    required: match[1] === '!',
    listType: fact?.listType ?? (array ? 'atomic' : undefined),
    listMapKeys: fact?.listMapKeys,
    patchStrategy: fact?.patchStrategy,
    patchMergeKey: fact?.patchMergeKey,
    atomic: fact?.mapType === 'atomic' || scalar === 'json' || (type !== undefined && !array && !map && fact?.mapType !== 'granular' && atomicTypes.has(type)),
    pointer: fact?.pointer === true,
    default: fact?.default,
  };
}

/** Types are built when first asked for: a start touches few of them. */
export function createSchemaSet(types: CompactTypes, facts: Facts): SchemaSet {
  const built = new Map<string, TypeSchema>();
  const atomicTypes = new Set(facts.atomicTypes);
  return {
    names: Object.keys(types),
    has: (name) => Object.hasOwn(types, name),
    type(name) {
      const known = built.get(name);
      if (known) return known;
      const compact = Object.hasOwn(types, name) ? types[name] : undefined;
      if (!compact) throw new Error(`no type ${name} in the schema set`);
      const fields = Object.create(null) as { [name: string]: FieldSchema };
      for (const field in compact) fields[field] = parseField(name, field, compact[field]!, facts, atomicTypes);
      const type: TypeSchema = { name, goName: name.replace(/^[A-Za-z]*?V\d(?=[A-Z])/, ''), atomic: atomicTypes.has(name), fields };
      built.set(name, type);
      return type;
    },
  };
}

/** Texts and OpenAPI names (`io.k8s.api.apps.v1.Deployment`) of the types. */
export interface TypeDescriptions {
  readonly [type: string]: { readonly name: string; readonly description: string; readonly fields: { readonly [field: string]: string } };
}
