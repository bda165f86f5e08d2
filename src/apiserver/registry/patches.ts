import {
  copyJson,
  ApiError,
  applyPatch,
  badRequest,
  invalid,
  jsonPatch,
  mergePatch,
  schemaView,
  strategicMergePatch,
  type FieldError,
  type Json,
  type Kind,
  type KubeObject,
  type ObjectKey,
  type PatchType,
  type SchemaSet,
} from '#machinery';
import type { Clock } from '#base';
import type { RequestContext } from '../types.ts';
import { checkIdentity, metaOf } from './metadata.ts';
import type { Shown } from './shown.ts';
import type { TypedVersions } from './typed-versions.ts';
import type { Writes } from './writes.ts';

export interface PatchRequest {
  readonly type: PatchType;
  readonly body: Json;
  readonly force?: boolean | undefined;
  readonly subresource?: string | undefined;
  /** Checks and types the patched object; undefined for trusted callers. */
  readonly decode?: ((value: Json) => KubeObject) | undefined;
  /** Told before an apply creates the object; may refuse with ApiError. */
  readonly creating?: (() => void) | undefined;
}

/** The four sorts of PATCH, each a read-modify-write. */
export class Patches {
  readonly #kind: Kind;
  readonly #writes: Writes;
  readonly #schemas: SchemaSet;
  readonly #clock: Clock;
  readonly #versions: TypedVersions;
  constructor(kind: Kind, writes: Writes, schemas: SchemaSet, clock: Clock, versions: TypedVersions) {
    this.#kind = kind;
    this.#writes = writes;
    this.#schemas = schemas;
    this.#clock = clock;
    this.#versions = versions;
  }
  patch(key: ObjectKey, context: RequestContext, request: PatchRequest): Promise<Shown> {
    if (request.type === 'application/apply-patch+yaml') return this.#apply(key, context, request);
    if (request.force !== undefined) throw forbidden('force', 'may not be specified for non-apply patch');
    const decode = request.decode ?? asObject;
    return this.#writes.update(key, context, {
      subresource: request.subresource,
      change: (current) => {
        // The patched value shares what it did not change with the stored object: copied before anything touches it.
        const patched = decode(copyJson(this.#patched(current as Json, request)));
        checkIdentity(this.#kind, patched, key);
        return patched;
      },
    });
  }
  /** A patched copy; `current` stays as it is. */
  #patched(current: Json, { type, body }: PatchRequest): Json {
    if (type === 'application/json-patch+json') return jsonPatch(current, body);
    if (type === 'application/merge-patch+json') return mergePatch(current, body);
    if (this.#kind.shape) throw unknownFormat();
    return strategicMergePatch(current, body, schemaView(this.#schemas), this.#kind.schema);
  }
  #apply(key: ObjectKey, context: RequestContext, request: PatchRequest): Promise<Shown> {
    if (!context.fieldManager) throw required('fieldManager', 'is required for apply patch');
    this.#checkApplied(key, request.body);
    const decode = request.decode ?? asObject;
    const apply = (live: KubeObject | undefined): KubeObject | Promise<KubeObject> => {
      const applied = applyPatch({
        live,
        patch: request.body,
        manager: context.fieldManager,
        force: request.force,
        apiVersion: this.#kind.apiVersion,
        now: this.#clock.now(),
        schema: this.#versions.schema,
        type: this.#kind.schema,
        versions: this.#versions,
        ...(request.subresource ? { subresource: request.subresource } : this.#kind.status ? { ignored: ['status'] } : {}),
      });
      const decoded = (object: KubeObject): KubeObject => decode(copyJson(object) as Json);
      return applied instanceof Promise ? applied.then(decoded) : decoded(applied);
    };
    const createMissing = (): KubeObject | Promise<KubeObject> => {
      request.creating?.();
      return apply(undefined);
    };
    return this.#writes.update(key, context, {
      subresource: request.subresource,
      managed: true,
      change: apply,
      ...(request.subresource ? {} : { createMissing }),
    });
  }
  #checkApplied(key: ObjectKey, body: Json): void {
    const object = asObject(body);
    const { apiVersion, kind } = object;
    if (apiVersion !== this.#kind.apiVersion || kind !== this.#kind.kind) {
      throw badRequest(
        `the apply configuration must have apiVersion ${this.#kind.apiVersion} and kind ${this.#kind.kind}, not ${String(apiVersion)} and ${String(kind)}`,
      );
    }
    const { name, namespace } = metaOf(object);
    if (name !== undefined && name !== key.name) throw badRequest(`the name of the object (${name}) does not match the name on the URL (${key.name})`);
    if (this.#kind.namespaced && namespace && namespace !== key.namespace)
      throw badRequest(`the namespace of the object (${namespace}) does not match the namespace on the request (${key.namespace ?? ''})`);
    metaOf(object).name = key.name;
    if (this.#kind.namespaced && key.namespace) metaOf(object).namespace = key.namespace;
    if (object.metadata?.managedFields?.length) throw badRequest('metadata.managedFields must be nil');
  }
}

function asObject(value: Json): KubeObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw badRequest('the patched object is not an object');
  return value;
}
/** Custom resources have no Go type, whose tags strategic merge patch goes by. */
function unknownFormat(): ApiError {
  const accepted = 'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml';
  return new ApiError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted}`);
}
const patchOptions = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };
function refused(error: FieldError): Error {
  return invalid(patchOptions, '', [error]);
}
function forbidden(field: string, message: string): Error {
  return refused({ field, reason: 'FieldValueForbidden', message: `Forbidden: ${message}` });
}
function required(field: string, message: string): Error {
  return refused({ field, reason: 'FieldValueRequired', message: `Required value: ${message}` });
}
