/** Validation of PersistentVolumes, and of the volume specs inside VolumeAttachments (pkg/apis/core/validation). */
import { posix } from 'node:path';
import type { FieldError } from '#machinery';
import type { V1CSIPersistentVolumeSource, V1PersistentVolume, V1PersistentVolumeSpec, V1SecretReference } from '../generated/types.ts';
import { forbidden, invalidValue, required, sameJson, tooLong, unsupported } from '../support/errors.ts';
import { checked, dnsSubdomain } from '../support/names.ts';
import { validateNodeSelector } from '../support/node-selector.ts';
import { positiveQuantity, validateQuantity } from '../support/resources.ts';
import { validateAccessModes, validateVolumeMode } from './claim-validation.ts';

const sources = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'csi',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'glusterfs',
  'hostPath',
  'iscsi',
  'local',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
] as const;
const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const secrets = ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef', 'nodeStageSecretRef'] as const;

/** A driver's name, in CSI volumes, CSINodes and VolumeAttributesClasses. */
export function validateDriverName(field: string, name: string | undefined): FieldError[] {
  if (!name) return [required(field)];
  if (name.length > 63) return [tooLong(field, 63)];
  return checked(field, name.toLowerCase(), dnsSubdomain);
}

function validateSecret(at: string, secret: V1SecretReference | undefined): FieldError[] {
  if (!secret) return [];
  return [...(secret.name ? [] : [required(`${at}.name`)]), ...(secret.namespace ? [] : [required(`${at}.namespace`)])];
}
const validateCsi = (at: string, csi: V1CSIPersistentVolumeSource): FieldError[] => [
  ...validateDriverName(`${at}.driver`, csi.driver),
  ...(csi.volumeHandle ? [] : [required(`${at}.volumeHandle`)]),
  ...secrets.flatMap((field) => validateSecret(`${at}.${field}`, csi[field])),
];

function validatePath(field: string, path: string | undefined, absolute: boolean): FieldError[] {
  if (!path) return [required(field)];
  if (path.split('/').includes('..')) return [invalidValue(field, path, "must not contain '..'")];
  return absolute && !path.startsWith('/') ? [invalidValue(field, path, 'must be an absolute path')] : [];
}

