/** The types as JSON schemas with the x-kubernetes-* extensions. */
import type { Kind } from '../kind.ts';
import type { Json } from '../object.ts';
import type { Shape } from '../shape.ts';
import type { FieldSchema, Scalar, SchemaSet, TypeDescriptions } from '../schema/schema-set.ts';

export type JsonObject = { [key: string]: Json };

/** What both versions of OpenAPI are built from. */
export interface OpenApiSource {
  readonly kinds: readonly Kind[];
  readonly schemas: SchemaSet;
  readonly descriptions: TypeDescriptions;
}
export interface Dialect {
  readonly refPrefix: '#/definitions/' | '#/components/schemas/';
  readonly v3: boolean;
}
export const v2Dialect: Dialect = { refPrefix: '#/definitions/', v3: false };
export const v3Dialect: Dialect = { refPrefix: '#/components/schemas/', v3: true };

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const timeName = `${meta}.Time`;
const microTimeName = `${meta}.MicroTime`;
const quantityName = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const intOrStringName = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
export const patchName = `${meta}.Patch`;

const scalarRefs: { readonly [scalar in Scalar]?: string } = { time: timeName, microtime: microTimeName, quantity: quantityName, intOrString: intOrStringName };
const plainSchemas: { readonly [scalar in Scalar]?: JsonObject } = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  json: { type: 'object' },
};

function sharedDefinition(name: string, dialect: Dialect): JsonObject | undefined {
  switch (name) {
    case timeName:
      return {
        description:
          'Time is a wrapper around time.Time which supports correct marshaling to YAML and JSON.  Wrappers are provided for many of the factory methods that the time package offers.',
        type: 'string',
        format: 'date-time',
      };
    case microTimeName:
      return { description: 'MicroTime is version of Time with microsecond level precision.', type: 'string', format: 'date-time' };
    case quantityName: {
      const description =
        'Quantity is a fixed-point representation of a number. It provides convenient marshaling/unmarshaling in JSON and YAML, in addition to String() and AsInt64() accessors.';
      return dialect.v3 ? { description, oneOf: [{ type: 'string' }, { type: 'number' }] } : { description, type: 'string' };
    }
    case intOrStringName: {
      const description = 'IntOrString is a type that can hold an int32 or a string.';
      return dialect.v3
        ? { description, format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }
        : { description, type: 'string', format: 'int-or-string' };
    }
    case patchName:
      return { description: 'Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.', type: 'object' };
    default:
      return undefined;
  }
}

/** Collects the definitions of all types that are referred to, under their OpenAPI names. */
export class Definitions {
  readonly all: JsonObject = {};
  readonly #source: OpenApiSource;
  readonly #dialect: Dialect;

  constructor(source: OpenApiSource, dialect: Dialect) {
    this.#source = source;
    this.#dialect = dialect;
  }

  /** OpenAPI name of a type, for example io.k8s.api.core.v1.Pod; types of our own go by their plain name. */
  nameOf(type: string): string {
    return this.#source.descriptions[type]?.name ?? type;
  }

