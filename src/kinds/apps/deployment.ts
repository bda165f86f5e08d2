import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1Deployment, V1DeploymentSpec } from '../generated/types.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, nonNegative, oneOf } from '../support/errors.ts';
import { formatSelector } from '../support/selectors.ts';
import { templateColumns, validateWorkload } from './workload.ts';

function validateIntOrPercent(field: string, value: number | string | undefined): FieldError[] {
  if (typeof value === 'number') return nonNegative(field, value);
  if (value !== undefined && !/^[0-9]+%$/.test(value))
    return [
      invalidValue(
        field,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    ];
  return [];
}

const isZero = (value: number | string | undefined): boolean => value === 0 || (typeof value === 'string' && /^0+%$/.test(value));

function validateStrategy({ strategy }: V1DeploymentSpec): FieldError[] {
  const at = 'spec.strategy';
  const errors = oneOf(`${at}.type`, strategy?.type, ['Recreate', 'RollingUpdate']);
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === 'Recreate' && rolling) errors.push(forbidden(`${at}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"));
  if (strategy?.type !== 'RollingUpdate' || !rolling) return errors;
  errors.push(
    ...validateIntOrPercent(`${at}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable),
    ...validateIntOrPercent(`${at}.rollingUpdate.maxSurge`, rolling.maxSurge),
  );
  if (isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge)) {
    errors.push(invalidValue(`${at}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  if (typeof rolling.maxUnavailable === 'string' && Number.parseInt(rolling.maxUnavailable, 10) > 100) {
    errors.push(invalidValue(`${at}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable, 'must not be greater than 100%'));
  }
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
    const errors = validateWorkload(deployment, old, 'empty selector is invalid for deployment');
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
});
