import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1Deployment, V1DeploymentSpec } from '../generated/types.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, nonNegative, unchanged, unsupportedOf } from '../support/errors.ts';
import { atMost100Percent, intOrPercentValue, validateIntOrPercent } from '../support/percent.ts';
import { formatSelector } from '../support/selectors.ts';
import { templateColumns, validateAvailable, validateCollisions, validateCounters, validateWorkload, workloadWarnings } from './workload.ts';

function validateStrategy({ strategy }: V1DeploymentSpec): FieldError[] {
  const at = 'spec.strategy';
  const types = ['Recreate', 'RollingUpdate'];
  // The finding is about the strategy, not its type.
  const errors = types.includes(strategy?.type ?? '') ? [] : [unsupportedOf(at, strategy, types)];
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === 'Recreate' && rolling) errors.push(forbidden(`${at}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"));
  if (strategy?.type !== 'RollingUpdate' || !rolling) return errors;
  errors.push(
    ...validateIntOrPercent(`${at}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable),
    ...validateIntOrPercent(`${at}.rollingUpdate.maxSurge`, rolling.maxSurge),
  );
  if (intOrPercentValue(rolling.maxUnavailable) === 0 && intOrPercentValue(rolling.maxSurge) === 0) {
    errors.push(invalidValue(`${at}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  errors.push(...atMost100Percent(`${at}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable));
  return errors;
}

export const Deployment: Kind<V1Deployment> = defineKind<V1Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1Deployment',
  status: true,
  scale: { specReplicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'], selector: (deployment) => formatSelector(deployment.spec?.selector) },
  columns: [
    nameColumn,
    column('Ready', 'string', 'Number of the pod with ready state', (d) => `${d.status?.readyReplicas ?? 0}/${d.spec?.replicas ?? 1}`),
    column(
      'Up-to-date',
      'string',
      'Total number of non-terminating pods targeted by this deployment that have the desired template spec.',
      (d) => d.status?.updatedReplicas ?? 0,
    ),
    column(
      'Available',
      'string',
      'Total number of available non-terminating pods (ready for at least minReadySeconds) targeted by this deployment.',
      (d) => d.status?.availableReplicas ?? 0,
    ),
    ageColumn,
    ...templateColumns<V1Deployment>(),
  ],
  defaults(deployment) {
    const { spec } = deployment;
    if (!spec) return;
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    const strategy = (spec.strategy ??= {});
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      const rolling = (strategy.rollingUpdate ??= {});
      rolling.maxUnavailable ??= '25%';
      rolling.maxSurge ??= '25%';
    }
    defaultPodTemplate(spec.template);
  },
  prepareCreate(deployment) {
    deployment.status = {};
  },
  validate(deployment, old) {
    const errors = validateWorkload(deployment);
    if (old) errors.push(...unchanged('spec.selector', deployment.spec?.selector, old.spec?.selector));
    const { spec } = deployment;
    if (!spec) return errors;
    errors.push(
      ...nonNegative('spec.replicas', spec.replicas),
      ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
      ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
      ...nonNegative('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds),
      ...validateStrategy(spec),
    );
    if (spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
      errors.push(invalidValue('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds, 'must be greater than minReadySeconds'));
    }
    return errors;
  },
  validateStatus: ({ status }, old) => [
    ...validateCounters(status, ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'], 'replicas'),
    ...validateCounters(status, ['observedGeneration', 'unavailableReplicas', 'collisionCount', 'terminatingReplicas']),
    ...validateAvailable(status),
    ...validateCollisions(status, old.status),
  ],
  warnings: (deployment, old) => workloadWarnings(deployment, old, true),
});
