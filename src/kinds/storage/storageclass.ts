import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1StorageClass } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, oneOf, sameJson, unchanged, unsupported } from '../support/errors.ts';
import { validateTopologyTerms } from '../support/node-selector.ts';
import { validateParameters, validateProvisioner } from './parameters.ts';

const defaultMarks = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
const isDefault = (cls: V1StorageClass): boolean => defaultMarks.some((mark) => cls.metadata?.annotations?.[mark] === 'true');

function validate(cls: V1StorageClass): FieldError[] {
  const policy = cls.reclaimPolicy;
  return [
    ...validateProvisioner('provisioner', cls.provisioner),
    ...validateParameters(cls.parameters, true),
    ...(policy && policy !== 'Delete' && policy !== 'Retain' ? [unsupported('reclaimPolicy', policy, ['Delete', 'Retain'])] : []),
    ...oneOf('volumeBindingMode', cls.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']),
    ...validateTopologyTerms('allowedTopologies', cls.allowedTopologies),
  ];
}

function validateUpdate(cls: V1StorageClass, old: V1StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['parameters', 'provisioner', 'reclaimPolicy'] as const) {
    if (!sameJson(cls[field], old[field])) errors.push(forbidden(field, `updates to ${field} are forbidden.`));
  }
  return [...errors, ...unchanged('volumeBindingMode', cls.volumeBindingMode, old.volumeBindingMode)];
}

export const StorageClass: Kind<V1StorageClass> = defineKind<V1StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  namespaced: false,
  schema: 'V1StorageClass',
  columns: [
    { ...nameColumn, value: (cls: V1StorageClass) => (isDefault(cls) ? `${cls.metadata?.name} (default)` : cls.metadata?.name) },
    column('Provisioner', 'string', 'provisioner indicates the type of the provisioner.', (cls) => cls.provisioner),
    column(
      'ReclaimPolicy',
      'string',
      'reclaimPolicy controls the reclaimPolicy for dynamically provisioned PersistentVolumes of this storage class.',
      (cls) => cls.reclaimPolicy ?? 'Delete',
    ),
    column(
      'VolumeBindingMode',
      'string',
      'volumeBindingMode indicates how PersistentVolumeClaims should be provisioned and bound.',
      (cls) => cls.volumeBindingMode ?? 'Immediate',
    ),
    column(
      'AllowVolumeExpansion',
      'string',
      'allowVolumeExpansion shows whether the storage class allow volume expand.',
      (cls) => cls.allowVolumeExpansion ?? false,
    ),
    ageColumn,
  ],
  defaults(cls) {
    cls.reclaimPolicy ??= 'Delete';
    cls.volumeBindingMode ??= 'Immediate';
  },
  validate: (cls, old) => [...validate(cls), ...(old ? validateUpdate(cls, old) : [])],
});
