import { defineKind, type Kind } from '#machinery';
import type { V1PersistentVolume } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { validateVolumeSpec, validateVolumeUpdate } from './persistentvolume-validation.ts';
import { accessModesText, storageClassText } from './volume-columns.ts';
import { volumeWarnings } from './volume-warnings.ts';

function defaults(volume: V1PersistentVolume): void {
  const spec = (volume.spec ??= {});
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  if (spec.hostPath) spec.hostPath.type ??= '';
  if (spec.iscsi) spec.iscsi.iscsiInterface ||= 'default';
  if (spec.rbd) {
    spec.rbd.pool ||= 'rbd';
    spec.rbd.user ||= 'admin';
    spec.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (spec.azureDisk) {
    spec.azureDisk.cachingMode ??= 'ReadWrite';
    spec.azureDisk.kind ??= 'Shared';
    spec.azureDisk.fsType ??= 'ext4';
    spec.azureDisk.readOnly ??= false;
  }
  if (spec.scaleIO) {
    spec.scaleIO.storageMode ||= 'ThinProvisioned';
    spec.scaleIO.fsType ||= 'xfs';
  }
}

function claimText(volume: V1PersistentVolume): string {
  const claim = volume.spec?.claimRef;
  return claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '';
}

export const PersistentVolume: Kind<V1PersistentVolume> = defineKind<V1PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  schema: 'V1PersistentVolume',
  status: true,
  generation: false,
  columns: [
    nameColumn,
    column(
      'Capacity',
      'string',
      "capacity is the description of the persistent volume's resources and capacity.",
      (volume) => volume.spec?.capacity?.['storage'] ?? '0',
    ),
    column('Access Modes', 'string', 'accessModes contains all ways the volume can be mounted.', (volume) => accessModesText(volume.spec?.accessModes)),
    column(
      'Reclaim Policy',
      'string',
      'persistentVolumeReclaimPolicy defines what happens to a persistent volume when released from its claim.',
      (volume) => volume.spec?.persistentVolumeReclaimPolicy,
    ),
    column('Status', 'string', 'phase indicates if a volume is available, bound to a claim, or released by a claim.', (volume) =>
      volume.metadata?.deletionTimestamp ? 'Terminating' : (volume.status?.phase ?? ''),
    ),
    column('Claim', 'string', 'claimRef is part of a bi-directional binding between PersistentVolume and PersistentVolumeClaim.', claimText),
    column('StorageClass', 'string', 'StorageClass of the pv', (volume) => storageClassText(volume)),
    column('VolumeAttributesClass', 'string', 'VolumeAttributesClass of the pv', (volume) => volume.spec?.volumeAttributesClassName ?? '<unset>'),
    column('Reason', 'string', 'reason is a brief CamelCase string that describes any failure.', (volume) => volume.status?.reason ?? ''),
    ageColumn,
    column(
      'VolumeMode',
      'string',
      'volumeMode defines if a volume is intended to be used with a formatted filesystem or to remain in raw block state.',
      (volume) => volume.spec?.volumeMode ?? '<unset>',
      1,
    ),
  ],
  defaults,
  prepareCreate(volume, { now }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: `${new Date(now).toISOString().slice(0, 19)}Z` };
  },
  warnings: volumeWarnings,
  validate: (volume, old) => [...validateVolumeSpec(volume.spec ?? {}, 'spec'), ...(old ? validateVolumeUpdate(volume, old) : [])],
});
