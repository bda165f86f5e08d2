import { defineKind, type Kind } from '#machinery';
import type { V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { validateClaimSpec, validateClaimStatus, validateClaimUpdate } from './claim-validation.ts';
import { accessModesText, storageClassText } from './volume-columns.ts';
import { claimWarnings } from './volume-warnings.ts';

/** Either reference to a data source fills the other, unless it points into another namespace. */
export function defaultClaimSpec(spec: V1PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { namespace: _, ...source } = dataSourceRef;
    spec.dataSource = source;
  }
}

function statusText(claim: V1PersistentVolumeClaim): string {
  return claim.metadata?.deletionTimestamp ? 'Terminating' : (claim.status?.phase ?? '');
}
/** What is shown of the volume only once there is one. */
const bound = (claim: V1PersistentVolumeClaim): boolean => (claim.spec?.volumeName ?? '') !== '';

export const PersistentVolumeClaim: Kind<V1PersistentVolumeClaim> = defineKind<V1PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  namespaced: true,
  schema: 'V1PersistentVolumeClaim',
  status: true,
  generation: false,
  columns: [
    nameColumn,
    column('Status', 'string', 'phase represents the current phase of PersistentVolumeClaim.', statusText),
    column('Volume', 'string', 'volumeName is the binding reference to the PersistentVolume backing this claim.', (claim) => claim.spec?.volumeName ?? ''),
    column('Capacity', 'string', 'capacity represents the actual resources of the underlying volume.', (claim) =>
      bound(claim) ? (claim.status?.capacity?.['storage'] ?? '0') : '',
    ),
    column('Access Modes', 'string', 'accessModes contains the actual access modes the volume backing the PVC has.', (claim) =>
      bound(claim) ? accessModesText(claim.status?.accessModes) : '',
    ),
    column('StorageClass', 'string', 'StorageClass of the pvc', (claim) => storageClassText(claim)),
    column('VolumeAttributesClass', 'string', 'VolumeAttributesClass of the pvc', (claim) => claim.spec?.volumeAttributesClassName ?? '<unset>'),
    ageColumn,
    column('VolumeMode', 'string', 'volumeMode defines what type of volume is required by the claim.', (claim) => claim.spec?.volumeMode ?? '<unset>', 1),
  ],
  defaults: (claim) => defaultClaimSpec((claim.spec ??= {})),
  prepareCreate(claim) {
    claim.status = { phase: 'Pending' };
  },
  warnings: claimWarnings,
  validate: (claim, old) => [...validateClaimSpec(claim.spec ?? {}, 'spec'), ...(old ? validateClaimUpdate(claim, old) : [])],
  validateStatus: validateClaimStatus,
});
