import { formatTime } from '#base';
import { equalFields, badRequest, conflict, invalid, type Kind, type KubeObject, type ObjectKey, type ObjectMeta } from '#machinery';
import type { Environment } from '../types.ts';

/** The object's metadata; made when absent. */
export function metaOf(object: KubeObject): ObjectMeta {
  return (object.metadata ??= {});
}

/** Namespace of the request and of the object become one; a difference is refused. */
export function adoptNamespace(kind: Kind, object: KubeObject, namespace: string | undefined): void {
  const meta = metaOf(object);
  if (!kind.namespaced) {
    if (meta.namespace) delete meta.namespace;
    return;
  }
  if (meta.namespace && namespace && meta.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const wanted = namespace ?? meta.namespace;
  if (!wanted) throw badRequest('an empty namespace may not be set during creation');
  meta.namespace = wanted;
}

/** Fields that only the server sets, on create. */
export function stampCreate(kind: Kind, object: KubeObject, env: Environment): void {
  const meta = metaOf(object);
  delete meta.resourceVersion;
  delete meta.deletionTimestamp;
  delete meta.deletionGracePeriodSeconds;
  delete meta.selfLink;
  delete meta.generation;
  meta.uid = env.random.uuid();
  meta.creationTimestamp = formatTime(env.clock.now());
  if (kind.generation) meta.generation = 1;
}

/** Name and namespace of a PUT must be those of its URL. */
export function checkIdentity(kind: Kind, object: KubeObject, key: ObjectKey): void {
  const meta = metaOf(object);
  if (!meta.name) throw badRequest(`the name of the object must be set`);
  if (meta.name !== key.name) throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${key.name})`);
  if (kind.namespaced) {
    if (meta.namespace && meta.namespace !== key.namespace)
      throw badRequest(`the namespace of the object (${meta.namespace}) does not match the namespace on the request (${key.namespace ?? ''})`);
    meta.namespace = key.namespace ?? '';
  } else delete meta.namespace;
}

/** Optimistic concurrency and UID precondition of an update. */
export function checkPreconditions(
  kind: Kind,
  name: string,
  current: KubeObject,
  wanted: { uid?: string | undefined; resourceVersion?: string | undefined },
): void {
  const meta = current.metadata;
  if (wanted.uid && wanted.uid !== meta?.uid)
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${meta?.uid}`);
  if (wanted.resourceVersion && wanted.resourceVersion !== '0' && wanted.resourceVersion !== meta?.resourceVersion) throw conflict(kind, name);
}

/** Refuses an update that would overwrite what its writer may not have seen, where the kind wants that. The error names the resource as its kind. */
export function requireVersion(kind: Kind, name: string, resourceVersion: string | undefined): void {
  if (kind.unconditionalUpdate !== false || (resourceVersion && resourceVersion !== '0')) return;
  const error = { field: 'metadata.resourceVersion', reason: 'FieldValueInvalid' as const, message: 'Invalid value: 0: must be specified for an update' };
  throw invalid({ group: kind.group, plural: kind.plural, kind: kind.plural }, name, [error]);
}

/** Server-owned metadata of an update: what the client left out is kept, what it may not touch is put back. */
export function stampUpdate(wanted: KubeObject, current: KubeObject): void {
  const meta = metaOf(wanted);
  const old = current.metadata ?? {};
  meta.uid ??= old.uid ?? '';
  meta.creationTimestamp ??= old.creationTimestamp ?? '';
  keep(meta, old, 'deletionTimestamp');
  keep(meta, old, 'deletionGracePeriodSeconds');
  keep(meta, old, 'generation');
  keep(meta, old, 'generateName');
  meta.resourceVersion = old.resourceVersion ?? '';
  delete meta.selfLink;
}
function keep(meta: ObjectMeta, old: ObjectMeta, field: keyof ObjectMeta): void {
  if (old[field] === undefined) delete meta[field];
  else Object.assign(meta, { [field]: old[field] });
}

const notSpec = new Set(['metadata', 'status', 'kind', 'apiVersion']);
/** metadata.generation counts changes of everything but metadata and status. */
export function raiseGeneration(kind: Kind, wanted: KubeObject, current: KubeObject): void {
  if (!kind.generation) return;
  const before = current.metadata?.generation ?? 1;
  metaOf(wanted).generation = equalFields(wanted, current, notSpec) ? before : before + 1;
}

const typeMeta = new Set(['metadata', 'kind', 'apiVersion']);
const bookkeeping = new Set(['resourceVersion', 'managedFields', 'selfLink']);
/** Whether an update changes nothing but bookkeeping. */
export function isNoop(wanted: KubeObject, current: KubeObject): boolean {
  return equalFields(wanted, current, typeMeta) && equalFields(metaOf(wanted), current.metadata ?? {}, bookkeeping) && sameManagers(wanted, current);
}
const time = new Set(['time']);
function sameManagers(a: KubeObject, b: KubeObject): boolean {
  const left = a.metadata?.managedFields ?? [];
  const right = b.metadata?.managedFields ?? [];
  return left.length === right.length && left.every((entry, i) => equalFields(entry, right[i] as object, time));
}
