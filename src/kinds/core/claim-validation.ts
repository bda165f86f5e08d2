/** Validation of claims for storage, also of those inside templates and ephemeral volumes (pkg/apis/core/validation). */
import { compareQuantity, parseQuantity } from '#base';
import type { FieldError } from '#machinery';
import type { V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec } from '../generated/types.ts';
import { unifiedDiff } from '../support/diff.ts';
import { forbidden, invalidValue, required, sameJson, unchanged, unsupported } from '../support/errors.ts';
import { checked, dnsSubdomain, qualifiedName } from '../support/names.ts';
import { positiveQuantity, validateQuantity } from '../support/resources.ts';
import { validateLabelSelector } from '../support/selectors.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

export function validateAccessModes(field: string, modes: string[] | undefined, missing: string): FieldError[] {
  if (!modes?.length) return [required(field, missing)];
  const errors = modes.filter((mode) => !accessModes.includes(mode)).map((mode) => unsupported(field, mode, accessModes));
  if (modes.length > 1 && modes.includes('ReadWriteOncePod')) errors.push(forbidden(field, 'may not use ReadWriteOncePod with other access modes'));
  return errors;
}
export const validateVolumeMode = (field: string, mode: string | undefined): FieldError[] =>
  mode === undefined || mode === 'Block' || mode === 'Filesystem' ? [] : [unsupported(field, mode, ['Block', 'Filesystem'])];

function validateSource(field: string, source: { apiGroup?: string; kind: string; name: string; namespace?: string } | undefined): FieldError[] {
  if (!source) return [];
  const errors: FieldError[] = [];
  if (!source.name) errors.push(required(`${field}.name`));
  if (!source.kind) errors.push(required(`${field}.kind`));
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim')
    errors.push(invalidValue(field, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (source.apiGroup) errors.push(...checked(`${field}.apiGroup`, source.apiGroup, dnsSubdomain));
  return errors;
}

export function validateClaimSpec(spec: V1PersistentVolumeClaimSpec, at: string): FieldError[] {
  const storage = spec.resources?.requests?.['storage'];
  const sizeAt = `${at}.resources[storage]`;
  const size = storage === undefined ? [required(sizeAt)] : validateQuantity(sizeAt, 'storage', storage);
  if (storage !== undefined && size.length === 0) size.push(...positiveQuantity(sizeAt, storage));
  const errors = [
    ...validateAccessModes(`${at}.accessModes`, spec.accessModes, 'at least 1 access mode is required'),
    ...validateLabelSelector(`${at}.selector`, spec.selector),
    ...size,
    ...(spec.storageClassName ? checked(`${at}.storageClassName`, spec.storageClassName, dnsSubdomain) : []),
    ...validateVolumeMode(`${at}.volumeMode`, spec.volumeMode),
    ...validateSource(`${at}.dataSource`, spec.dataSource),
    ...validateSource(`${at}.dataSourceRef`, spec.dataSourceRef),
    ...(spec.volumeAttributesClassName ? checked(`${at}.volumeAttributesClassName`, spec.volumeAttributesClassName, dnsSubdomain) : []),
  ];
  const { dataSource, dataSourceRef } = spec;
  if (dataSourceRef?.namespace && dataSource)
    errors.push(invalidValue(`${at}.dataSource`, dataSource, 'may not be specified when dataSourceRef.namespace is specified'));
  else if (dataSource && dataSourceRef && !sameJson(plainRef(dataSource), plainRef(dataSourceRef)))
    errors.push(invalidValue(at, dataSource, 'must match dataSourceRef'));
  return errors;
}
const plainRef = ({ apiGroup, kind, name }: { apiGroup?: string; kind: string; name: string }): unknown => ({ apiGroup: apiGroup ?? '', kind, name });

/** Only the size of a bound claim and its attributes class may change; a volume and a class may be filled in. */
export function validateClaimUpdate(claim: V1PersistentVolumeClaim, old: V1PersistentVolumeClaim): FieldError[] {
  const [spec, before] = [claim.spec ?? {}, old.spec ?? {}];
  const errors: FieldError[] = [];
  const frozen = { ...spec };
  if (!before.volumeName) copy(frozen, before, 'volumeName');
  if (before.storageClassName === undefined) copy(frozen, before, 'storageClassName');
  const bound = old.status?.phase === 'Bound';
  if (bound) {
    frozen.resources = { ...spec.resources, requests: { ...spec.resources?.requests } };
    const size = before.resources?.requests?.['storage'];
    if (size !== undefined) frozen.resources.requests!['storage'] = size;
    if (spec.volumeAttributesClassName || !before.volumeAttributesClassName) copy(frozen, before, 'volumeAttributesClassName');
  }
  if (!sameJson(frozen, before))
    errors.push(
      forbidden(
        'spec',
        `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${unifiedDiff(before, frozen)}`,
      ),
    );
  // Without "spec.", as kube-apiserver has it.
  errors.push(...unchanged('volumeMode', spec.volumeMode, before.volumeMode));
  const [size, held] = [spec.resources?.requests?.['storage'], old.status?.capacity?.['storage']];
  const asked = before.resources?.requests?.['storage'];
  if (size !== undefined && asked !== undefined && compareQuantity(size, asked) < 0) {
    if (compareQuantity(size, held ?? '0') <= 0) errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  }
  return errors;
}
function copy(to: V1PersistentVolumeClaimSpec, from: V1PersistentVolumeClaimSpec, key: 'volumeName' | 'storageClassName' | 'volumeAttributesClassName'): void {
  if (from[key] === undefined) delete to[key];
  else to[key] = from[key];
}

const basicQuantity = (field: string, quantity: string): FieldError[] =>
  (parseQuantity(quantity) ?? 0) < 0 ? [invalidValue(field, Math.ceil(parseQuantity(quantity)!), 'must be a valid resource quantity')] : [];

/** Of the resources of Kubernetes itself a claim holds storage only. */
function validateResourceKey(field: string, key: string): FieldError[] {
  const errors = checked(field, key, qualifiedName);
  if (errors.length > 0 || key === 'storage' || (key.includes('/') && !key.includes('kubernetes.io/'))) return errors;
  return [unsupported(field, key, ['storage'])];
}

export function validateClaimStatus(claim: V1PersistentVolumeClaim): FieldError[] {
  const { capacity, allocatedResources, allocatedResourceStatuses } = claim.status ?? {};
  const errors: FieldError[] = [];
  for (const key in capacity) errors.push(...basicQuantity(`status.capacity[${key}]`, capacity[key]!));
  for (const key in allocatedResources) {
    const wrong = validateResourceKey('status.allocatedResources', key);
    const at = `status.allocatedResources[${key}]`;
    errors.push(...(wrong.length > 0 ? wrong : basicQuantity(at, allocatedResources[key]!)));
  }
  const states = ['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizePending', 'NodeResizeInProgress', 'NodeResizeInfeasible'];
  for (const key in allocatedResourceStatuses) {
    // The field's name lacks its end in kube-apiserver's findings, which show the resource, not its state.
    const at = 'status.allocatedResourceStatus';
    errors.push(...validateResourceKey(at, key));
    if (!states.includes(allocatedResourceStatuses[key]!)) errors.push(unsupported(at, key, states));
  }
  return errors;
}
