import { entryFindings } from './apply/entries.ts';
import type { FieldError } from './errors.ts';
import { labelKeyProblems, labelValueProblems, nameProblems, type NameRule } from './names.ts';
import type { KubeObject, ObjectMeta, OwnerReference } from './object.ts';

/** What metadata's rules depend on; `Kind` fits. */
export interface MetadataRules {
  readonly namespaced: boolean;
  readonly nameRule: NameRule;
}

const annotationLimit = 256 * 1024;

/** All findings on metadata, with the texts of apimachinery's ValidateObjectMeta. `old` is given on update. */
export function validateMetadata(kind: MetadataRules, object: KubeObject, old?: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  const metadata = object.metadata ?? {};
  if (old) checkUpdate(metadata, old.metadata ?? {}, errors);
  else checkIdentity(kind, metadata, errors);
  if (metadata.labels && metadata.labels !== old?.metadata?.labels) errors.push(...validateLabels(metadata.labels, 'metadata.labels'));
  if (metadata.annotations && metadata.annotations !== old?.metadata?.annotations) checkAnnotations(metadata.annotations, errors);
  if (metadata.ownerReferences) checkOwners(metadata.ownerReferences, errors);
  if (metadata.finalizers) checkFinalizers(metadata.finalizers, errors);
  const { managedFields } = metadata;
  if (managedFields && managedFields !== old?.metadata?.managedFields) errors.push(...entryFindings(managedFields));
  return errors;
}

function checkIdentity(kind: MetadataRules, metadata: ObjectMeta, errors: FieldError[]): void {
  const { name, generateName, namespace } = metadata;
  if (!name && !generateName)
    errors.push({ field: 'metadata.name', reason: 'FieldValueRequired', message: 'Required value: name or generateName is required' });
  if (generateName) for (const problem of nameProblems(kind.nameRule, generateName, true)) errors.push(invalid('metadata.generateName', generateName, problem));
  if (name) for (const problem of nameProblems(kind.nameRule, name)) errors.push(invalid('metadata.name', name, problem));
  if (!kind.namespaced) {
    if (namespace) errors.push({ field: 'metadata.namespace', reason: 'FieldValueForbidden', message: 'Forbidden: not allowed on this type' });
  } else if (!namespace) errors.push({ field: 'metadata.namespace', reason: 'FieldValueRequired', message: 'Required value' });
  else for (const problem of nameProblems('dns-label', namespace)) errors.push(invalid('metadata.namespace', namespace, problem));
}

/** Labels anywhere in an object: pod templates and selectors have the same rule. */
export function validateLabels(labels: { readonly [key: string]: string }, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    for (const problem of labelKeyProblems(key)) errors.push(invalid(field, key, problem));
    const value = labels[key] as string;
    for (const problem of labelValueProblems(value)) errors.push(invalid(field, value, problem));
  }
  return errors;
}

/** Keys and size of annotations, those of an object or, at another path, of a template in it. */
export function checkAnnotations(annotations: { readonly [key: string]: string }, errors: FieldError[], at = 'metadata.annotations'): void {
  let size = 0;
  for (const key in annotations) {
    for (const problem of labelKeyProblems(key.toLowerCase())) errors.push(invalid(at, key, problem));
    size += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] as string);
  }
  if (size > annotationLimit) errors.push({ field: at, reason: 'FieldValueTooLong', message: `Too long: may not be more than ${annotationLimit} bytes` });
}

function checkOwners(owners: readonly OwnerReference[], errors: FieldError[]): void {
  const field = 'metadata.ownerReferences';
  let controller: string | undefined;
  for (const owner of owners) {
    if (!owner.apiVersion || owner.apiVersion.endsWith('/')) errors.push(invalid(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    for (const key of ['kind', 'name', 'uid'] as const) if (!owner[key]) errors.push(invalid(`${field}.${key}`, owner[key] ?? '', 'must not be empty'));
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') errors.push(invalid(field, owner, '/v1, Kind=Event is disallowed from being an owner'));
    if (owner.controller !== true) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller)
      errors.push(invalid(field, owners, `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`));
    controller ??= name;
  }
}

function checkFinalizers(finalizers: readonly string[], errors: FieldError[]): void {
  const field = 'metadata.finalizers';
  for (const name of finalizers) for (const problem of labelKeyProblems(name)) errors.push(invalid(field, name, problem));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
}

const immutable = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** Server-kept members that the client left out count as unchanged. */
function checkUpdate(metadata: ObjectMeta, old: ObjectMeta, errors: FieldError[]): void {
  for (const key of immutable) {
    const value = metadata[key];
    if (value !== undefined && value !== old[key]) errors.push(invalid(`metadata.${key}`, value, 'field is immutable'));
  }
  if (old.deletionTimestamp === undefined) return;
  const added = (metadata.finalizers ?? []).filter((name) => !old.finalizers?.includes(name));
  if (added.length === 0) return;
  const list = added.map((name) => JSON.stringify(name)).join(', ');
  errors.push({
    field: 'metadata.finalizers',
    reason: 'FieldValueForbidden',
    message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
  });
}

const invalid = (field: string, value: unknown, problem: string): FieldError => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${problem}`,
});
