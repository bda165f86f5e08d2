import type { FieldError } from '../errors.ts';
import type { Json, KubeObject } from '../object.ts';
import type { PatchSchema } from '../schema-view.ts';
import type { FieldValidation } from '../schema/decode.ts';
import { invalidValue } from '../field-errors.ts';
import { applyDefaults } from './defaults.ts';
import { validateEmbedded } from './embedded.ts';
import { validateLists } from './lists.ts';
import { Node } from './node.ts';
import { openApiV2, openApiV3 } from './openapi.ts';
import { rootType, structuralPatchSchema } from './patch-schema.ts';
import { prune, type MetadataDecoder, type PruneState } from './prune.ts';
import { isRecord, type JSONSchemaProps, type JsonRecord } from './types.ts';
import { noField } from './scalar-checks.ts';
import { hasRules, validateRules } from './validate-rules.ts';
import { validateValue } from './validate.ts';

export interface StructuralOptions {
  group: string;
  version: string;
  kind: string;
  /** Decodes metadata of the object and of embedded ones; without it metadata stays as it came. */
  decodeMetadata?: MetadataDecoder;
  /** Knows V1ObjectMeta, for patches. */
  metadataSchema?: PatchSchema;
  /** spec.preserveUnknownFields of the definition: nothing is pruned. */
  preserveUnknownFields?: boolean;
}

export interface Pruned {
  /** The value given, changed in place. */
  value: Json;
  /** Paths of fields that were taken out, as in `unknown field "spec.x"`. Empty in mode Ignore. */
  unknown: string[];
  /** What is wrong with metadata, in the words of Go's decoder. */
  error: string | undefined;
}

/** One version of a custom resource: everything that its structural schema says, ready for use on objects. */
export interface StructuralType {
  /** Prunes in place what the schema does not have; metadata goes through `decodeMetadata`. */
  prune(value: Json, mode?: FieldValidation): Pruned;
  /** Fills defaults in place and drops nulls that the schema does not allow. Idempotent. */
  default(value: Json): void;
  /** All findings; `old` is the object that this one replaces, whose unchanged parts may stay as they are. */
  validate(object: KubeObject, old?: KubeObject): FieldError[];
  /** For patches and server-side apply; the whole object's type is `patchType`. */
  readonly patchSchema: PatchSchema;
  readonly patchType: string;
  /** The schema of the whole object for /openapi/v3 and /openapi/v2. */
  readonly openapi: JsonRecord;
  readonly openapiV2: JsonRecord;
}

const everything = new Node({ 'x-kubernetes-preserve-unknown-fields': true }, true);

/** Costs nothing until the type is first used. The schema must have passed `validateStructural`; undefined keeps everything. */
export function compileStructural(schema: JSONSchemaProps | undefined, options: StructuralOptions): StructuralType {
  return new Compiled(schema, options);
}

class Compiled implements StructuralType {
  readonly #schema: JSONSchemaProps | undefined;
  readonly #options: StructuralOptions;
  readonly #root: Node;
  readonly patchType = rootType;
  #patchSchema: PatchSchema | undefined;
  #openapi: JsonRecord | undefined;
  #openapiV2: JsonRecord | undefined;

  constructor(schema: JSONSchemaProps | undefined, options: StructuralOptions) {
    this.#schema = schema;
    this.#options = options;
    this.#root = new Node(
      keepAll(schema, options) ? { ...schema, type: 'object', 'x-kubernetes-preserve-unknown-fields': true } : (schema as JSONSchemaProps),
      true,
    );
  }

  prune(value: Json, mode: FieldValidation = 'Ignore'): Pruned {
    const state: PruneState = { unknown: mode === 'Ignore' ? undefined : [], metadata: this.#options.decodeMetadata, error: undefined };
    prune(value, this.#options.preserveUnknownFields === true ? everything : this.#root, state);
    return { value, unknown: state.unknown ?? [], error: state.error };
  }

  default(value: Json): void {
    if (!isRecord(value)) return;
    // Defaults of metadata would be the user's word against the server's.
    const { metadata } = value;
    applyDefaults(value, this.#root);
    if (metadata === undefined) delete value['metadata'];
    else value['metadata'] = metadata;
  }

  validate(object: KubeObject, old?: KubeObject): FieldError[] {
    const errors: FieldError[] = [];
    const value = object as Json;
    const before = old as Json | undefined;
    validateValue(value, this.#root, '', before, errors);
    validateEmbedded(value, this.#root, '', errors);
    validateLists(value, this.#root, '', errors);
    // Rules rely on types and bounds.
    if (!hasRules(this.#root.schema)) return errors;
    if (errors.some((error) => blocking.has(error.reason))) errors.push(notChecked);
    else validateRules(value, this.#root, '', before, errors);
    return errors;
  }

  get patchSchema(): PatchSchema {
    return (this.#patchSchema ??= structuralPatchSchema(this.#root, this.#options.metadataSchema));
  }
  get openapi(): JsonRecord {
    return (this.#openapi ??= openApiV3(this.#schema, this.#options));
  }
  get openapiV2(): JsonRecord {
    return (this.#openapiV2 ??= openApiV2(this.#schema, this.#options));
  }
}

const keepAll = (schema: JSONSchemaProps | undefined, options: StructuralOptions): boolean => schema === undefined || options.preserveUnknownFields === true;

const blocking: ReadonlySet<FieldError['reason']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const notChecked = invalidValue(
  noField,
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);
