import type { Json } from '../object.ts';
import type { JSONSchemaProps, JsonRecord } from './types.ts';

export interface OpenApiOptions {
  group: string;
  version: string;
  kind: string;
}

const metaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const apiVersionText =
  'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources';
const kindText =
  'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds';
const metadataText = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

function metaProperties(v3: boolean): JsonRecord {
  const ref = `${v3 ? '#/components/schemas/' : '#/definitions/'}${metaName}`;
  return {
    apiVersion: { type: 'string', description: apiVersionText },
    kind: { type: 'string', description: kindText },
    metadata: v3 ? { description: metadataText, allOf: [{ $ref: ref }] } : { description: metadataText, $ref: ref },
  };
}

const withMeta = (schema: JsonRecord, v3: boolean): JsonRecord => ({
  ...schema,
  properties: { ...(schema['properties'] as JsonRecord | undefined), ...metaProperties(v3) },
});

/** The whole object's schema as /openapi/v3 has it. A version that keeps everything and specifies nothing has only its meta fields. */
export function openApiV3(schema: JSONSchemaProps | undefined, options: OpenApiOptions): JsonRecord {
  const whole = withMeta(
    convert(schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, (s) => ({ ...s }) as JsonRecord, true),
    true,
  );
  return { ...whole, 'x-kubernetes-group-version-kind': [gvk(options)] };
}

/** As /openapi/v2 has it: what Swagger 2 cannot say is left out, so that old kubectl does not refuse good objects. */
export function openApiV2(schema: JSONSchemaProps | undefined, options: OpenApiOptions): JsonRecord {
  const plain = schema?.['x-kubernetes-preserve-unknown-fields'] === true ? { type: 'object' as const } : (schema ?? { type: 'object' });
  const whole = withMeta(convert(plain, lowered, false), false);
  return { ...whole, 'x-kubernetes-group-version-kind': [gvk(options)] };
}
const gvk = ({ group, version, kind }: OpenApiOptions): JsonRecord => ({ group, kind, version });

/** Copies a schema, each level through `change`, with the meta fields added to embedded objects. */
function convert(schema: JSONSchemaProps, change: (schema: JSONSchemaProps) => JsonRecord, v3: boolean): JsonRecord {
  const out = change(schema);
  const inner = (value: Json | undefined): Json => convert(value as JSONSchemaProps, change, v3);
  if (out['properties'] !== undefined)
    out['properties'] = Object.fromEntries(Object.entries(out['properties'] as JsonRecord).map(([name, value]) => [name, inner(value)]));
  if (out['items'] !== undefined && !Array.isArray(out['items'])) out['items'] = inner(out['items']);
  if (typeof out['additionalProperties'] === 'object') out['additionalProperties'] = inner(out['additionalProperties']);
  return schema['x-kubernetes-embedded-resource'] === true && (v3 || out['type'] === 'object') ? withMeta(out, v3) : out;
}

function lowered(schema: JSONSchemaProps): JsonRecord {
  const { allOf: _all, anyOf: _any, oneOf: _one, not: _not, nullable, ...rest } = schema;
  const out = rest as JsonRecord;
  if (nullable === true || schema['x-kubernetes-int-or-string'] === true) delete out['type'];
  // kubectl takes a schema with properties for a complete one.
  if (nullable === true || schema['x-kubernetes-preserve-unknown-fields'] === true)
    for (const key of ['items', 'properties', 'additionalProperties', 'required']) delete out[key];
  if (out['type'] === 'array' && out['items'] === undefined) out['items'] = {};
  return out;
}
