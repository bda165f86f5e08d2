import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1PodDisruptionBudget, V1PodDisruptionBudgetSpec } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { validateConditions } from '../support/conditions.ts';
import { invalidValue, nonNegative, unsupportedOf } from '../support/errors.ts';
import { atMost100Percent, validateIntOrPercent } from '../support/percent.ts';
import { validateLabelSelector } from '../support/selectors.ts';

function validateSpec(spec: V1PodDisruptionBudgetSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined)
    errors.push(invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
  for (const name of ['minAvailable', 'maxUnavailable'] as const)
    errors.push(...validateIntOrPercent(`spec.${name}`, spec[name]), ...atMost100Percent(`spec.${name}`, spec[name]));
  errors.push(...validateLabelSelector('spec.selector', spec.selector));
  const policies = ['AlwaysAllow', 'IfHealthyBudget'];
  const policy = spec.unhealthyPodEvictionPolicy;
  if (policy !== undefined && !policies.includes(policy)) errors.push(unsupportedOf('spec.unhealthyPodEvictionPolicy', policy, policies));
  return errors;
}

export const PodDisruptionBudget: Kind<V1PodDisruptionBudget> = defineKind<V1PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  namespaced: true,
  schema: 'V1PodDisruptionBudget',
  unconditionalUpdate: false,
  status: true,
  columns: [
    nameColumn,
    column('Min Available', 'string', 'The minimum number of pods that must be available.', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    column('Max Unavailable', 'string', 'The maximum number of pods that may be unavailable.', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    column('Allowed Disruptions', 'integer', 'Calculated number of pods that may be disrupted at this time.', ({ status }) => status?.disruptionsAllowed ?? 0),
    ageColumn,
  ],
  prepareCreate(budget) {
    budget.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
  validate: ({ spec }) => (spec ? validateSpec(spec) : []),
  validateStatus: ({ status }) => [
    ...validateConditions('status.conditions', status?.conditions),
    ...(['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const).flatMap((name) => nonNegative(`status.${name}`, status?.[name])),
  ],
});