  /** A reference to the type, whose definition (and all it needs) is added. */
  ref(type: string): JsonObject {
    this.#define(type);
    return { $ref: this.#dialect.refPrefix + this.nameOf(type) };
  }

  /** A reference to the type of a kind, which says so. */
  kind(kind: Kind): JsonObject {
    const name = this.#kindName(kind);
    if (!kind.shape) this.ref(kind.schema);
    else this.all[name] ??= this.#shaped(kind.shape);
    this.#mark(name, gvk(kind, kind.kind));
    return { $ref: this.#dialect.refPrefix + name };
  }
  #kindName(kind: Kind): string {
    return kind.openapiName ?? this.nameOf(kind.schema);
  }
  /** The metadata of a shape is what all objects have. */
  #shaped(shape: Shape): JsonObject {
    const schema = (this.#dialect.v3 ? shape.openapi : shape.openapiV2) as JsonObject;
    const properties = schema['properties'] as JsonObject | undefined;
    const text = { type: 'string' };
    return { ...schema, properties: { apiVersion: text, kind: text, ...properties, metadata: this.ref('V1ObjectMeta') } };
  }

  shared(name: string): JsonObject {
    this.all[name] ??= sharedDefinition(name, this.#dialect)!;
    return { $ref: this.#dialect.refPrefix + name };
  }

  /** The list type of a kind; made up where the models have none. */
  list(kind: Kind): JsonObject {
    const type = `${kind.schema}List`;
    if (kind.shape || !this.#source.schemas.has(type)) {
      const name = `${this.#kindName(kind)}List`;
      this.all[name] ??= {
        description: `${kind.listKind} is a list of ${kind.kind}`,
        type: 'object',
        required: ['items'],
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          items: { type: 'array', items: this.kind(kind) },
          metadata: this.ref('V1ListMeta'),
        },
        'x-kubernetes-group-version-kind': [gvk(kind, kind.listKind)],
      };
      return { $ref: this.#dialect.refPrefix + name };
    }
    const ref = this.ref(type);
    this.mark(type, gvk(kind, kind.listKind));
    return ref;
  }

  /** Says which kind a type is the schema of. */
  mark(type: string, kind: JsonObject): void {
    this.#mark(this.nameOf(type), kind);
  }
  #mark(name: string, kind: JsonObject): void {
    const definition = this.all[name] as JsonObject;
    const kinds = (definition['x-kubernetes-group-version-kind'] ??= []) as JsonObject[];
    if (!kinds.some((known) => known['group'] === kind['group'] && known['version'] === kind['version'] && known['kind'] === kind['kind'])) kinds.push(kind);
  }

  #define(type: string): void {
    const name = this.nameOf(type);
    if (this.all[name]) return;
    const definition: JsonObject = { description: this.#source.descriptions[type]?.description ?? '', type: 'object' };
    // Before the fields: types are recursive.
    this.all[name] = definition;
    const properties: JsonObject = {};
    const required: string[] = [];
    const schema = this.#source.schemas.type(type);
    for (const field of Object.keys(schema.fields).toSorted()) {
      properties[field] = this.#property(type, schema.fields[field]!);
      if (schema.fields[field]!.required) required.push(field);
    }
    definition['properties'] = properties;
    if (required.length > 0) definition['required'] = required;
    if (schema.atomic) definition['x-kubernetes-map-type'] = 'atomic';
  }

  #property(owner: string, field: FieldSchema): JsonObject {
    // The models carry no text for fields that hold another type: that type's own text says what it is.
    const description =
      this.#source.descriptions[owner]?.fields[field.name] ?? (field.type === undefined ? undefined : this.#source.descriptions[field.type]?.description);
    let schema = this.#element(field);
    if (field.array) schema = { type: 'array', items: schema };
    if (field.map) schema = { type: 'object', additionalProperties: schema };
    // A reference may stand beside other keywords only in version 2; version 3 wraps it.
    const wrapped: JsonObject = this.#dialect.v3 && schema['$ref'] !== undefined ? { allOf: [schema] } : { ...schema };
    if (description) wrapped['description'] = description;
    if (field.default !== undefined) wrapped['default'] = field.default;
    if (field.array && !field.map && field.scalar !== 'json') {
      wrapped['x-kubernetes-list-type'] = field.listType ?? 'atomic';
      if (field.listMapKeys) wrapped['x-kubernetes-list-map-keys'] = [...field.listMapKeys];
    }
    if (field.atomic && field.map) wrapped['x-kubernetes-map-type'] = 'atomic';
    if (field.patchStrategy) wrapped['x-kubernetes-patch-strategy'] = field.patchStrategy;
    if (field.patchMergeKey) wrapped['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
    return wrapped;
  }

  #element(field: FieldSchema): JsonObject {
    if (field.type !== undefined) return this.ref(field.type);
    const shared = scalarRefs[field.scalar!];
    return shared === undefined ? { ...plainSchemas[field.scalar!]! } : this.shared(shared);
  }
}

export const gvk = (kind: Pick<Kind, 'group' | 'version'>, name: string): JsonObject => ({ group: kind.group, kind: name, version: kind.version });
