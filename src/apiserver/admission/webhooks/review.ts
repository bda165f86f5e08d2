import type { Json, Kind, KubeObject, StatusDetails, UserInfo } from '#machinery';
import type { AdmissionRequest } from '../../types.ts';
import { namespaceOf } from '../matching/constraints.ts';

interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}
interface GroupVersionResource {
  group: string;
  version: string;
  resource: string;
}
/** admission.k8s.io AdmissionRequest; also what `request` is in CEL expressions. */
export interface ReviewRequest {
  uid: string;
  kind: GroupVersionKind;
  resource: GroupVersionResource;
  subResource?: string;
  requestKind: GroupVersionKind;
  requestResource: GroupVersionResource;
  requestSubResource?: string;
  name?: string;
  namespace?: string;
  operation: string;
  userInfo: UserInfo;
  object: KubeObject | null;
  oldObject: KubeObject | null;
  dryRun: boolean;
  options: Json;
}
export interface AdmissionReview {
  apiVersion: string;
  kind: 'AdmissionReview';
  request: ReviewRequest;
}
export interface ReviewResponse {
  allowed: boolean;
  status?: { code?: number; reason?: string; message?: string; details?: StatusDetails };
  patch?: string;
  patchType?: string;
  auditAnnotations: { readonly [key: string]: string };
  warnings: readonly string[];
}

/** The objects of a request in the version that is asked for. */
export interface Versioned {
  readonly as: Kind;
  readonly object: KubeObject;
  readonly old: KubeObject | undefined;
}

/** The request part of a review, without its uid. */
export function reviewRequest(request: AdmissionRequest, { as, object, old }: Versioned): Omit<ReviewRequest, 'uid'> {
  const { kind, subresource, name, operation, context } = request;
  const sub = subresource?.split('/', 1)[0];
  const namespace = namespaceOf(request);
  return {
    kind: bodyKind(as, object) ?? kindOf(as),
    resource: resourceOf(as),
    ...(sub ? { subResource: sub } : {}),
    requestKind: bodyKind(as, object) ?? kindOf(kind),
    requestResource: resourceOf(kind),
    ...(sub ? { requestSubResource: sub } : {}),
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: userInfo(context.user),
    object: operation === 'DELETE' ? null : shownObject(as, object),
    oldObject: old ? shownObject(as, old) : null,
    dryRun: context.dryRun,
    options: optionsOf(request),
  };
}
/** Bodies of subresources (Scale, Eviction, PodExecOptions …) name their own kind. */
function bodyKind({ kind }: Kind, object: KubeObject): GroupVersionKind | undefined {
  if (object.kind === undefined || object.kind === kind) return undefined;
  const [first = '', second] = (object.apiVersion ?? '').split('/');
  return second === undefined ? { group: '', version: first, kind: object.kind } : { group: first, version: second, kind: object.kind };
}
function kindOf({ group, version, kind }: Kind): GroupVersionKind {
  return { group, version, kind };
}
function resourceOf({ group, version, plural }: Kind): GroupVersionResource {
  return { group, version, resource: plural };
}
function shownObject({ kind, apiVersion }: Kind, object: KubeObject): KubeObject {
  return object.kind === undefined || object.apiVersion === undefined ? { kind, apiVersion, ...object } : object;
}
function userInfo({ username, uid, groups, extra }: UserInfo): UserInfo {
  return { username, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}
function optionsOf({ operation, options, context }: AdmissionRequest): Json {
  const dryRun = context.dryRun ? { dryRun: ['All'] } : {};
  const apiVersion = 'meta.k8s.io/v1';
  switch (operation) {
    case 'CREATE':
    case 'UPDATE': {
      const kind = operation === 'CREATE' ? 'CreateOptions' : 'UpdateOptions';
      return { kind, apiVersion, ...dryRun, ...(context.track && context.fieldManager ? { fieldManager: context.fieldManager } : {}) };
    }
    case 'DELETE': {
      const { dryRun: _dryRun, ...rest } = (options ?? {}) as { [key: string]: Json };
      return { kind: 'DeleteOptions', apiVersion, ...rest, ...dryRun };
    }
    case 'CONNECT':
      return null;
  }
}

/** What a webhook answered, checked as kube-apiserver does. Throws Error with the text of what is wrong. */
export function readResponse(answer: unknown, review: AdmissionReview, mutating: boolean): ReviewResponse {
  const { apiVersion, kind, response } = asRecord(answer);
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') throw new Error(`Object 'Kind' is missing in '${excerpt(answer)}'`);
  if (apiVersion !== review.apiVersion || kind !== 'AdmissionReview')
    throw new Error(`expected webhook response of ${typeText(review.apiVersion, 'AdmissionReview')}, got ${typeText(apiVersion, kind)}`);
  if (typeof response !== 'object' || response === null) throw new Error('webhook response was absent');
  const { uid, allowed, status, patch, patchType, auditAnnotations, warnings } = asRecord(response);
  // v1beta1 webhooks were written before the uid was asked for.
  if (review.apiVersion.endsWith('/v1') && uid !== review.request.uid)
    throw new Error(`expected response.uid=${JSON.stringify(review.request.uid)}, got ${JSON.stringify(uid ?? '')}`);
  return {
    allowed: allowed === true,
    ...(typeof status === 'object' && status !== null ? { status } : {}),
    ...(mutating ? readPatch(patch, patchType, review.apiVersion.endsWith('/v1')) : {}),
    auditAnnotations: strings(auditAnnotations),
    warnings: Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : [],
  };
}
function readPatch(patch: unknown, type: unknown, strict: boolean): { patch?: string; patchType?: string } {
  const given = typeof patch === 'string' && patch !== '';
  if (strict) {
    if (given && !type) throw new Error('webhook returned response.patch but not response.patchType');
    if (!given && type) throw new Error('webhook returned response.patchType but not response.patch');
  }
  if (!given) return {};
  const patchType = typeof type === 'string' ? type : 'JSONPatch';
  if (patchType !== 'JSONPatch') throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  return { patch, patchType };
}
function asRecord(value: unknown): { [key: string]: unknown } {
  return typeof value === 'object' && value !== null ? (value as { [key: string]: unknown }) : {};
}
function strings(value: unknown): { [key: string]: string } {
  return Object.fromEntries(Object.entries(asRecord(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
function typeText(apiVersion: string, kind: string): string {
  return `${apiVersion}, Kind=${kind}`;
}
function excerpt(value: unknown): string {
  return (JSON.stringify(value) ?? '').slice(0, 200);
}
