import { schemaView, type Kind, type KubeObject, type ObjectVersions, type PatchSchema, type SchemaSet } from '#machinery';
import { withMetadata } from './versions.ts';

/** The versions of one resource as server-side apply wants them: types by name, and conversions. */
export class TypedVersions implements ObjectVersions {
  readonly #kind: Kind;
  readonly #schemas: SchemaSet;
  readonly #served: (apiVersion: string) => Kind | undefined;
  /** `served` gives the version of this very resource, if it is there now. */
  constructor(kind: Kind, schemas: SchemaSet, served: (apiVersion: string) => Kind | undefined) {
    this.#kind = kind;
    this.#schemas = schemas;
    this.#served = served;
  }
  get schema(): PatchSchema {
    return this.#schemaOf(this.#kind);
  }
  typeOf(apiVersion: string): { schema: PatchSchema; type: string } | undefined {
    const kind = apiVersion === this.#kind.apiVersion ? this.#kind : this.#served(apiVersion);
    return kind && { schema: this.#schemaOf(kind), type: kind.schema };
  }
  convert(object: KubeObject, apiVersion: string): KubeObject | Promise<KubeObject> {
    const from = object.apiVersion ?? this.#kind.apiVersion;
    if (from === apiVersion) return object;
    // The kind of the stored version need not know how.
    const via = [this.#kind, this.#served(apiVersion), this.#served(from)].find((kind) => kind?.convert);
    if (!via?.convert) throw new Error(`${this.#kind.kind} of ${from} cannot be converted to ${apiVersion}`);
    const typed = object.apiVersion ? object : { ...object, apiVersion: from, kind: this.#kind.kind };
    const made = via.convert([typed], apiVersion);
    return made instanceof Promise ? made.then(([only]) => withMetadata(only, object)) : withMetadata(made[0], object);
  }
  #schemaOf({ shape }: Kind): PatchSchema {
    return shape?.patchSchema ?? schemaView(this.#schemas);
  }
}
