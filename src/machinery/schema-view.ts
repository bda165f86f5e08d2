import type { Json } from './object.ts';

/** What a patch needs to know of one field. Shapes: `array` = list of `type`, `map` = string → `type`. */
export interface FieldView {
  /** Name of the element's type: a type of the same schema, or a scalar's name. */
  readonly type?: string | undefined;
  readonly array?: boolean | undefined;
  readonly map?: boolean | undefined;
  readonly required?: boolean | undefined;
  /** x-kubernetes-list-type. Default: atomic. */
  readonly listType?: string | undefined;
  /** x-kubernetes-list-map-keys. */
  readonly listMapKeys?: readonly string[] | undefined;
  /** x-kubernetes-patch-strategy: merge, replace, retainKeys or merge,retainKeys. */
  readonly patchStrategy?: string | undefined;
  readonly patchMergeKey?: string | undefined;
  /** x-kubernetes-map-type: atomic (maps and structs). */
  readonly atomic?: boolean | undefined;
  /** The value of an absent field; needed for fields that are list map keys (a port's protocol). */
  readonly default?: Json | undefined;
}

/** The view of a schema that patches and server-side apply work with. Unknown types answer undefined: lists atomic, maps granular. */
export interface PatchSchema {
  field(type: string, name: string): FieldView | undefined;
  /** Whether a type has no other fields than those that `field` knows; server-side apply refuses others. Default: it may have any. */
  closed?(type: string): boolean;
}

/** Knows nothing: the schema of custom objects without one. */
export const noSchema: PatchSchema = { field: () => undefined };

/** A set of types that answers by name; `SchemaSet` fits. */
export interface TypeSource {
  has(type: string): boolean;
  type(type: string): { readonly fields: { readonly [name: string]: FieldView | undefined } };
}
/** Kinds without a schema of their own still have the metadata that all have. */
const objectMeta: FieldView = { type: 'V1ObjectMeta' };
const views = new WeakMap<TypeSource, PatchSchema>();

/** The view of a whole schema set; the same view every time, because lookups are kept per view. */
export function schemaView(types: TypeSource): PatchSchema {
  let view = views.get(types);
  if (!view) {
    view = {
      field(type, name) {
        if (!types.has(type)) return name === 'metadata' ? objectMeta : undefined;
        const { fields } = types.type(type);
        return Object.hasOwn(fields, name) ? fields[name] : undefined;
      },
      closed: (type) => types.has(type),
    };
    views.set(types, view);
  }
  return view;
}
