import {
  ApiError,
  badRequest,
  decodeObject as decodeTyped,
  isApiError,
  parseJsonStrict,
  parseYaml,
  type FieldValidation,
  type Json,
  type Kind,
  type KubeObject,
  type ProtobufDecoder,
  type SchemaSet,
} from '#machinery';
import { bodyType, refuseBodyType } from './negotiate.ts';
import { readBody, readBytes } from './body.ts';
import { tapOf } from './taps.ts';
import type { Request } from './types.ts';

export const objectTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** Parsed JSON or YAML of a request; `duplicates` are paths that occur twice. */
export interface Body {
  readonly value: Json;
  readonly duplicates: readonly string[];
  /** Further findings of strict decoding, in full. */
  readonly strict?: readonly string[];
}

/** The body of a POST, PUT or DELETE. Undefined when it is empty. */
export async function readObject(request: Request, protobuf: ProtobufDecoder | undefined): Promise<Body | undefined> {
  const type = bodyType(request);
  if (type === 'application/vnd.kubernetes.protobuf' && protobuf) {
    const bytes = await readBytes(request);
    return bytes.length === 0 ? undefined : heard(request, { value: protobuf.decode(bytes), duplicates: [] });
  }
  if (type !== 'application/json' && type !== 'application/yaml') {
    request.resume();
    throw refuseBodyType(
      type,
      objectTypes.filter((accepted) => protobuf || !accepted.endsWith('protobuf')),
    );
  }
  const text = await readBody(request);
  if (text === '') return undefined;
  return heard(request, (type === 'application/json' ? parseJsonStrict(text) : await parseYaml(text)) as Body);
}

function heard(request: Request, body: Body): Body {
  tapOf(request)?.request(body.value);
  return body;
}

/** A typed object of `kind` from a body; what strict decoding finds becomes an error or warnings. */
export function decodeObject(schemas: SchemaSet, kind: Kind, body: Body, mode: FieldValidation, warnings: string[]): KubeObject {
  checkTypeMeta(kind, body.value);
  const strict = mode === 'Ignore' ? [] : (body.strict ?? []);
  const refuse = mode === 'Strict' && strict.length > 0;
  const decoded = decodeAs(schemas, kind, body, refuse ? 'Warn' : mode);
  const findings = strict.length > 0 ? [...strict, ...decoded.warnings] : decoded.warnings;
  if (refuse) throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${findings.join(', ')}`);
  warnings.push(...findings);
  return decoded.object;
}
function decodeAs(schemas: SchemaSet, kind: Kind, { value, duplicates }: Body, mode: FieldValidation): { object: KubeObject; warnings: string[] } {
  const request = { mode, duplicates };
  return kind.shape ? kind.shape.decode(value, request) : decodeTyped(schemas, kind, value, request);
}

/** What a patch made of an object, typed. Throws Invalid for what does not fit: the object was there before, so the patch is at fault. */
export function decodePatched(schemas: SchemaSet, kind: Kind, value: Json, patch: PatchedAs, mode: FieldValidation, warnings: string[]): KubeObject {
  const text = patch.text(value);
  let decoded: { object: KubeObject; warnings: string[] };
  try {
    decoded = decodeAs(schemas, kind, { value, duplicates: [] }, mode === 'Ignore' ? 'Ignore' : 'Warn');
  } catch (error) {
    throw isApiError(error, 'BadRequest') ? unfit(text, error.message) : error;
  }
  const findings = mode === 'Ignore' ? [] : [...patch.findings, ...decoded.warnings];
  if (mode === 'Strict' && findings.length > 0) throw unfit(text, `strict decoding error: ${findings.join(', ')}`);
  warnings.push(...findings);
  return decoded.object;
}
export interface PatchedAs {
  /** What strict decoding finds in the patch itself. */
  readonly findings: readonly string[];
  /** The value that a refusal names. */
  text(patched: Json): string;
}
const unfit = (value: string, why: string): ApiError => {
  const message = `Invalid value: ${JSON.stringify(value)}: ${why}`;
  return new ApiError('Invalid', ` "" is invalid: patch: ${message}`, { causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }] });
};

/** apiVersion and kind of the data must be those of the URL; both may be left out. */
function checkTypeMeta(kind: Kind, value: Json): void {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw badRequest(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonType(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  const { apiVersion, kind: name } = value;
  if (apiVersion === undefined && name === undefined) {
    Object.assign(value, { apiVersion: kind.apiVersion, kind: kind.kind });
    return;
  }
  if (typeof name !== 'string' || name === '') throw badRequest(`Object 'Kind' is missing in '${excerpt(value)}'`);
  if (typeof apiVersion !== 'string' || apiVersion === '') throw badRequest(`Object 'apiVersion' is missing in '${excerpt(value)}'`);
  if (apiVersion !== kind.apiVersion)
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${kind.apiVersion})`);
  if (name !== kind.kind)
    throw badRequest(
      `${name} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: converting (${name}) to (${kind.kind}): unknown conversion`,
    );
}
function jsonType(value: Json): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value;
}
function excerpt(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 1000 ? `${text.slice(0, 1000)}…` : text;
}

/** Any JSON object, for subresources whose bodies have no schema here. */
export function plainObject(body: Body | undefined): KubeObject {
  const value = body?.value;
  if (value === undefined || value === null || typeof value !== 'object' || Array.isArray(value))
    throw new ApiError('BadRequest', 'the request body must be a JSON object');
  return value;
}
