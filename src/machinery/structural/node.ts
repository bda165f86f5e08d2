import type { Json } from '../object.ts';
import { own, type JSONSchemaProps } from './types.ts';

/**
 * One schema of a structural schema, prepared for walking values. Children are made when a value first reaches
 * them: a large definition costs nothing until it is used, and then only where it is used.
 */
export class Node {
  readonly schema: JSONSchemaProps;
  readonly type: string | undefined;
  readonly preserve: boolean;
  readonly embedded: boolean;
  /** A whole object: it has apiVersion, kind and metadata beside what the schema says. */
  readonly whole: boolean;
  readonly intOrString: boolean;
  readonly nullable: boolean;
  /** x-kubernetes-list-type; lists are atomic by default. */
  readonly listType: string;
  readonly mapKeys: readonly string[];
  /** Members that have a default, in the order of the schema. */
  readonly defaults: readonly (readonly [name: string, value: Json])[];
  readonly #properties = new Map<string, Node | undefined>();
  #additional: Node | null | undefined;
  #items: Node | null | undefined;
  #keyDefaults: { readonly [key: string]: Json } | undefined;

  constructor(schema: JSONSchemaProps, resource = false) {
    this.schema = schema;
    this.type = schema.type || undefined;
    this.preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
    this.embedded = schema['x-kubernetes-embedded-resource'] === true;
    this.whole = resource || this.embedded;
    this.intOrString = schema['x-kubernetes-int-or-string'] === true;
    this.nullable = schema.nullable === true;
    this.listType = schema['x-kubernetes-list-type'] ?? 'atomic';
    this.mapKeys = schema['x-kubernetes-list-map-keys'] ?? [];
    this.defaults = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      property.default === undefined || property.default === null ? [] : [[name, property.default] as const],
    );
  }

  /** The declared member of this name. */
  property(name: string): Node | undefined {
    let found = this.#properties.get(name);
    if (found !== undefined) return found;
    const schema = own(this.schema.properties, name);
    if (schema === undefined) return undefined;
    found = new Node(schema);
    this.#properties.set(name, found);
    return found;
  }
  get propertyNames(): readonly string[] {
    return Object.keys(this.schema.properties ?? {});
  }
  /** The schema of undeclared members, where additionalProperties gives one. */
  get additional(): Node | undefined {
    const { additionalProperties } = this.schema;
    this.#additional ??= typeof additionalProperties === 'object' ? new Node(additionalProperties) : null;
    return this.#additional ?? undefined;
  }
  /** additionalProperties is true or a schema. */
  get open(): boolean {
    return this.schema.additionalProperties !== undefined && this.schema.additionalProperties !== false;
  }
  get items(): Node | undefined {
    const { items } = this.schema;
    this.#items ??= items === undefined || Array.isArray(items) ? null : new Node(items);
    return this.#items ?? undefined;
  }
  /** The schema of a member, declared or not. */
  member(name: string): Node | undefined {
    return this.property(name) ?? this.additional;
  }
  /** Defaults of the list's map keys, for lists of type map. */
  get keyDefaults(): { readonly [key: string]: Json } {
    return (this.#keyDefaults ??= Object.fromEntries((this.items?.defaults ?? []).filter(([name]) => this.mapKeys.includes(name))));
  }
}

/** A null that the schema does not allow: it is dropped, or gives way to the default. */
export const unwantedNull = (value: Json | undefined, node: Node | undefined): boolean => value === null && node !== undefined && !node.nullable;
