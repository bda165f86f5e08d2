import { isDeepStrictEqual } from 'node:util';
import { badRequest, type Json, type KubeObject, type ObjectMeta, type ScaleRules } from '#machinery';
import { scaleOf, setAt } from '../../subresources/scale.ts';
import type { AdmissionRequest, KindReader } from '../../types.ts';

/** The server's own, and there before admission is asked. */
const stamped = ['uid', 'creationTimestamp', 'generation', 'managedFields'] as const;
/** And these only change by deletion, or by the write itself. */
const kept = [...stamped, 'resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** Both objects of a request as admission is to see them: a write to `scale` is about Scales, not about what is scaled. */
export function facesOf({ kind, object, old, subresource }: AdmissionRequest): { object: KubeObject; old: KubeObject | undefined } {
  const { scale } = kind;
  if (subresource !== 'scale' || !scale) return { object, old };
  return { object: scaleOf(scale, object), old: old && scaleOf(scale, old) };
}
/** The object of a request as mutating admission is to see it: on CREATE without what the server gives it later. */
export function currentView(request: AdmissionRequest): KubeObject {
  const { operation, subresource, name } = request;
  const { object } = facesOf(request);
  if (operation !== 'CREATE' || subresource || !object.metadata) return object;
  const metadata = { ...object.metadata };
  for (const field of stamped) delete metadata[field];
  if (name === '') delete metadata.name;
  return { ...object, metadata };
}

/** Puts a changed object in the place of a request's: typed, defaulted, the server's own fields as they were. Whether it differs. */
export function replaceObject(request: AdmissionRequest, next: KubeObject, reader: KindReader): boolean {
  const { kind, object, subresource } = request;
  if (subresource === 'scale' && kind.scale) return rescale(kind.scale, object, next);
  // A body of another kind (Eviction, PodExecOptions …) has no schema here.
  const own = object.kind === undefined || object.kind === kind.kind;
  const decoded = own ? reader.decode(kind, next as Json) : next;
  if (own) keepServerFields(request, decoded);
  if (own && subresource !== 'status') kind.defaults?.(decoded);
  if (isDeepStrictEqual(decoded, object)) return false;
  for (const key of Object.keys(object)) delete (object as { [key: string]: unknown })[key];
  Object.assign(object, decoded);
  return true;
}
function rescale(scale: ScaleRules<KubeObject>, object: KubeObject, { spec }: KubeObject & { spec?: { replicas?: number } }): boolean {
  const wanted = spec?.replicas ?? 0;
  if ((scaleOf(scale, object) as { spec?: { replicas?: number } }).spec?.replicas === wanted) return false;
  setAt(object, scale.specReplicas, wanted);
  return true;
}
function keepServerFields(request: AdmissionRequest, next: KubeObject & { status?: unknown }): void {
  const { kind, object, subresource } = request;
  if (subresource === 'status') return onlyStatus(object, next);
  if (kind.status) copyField(object, next, 'status');
  next.metadata = keepMetadata(request, next.metadata ?? {});
}
/** A write to status changes nothing else, whoever asks for it. */
function onlyStatus(object: KubeObject, next: KubeObject & { status?: unknown }): void {
  const { status } = next;
  for (const key of Object.keys(next)) delete (next as { [key: string]: unknown })[key];
  Object.assign(next, object);
  if (status === undefined) delete next.status;
  else next.status = status;
}
function keepMetadata({ kind, object, operation }: AdmissionRequest, next: ObjectMeta): ObjectMeta {
  const meta = object.metadata ?? {};
  if (!kind.namespaced) delete next.namespace;
  else if ((next.namespace ??= meta.namespace ?? '') !== meta.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (!next.name && meta.name) next.name = meta.name;
  for (const field of operation === 'CREATE' ? stamped : kept) copyField(meta, next, field);
  return next;
}
function copyField<T extends object>(from: T, to: T, field: string): void {
  const value = (from as { [key: string]: unknown })[field];
  if (value === undefined) delete (to as { [key: string]: unknown })[field];
  else (to as { [key: string]: unknown })[field] = value;
}
