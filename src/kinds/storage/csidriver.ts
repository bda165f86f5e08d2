import { defineKind, type FieldError, type Kind } from '#machinery';
import type { StorageV1TokenRequest, V1CSIDriver } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, invalidValue, unchanged, unsupported, unsupportedOf } from '../support/errors.ts';

const policies = ['File', 'None', 'ReadWriteOnceWithFSType'];
const modes = ['Persistent', 'Ephemeral'];

function validateTokens(tokens: StorageV1TokenRequest[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (tokens ?? []).flatMap(({ audience, expirationSeconds: seconds }, i) => {
    const at = `spec.tokenRequests[${i}]`;
    const errors = seen.has(audience) ? [duplicate(`${at}.audience`, audience)] : [];
    seen.add(audience);
    if (seconds !== undefined && seconds < 600)
      errors.push(invalidValue(`${at}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds !== undefined && seconds > 2 ** 32)
      errors.push(invalidValue(`${at}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
    return errors;
  });
}

function validate(driver: V1CSIDriver, old: V1CSIDriver | undefined): FieldError[] {
  const spec = driver.spec ?? {};
  const errors: FieldError[] = [];
  if (spec.fsGroupPolicy !== undefined && !policies.includes(spec.fsGroupPolicy)) errors.push(unsupported('spec.fsGroupPolicy', spec.fsGroupPolicy, policies));
  spec.volumeLifecycleModes?.forEach((mode) => modes.includes(mode) || errors.push(unsupportedOf('spec.volumeLifecycleModes', mode, modes)));
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < 10)
    errors.push(invalidValue('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds'));
  errors.push(...validateTokens(spec.tokenRequests));
  // `attachedRequired` is how kube-apiserver spells it here.
  if (old)
    errors.push(
      ...unchanged('spec.attachedRequired', spec.attachRequired, old.spec?.attachRequired),
      ...unchanged('spec.volumeLifecycleModes', spec.volumeLifecycleModes, old.spec?.volumeLifecycleModes),
    );
  return errors;
}

const text = (value: boolean | undefined): boolean => value ?? false;

export const CSIDriver: Kind<V1CSIDriver> = defineKind<V1CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  namespaced: false,
  schema: 'V1CSIDriver',
  unconditionalUpdate: false,
  generation: true,
  columns: [
    nameColumn,
    column(
      'AttachRequired',
      'boolean',
      'attachRequired indicates this CSI volume driver requires an attach operation.',
      ({ spec }) => spec?.attachRequired ?? true,
    ),
    column('PodInfoOnMount', 'boolean', 'podInfoOnMount indicates this CSI volume driver requires additional pod information.', ({ spec }) =>
      text(spec?.podInfoOnMount),
    ),
    column(
      'StorageCapacity',
      'boolean',
      'storageCapacity indicates that the CSI volume driver wants pod scheduling to consider its storage capacity.',
      ({ spec }) => text(spec?.storageCapacity),
    ),
    column('TokenRequests', 'string', "tokenRequests indicates the CSI driver needs pods' service account tokens.", ({ spec }) =>
      spec?.tokenRequests?.length ? spec.tokenRequests.map((token) => token.audience).join(',') : '<unset>',
    ),
    column('RequiresRepublish', 'boolean', 'requiresRepublish indicates the CSI driver wants NodePublishVolume being periodically called.', ({ spec }) =>
      text(spec?.requiresRepublish),
    ),
    column('Modes', 'string', 'volumeLifecycleModes defines what kind of volumes this CSI volume driver supports.', ({ spec }) =>
      spec?.volumeLifecycleModes?.length ? spec.volumeLifecycleModes.join(',') : '<none>',
    ),
    ageColumn,
  ],
  defaults(driver) {
    const spec = (driver.spec ??= {});
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate,
});
