import type { Json, KubeObject } from './object.ts';
import type { DecodeRequest } from './schema/decode.ts';
import type { PatchSchema } from './schema-view.ts';

/** An OpenAPI v3 schema as JSON. */
export interface JsonSchema {
  [keyword: string]: unknown;
}

/** What an object of a kind looks like, where no generated type says it. */
export interface Shape {
  /** Pruned and typed; fills no defaults. `value` is fresh from the parser and may be changed. Throws BadRequest. */
  decode(value: Json, request: DecodeRequest): { object: KubeObject; warnings: string[] };
  /** For server-side apply: the whole object's type is the kind's `schema`. */
  readonly patchSchema: PatchSchema;
  /** The whole object with metadata, as /openapi/v3 shows it. */
  readonly openapi: JsonSchema;
  /** The same with what OpenAPI v2 can say only. */
  readonly openapiV2: JsonSchema;
}
