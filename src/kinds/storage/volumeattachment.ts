import { defineKind, type FieldError, type Kind } from '#machinery';
import { validateDriverName, validateVolumeSpec } from '../core/persistentvolume-validation.ts';
import type { V1VolumeAttachment } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, immutable, invalidValue, required, sameJson, tooLong } from '../support/errors.ts';
import { checked, dnsSubdomain } from '../support/names.ts';

const maxMetadata = 256 * 1024;
const maxError = 1024;

function validate(attachment: V1VolumeAttachment, old: V1VolumeAttachment | undefined): FieldError[] {
  const { attacher, nodeName, source } = attachment.spec ?? {};
  const errors = validateDriverName('spec.attacher', attacher);
  const { inlineVolumeSpec: inline, persistentVolumeName: volume } = source ?? {};
  if (!inline && volume === undefined) errors.push(required('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'));
  if (inline && volume !== undefined) errors.push(forbidden('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'));
  if (volume === '' && !inline) errors.push(required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'));
  if (volume !== undefined) errors.push(...checked('spec.source.persistentVolumeName', volume, dnsSubdomain));
  if (inline) errors.push(...validateVolumeSpec(inline, 'spec.source.inlineVolumeSpec', true));
  errors.push(...checked('spec.nodeName', nodeName ?? '', dnsSubdomain));
  if (old && !sameJson(attachment.spec, old.spec)) errors.push(immutable('spec', attachment.spec));
  return errors;
}

function validateStatus({ status }: V1VolumeAttachment): FieldError[] {
  const errors: FieldError[] = [];
  const size = Object.entries(status?.attachmentMetadata ?? {}).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (size > maxMetadata) errors.push(tooLong('status.attachmentMetadata', maxMetadata));
  for (const field of ['attachError', 'detachError'] as const) {
    const { message = '', errorCode = 0 } = status?.[field] ?? {};
    // The text names the other limit, as kube-apiserver's does.
    if (Buffer.byteLength(message) > maxError) errors.push(tooLong(`status.${field}.message`, maxMetadata));
    if (errorCode < 0) errors.push(invalidValue(`status.${field}.errorCode`, errorCode, 'must be between 0 and 2147483647, inclusive'));
  }
  return errors;
}

export const VolumeAttachment: Kind<V1VolumeAttachment> = defineKind<V1VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
  schema: 'V1VolumeAttachment',
  unconditionalUpdate: false,
  status: true,
  generation: false,
  columns: [
    nameColumn,
    {
      ...column<V1VolumeAttachment>(
        'Attacher',
        'string',
        'attacher indicates the name of the volume driver that MUST handle this request.',
        ({ spec }) => spec?.attacher,
      ),
      format: 'name',
    },
    column(
      'PV',
      'string',
      'persistentVolumeName represents the name of the persistent volume to attach.',
      ({ spec }) => spec?.source?.persistentVolumeName ?? '',
    ),
    column('Node', 'string', 'nodeName represents the node that the volume should be attached to.', ({ spec }) => spec?.nodeName),
    column('Attached', 'boolean', 'attached indicates the volume is successfully attached.', ({ status }) => status?.attached ?? false),
    ageColumn,
  ],
  prepareCreate(attachment) {
    attachment.status = { attached: false };
  },
  validate,
  validateStatus,
});