function validateSource(at: string, spec: V1PersistentVolumeSpec): FieldError[] {
  const given = sources.filter((source) => spec[source] !== undefined);
  if (given.length === 0) return [required(at, 'must specify a volume type')];
  const errors = given.slice(1).map((source) => forbidden(`${at}.${source}`, 'may not specify more than 1 volume type'));
  const { hostPath, local, nfs, csi, iscsi, fc } = spec;
  if (hostPath) {
    errors.push(...validatePath(`${at}.hostPath.path`, hostPath.path, false));
    if (!hostPathTypes.includes(hostPath.type ?? '')) errors.push(unsupported(`${at}.hostPath.type`, hostPath.type, hostPathTypes));
    if (spec.persistentVolumeReclaimPolicy === 'Recycle' && posix.normalize(hostPath.path ?? '') === '/')
      errors.push(forbidden(`${at}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'"));
  }
  if (local) {
    errors.push(...validatePath(`${at}.local.path`, local.path, false));
    if (!spec.nodeAffinity?.required) errors.push(required(`${at}.nodeAffinity`, 'Local volume requires node affinity'));
  }
  if (nfs) errors.push(...(nfs.server ? [] : [required(`${at}.nfs.server`)]), ...validateNfsPath(`${at}.nfs.path`, nfs.path));
  if (csi) errors.push(...validateCsi(`${at}.csi`, csi));
  if (iscsi) {
    if (!iscsi.targetPortal) errors.push(required(`${at}.iscsi.targetPortal`));
    if (!iscsi.iqn) errors.push(required(`${at}.iscsi.iqn`));
    else if (!/^(iqn|eui|naa)/.test(iscsi.iqn)) errors.push(invalidValue(`${at}.iscsi.iqn`, iscsi.iqn, 'must be valid format starting with iqn, eui, or naa'));
    if (iscsi.lun < 0 || iscsi.lun > 255) errors.push(invalidValue(`${at}.iscsi.lun`, iscsi.lun, 'must be between 0 and 255, inclusive'));
  }
  if (fc && !fc.targetWWNs?.length && !fc.wwids?.length) errors.push(required(`${at}.fc.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'));
  return errors;
}
const validateNfsPath = (field: string, path: string | undefined): FieldError[] =>
  !path ? [required(field)] : path.startsWith('/') ? [] : [invalidValue(field, path, 'must be an absolute path')];

function validateCapacity(at: string, capacity: V1PersistentVolumeSpec['capacity']): FieldError[] {
  const keys = Object.keys(capacity ?? {});
  if (keys.length === 0) return [required(at)];
  const errors = keys.length > 1 || capacity!['storage'] === undefined ? [unsupported(at, capacity, ['storage'])] : [];
  for (const key of keys) {
    const wrong = validateQuantity(`${at}[${key}]`, key, capacity![key]!);
    errors.push(...(wrong.length > 0 ? wrong : positiveQuantity(`${at}[${key}]`, capacity![key]!)));
  }
  return errors;
}

/** `inline`: the spec of a volume that never was an object, in a VolumeAttachment: what only binding needs must be absent. */
export function validateVolumeSpec(spec: V1PersistentVolumeSpec, at: string, inline = false): FieldError[] {
  const errors: FieldError[] = [];
  if (inline) {
    for (const field of ['claimRef', 'capacity', 'storageClassName', 'volumeMode'] as const) {
      if (spec[field] !== undefined && !(field === 'volumeMode' && spec.volumeMode === 'Filesystem'))
        errors.push(forbidden(`${at}.${field}`, 'may not be specified in the context of inline volumes'));
    }
    if (!spec.csi) errors.push(required(`${at}.csi`, 'may not be nil in the context of inline volumes'));
  } else errors.push(...validateCapacity(`${at}.capacity`, spec.capacity));
  errors.push(...validateAccessModes(`${at}.accessModes`, spec.accessModes, ''));
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && !['Delete', 'Recycle', 'Retain'].includes(policy))
    errors.push(unsupported(`${at}.persistentVolumeReclaimPolicy`, policy, ['Delete', 'Recycle', 'Retain']));
  if (spec.nodeAffinity) {
    if (!spec.nodeAffinity.required) errors.push(required(`${at}.nodeAffinity.required`, 'must specify required node constraints'));
    else errors.push(...validateNodeSelector(`${at}.nodeAffinity.required`, spec.nodeAffinity.required));
  }
  errors.push(...validateSource(at, spec), ...validateVolumeMode(`${at}.volumeMode`, spec.volumeMode));
  if (spec.storageClassName) errors.push(...checked(`${at}.storageClassName`, spec.storageClassName, dnsSubdomain));
  if (spec.volumeAttributesClassName !== undefined) {
    const field = `${at}.volumeAttributesClassName`;
    if (spec.volumeAttributesClassName === '') errors.push(required(field, 'an empty string is disallowed'));
    else errors.push(...checked(field, spec.volumeAttributesClassName, dnsSubdomain));
    if (!spec.csi) errors.push(required(`${at}.csi`, 'has to be specified when using volumeAttributesClassName'));
  }
  return errors;
}

/** The secrets of a CSI source may be renewed, all else of a source stays. */
function frozenSource(spec: V1PersistentVolumeSpec): unknown {
  const { csi, ...rest } = Object.fromEntries(sources.map((source) => [source, spec[source]])) as Pick<V1PersistentVolumeSpec, (typeof sources)[number]>;
  if (!csi) return rest;
  const { controllerExpandSecretRef: _, nodeExpandSecretRef: __, ...kept } = csi;
  return { ...rest, csi: kept };
}

export function validateVolumeUpdate(volume: V1PersistentVolume, old: V1PersistentVolume): FieldError[] {
  const [spec, before] = [volume.spec ?? {}, old.spec ?? {}];
  const errors: FieldError[] = [];
  if (!sameJson(frozenSource(spec), frozenSource(before)))
    errors.push(forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
  if (spec.volumeMode !== before.volumeMode) errors.push(invalidValue('spec.volumeMode', spec.volumeMode, 'field is immutable'));
  if (before.nodeAffinity && !sameJson(spec.nodeAffinity, before.nodeAffinity))
    errors.push(invalidValue('spec.nodeAffinity', spec.nodeAffinity, 'field is immutable, except for updating from beta label to GA'));
  return errors;
}
