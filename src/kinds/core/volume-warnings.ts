/** Warnings about volumes and claims (pkg/api/persistentvolume and persistentvolumeclaim). */
import { quantityToNumber } from '#base';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../generated/types.ts';

const classAnnotation = 'volume.beta.kubernetes.io/storage-class';
const gone = {
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
} as const;

const classWarnings = (annotations: { [key: string]: string } | undefined): string[] =>
  annotations?.[classAnnotation] === undefined
    ? []
    : [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`];

/** Volumes hold whole bytes. */
export const sizeWarnings = (field: string, size: string | undefined): string[] =>
  Number.isInteger(quantityToNumber(size)) ? [] : [`${field}: fractional byte value ${JSON.stringify(size)} is invalid, must be an integer`];

export function volumeWarnings({ metadata, spec = {} }: V1PersistentVolume): string[] {
  const warnings = classWarnings(metadata?.annotations);
  if (spec.persistentVolumeReclaimPolicy === 'Recycle')
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    );
  warnings.push(...sizeWarnings('spec.capacity[storage]', spec.capacity?.['storage']));
  for (const [source, text] of Object.entries(gone)) if (spec[source as keyof typeof gone] !== undefined) warnings.push(`spec.${source}: ${text}`);
  return warnings;
}

export const claimWarnings = ({ metadata, spec = {} }: V1PersistentVolumeClaim): string[] => [
  ...classWarnings(metadata?.annotations),
  ...sizeWarnings('spec.resources.requests[storage]', spec.resources?.requests?.['storage']),
];
