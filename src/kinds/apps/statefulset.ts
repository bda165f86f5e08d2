import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1PersistentVolumeClaim, V1PodTemplateSpec, V1StatefulSet, V1StatefulSetSpec } from '../generated/types.ts';
import { validateClaimSpec } from '../core/claim-validation.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { validatePodTemplate } from '../core/pod-spec-validation.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, nonNegative, required, sameJson, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel } from '../support/names.ts';
import { atMost100Percent, intOrPercentValue, validateIntOrPercent } from '../support/percent.ts';
import { formatSelector } from '../support/selectors.ts';
import { containerColumns, validateAvailable, validateCollisions, validateCounters, validateSelected, validateSelector, workloadWarnings } from './workload.ts';

const at = 'spec.updateStrategy';
function validateStrategy({ updateStrategy: strategy }: V1StatefulSetSpec): FieldError[] {
  const rolling = strategy?.rollingUpdate;
  if (!strategy?.type) return [required(at)];
  if (strategy.type === 'OnDelete') return rolling ? [invalidValue(`${at}.rollingUpdate`, rolling, "only allowed for updateStrategy 'RollingUpdate'")] : [];
  if (strategy.type !== 'RollingUpdate') return [invalidValue(at, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  if (!rolling) return [];
  const errors = nonNegative(`${at}.rollingUpdate.partition`, rolling.partition);
  const most = rolling.maxUnavailable;
  if (most === undefined) return errors;
  const field = `${at}.rollingUpdate.maxUnavailable`;
  errors.push(...validateIntOrPercent(field, most));
  if (intOrPercentValue(most) === 0) errors.push(invalidValue(field, most, 'cannot be 0'));
  return [...errors, ...atMost100Percent(field, most)];
}

function validateRetention({ persistentVolumeClaimRetentionPolicy: policy }: V1StatefulSetSpec): FieldError[] {
  if (!policy) return [];
  return (['whenDeleted', 'whenScaled'] as const).flatMap((when) =>
    ['Retain', 'Delete'].includes(policy[when] ?? '')
      ? []
      : [unsupportedOf(`spec.persistentVolumeClaimRetentionPolicy.${when}`, policy[when] ?? '', ['Retain', 'Delete'])],
  );
}

/** Claims stand for volumes that the pods will have. */
function withClaims({ template, volumeClaimTemplates }: V1StatefulSetSpec): V1PodTemplateSpec | undefined {
  const { spec } = template ?? {};
  if (!spec || !volumeClaimTemplates?.length) return template;
  const own = new Set(spec.volumes?.map((volume) => volume.name));
  const claims = volumeClaimTemplates.flatMap(({ metadata }) => {
    const name = metadata?.name ?? '';
    return own.has(name) ? [] : [{ name, persistentVolumeClaim: { claimName: name } }];
  });
  return { ...template, spec: { ...spec, volumes: [...(spec.volumes ?? []), ...claims] } };
}
const validatePods = (spec: V1StatefulSetSpec): FieldError[] => validatePodTemplate(withClaims(spec), 'spec.template');
const validateClaims = ({ volumeClaimTemplates }: V1StatefulSetSpec): FieldError[] =>
  (volumeClaimTemplates ?? []).flatMap((claim, i) => validateClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${i}].spec`));
const validateServiceName = ({ serviceName }: V1StatefulSetSpec): FieldError[] => (serviceName ? checked('spec.serviceName', serviceName, dnsLabel) : []);

/** Checks that came late to Kubernetes: what was stored without them may stay as it is, and be updated. */
const lateChecks = [validatePods, validateClaims, validateServiceName];
const validateLate = (spec: V1StatefulSetSpec, old: V1StatefulSetSpec | undefined): FieldError[] =>
  lateChecks.flatMap((check) => (old && check(old).length > 0 ? [] : check(spec)));

function validateTemplate({ template }: V1StatefulSetSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (template?.spec?.restartPolicy !== 'Always')
    errors.push(unsupportedOf('spec.template.spec.restartPolicy', template?.spec?.restartPolicy ?? '', ['Always']));
  if (template?.spec?.activeDeadlineSeconds !== undefined)
    errors.push(forbidden('spec.template.spec.activeDeadlineSeconds', 'activeDeadlineSeconds in StatefulSet is not Supported'));
  return errors;
}

function validateSpec(spec: V1StatefulSetSpec): FieldError[] {
  const policy = spec.podManagementPolicy;
  const errors: FieldError[] = [];
  if (!policy) errors.push(required('spec.podManagementPolicy'));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel')
    errors.push(invalidValue('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"));
  return [
    ...errors,
    ...validateStrategy(spec),
    ...validateRetention(spec),
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...nonNegative('spec.ordinals.start', spec.ordinals?.start),
    ...validateSelector(spec.selector, 'statefulset'),
    ...validateSelected(spec.selector, spec.template),
    ...validateTemplate(spec),
  ];
}

const mutable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;
function validateUpdate(spec: V1StatefulSetSpec, old: V1StatefulSetSpec): FieldError[] {
  const undone: Partial<V1StatefulSetSpec> = { ...spec };
  for (const field of mutable) Object.assign(undone, { [field]: old[field] });
  if (sameJson(undone, old)) return [];
  const names = mutable.map((name) => `'${name}'`);
  const text = `updates to statefulset spec for fields other than ${names.slice(0, -1).join(', ')} and ${names.at(-1)} are forbidden`;
  return [forbidden('spec', text)];
}

function defaultClaim(claim: V1PersistentVolumeClaim): void {
  claim.apiVersion ||= 'v1';
  claim.kind ||= 'PersistentVolumeClaim';
  (claim.status ??= {}).phase ||= 'Pending';
  if (claim.spec) claim.spec.volumeMode ||= 'Filesystem';
}

export const StatefulSet: Kind<V1StatefulSet> = defineKind<V1StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1StatefulSet',
  status: true,
  nameRule: 'dns-label',
  scale: { specReplicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'], selector: (set) => formatSelector(set.spec?.selector) },
  columns: [
    nameColumn,
    column('Ready', 'string', 'Number of the pod with ready state', (set) => `${set.status?.readyReplicas ?? 0}/${set.spec?.replicas ?? 1}`),
    ageColumn,
    ...containerColumns<V1StatefulSet>((set) => set.spec?.template),
  ],
  defaults({ spec }) {
    if (!spec) return;
    spec.podManagementPolicy ||= 'OrderedReady';
    const strategy = (spec.updateStrategy ??= {});
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      const rolling = (strategy.rollingUpdate ??= {});
      rolling.partition ??= 0;
      rolling.maxUnavailable ??= 1;
    }
    const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
    retention.whenDeleted ||= 'Retain';
    retention.whenScaled ||= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    defaultPodTemplate(spec.template);
    spec.volumeClaimTemplates?.forEach(defaultClaim);
  },
  prepareCreate(set) {
    set.status = { replicas: 0 };
  },
  validate({ spec }, old) {
    if (!spec) return [required('spec.selector')];
    return [...validateSpec(spec), ...validateLate(spec, old?.spec), ...(old?.spec ? validateUpdate(spec, old.spec) : [])];
  },
  validateStatus: ({ status }, old) => [
    ...validateCounters(status, ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'], 'replicas'),
    ...validateCounters(status, ['observedGeneration', 'collisionCount']),
    ...validateAvailable(status, 'status.readyReplicas'),
    ...validateCollisions(status, old.status),
  ],
  warnings(set, old) {
    const own =
      !old && (set.spec?.revisionHistoryLimit ?? 0) < 0
        ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended']
        : [];
    return [...workloadWarnings(set, old, false), ...own];
  },
});
