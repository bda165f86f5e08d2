import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1ClusterRole } from '../generated/types.ts';
import { createdAtColumn, nameColumn } from '../support/columns.ts';
import { required } from '../support/errors.ts';
import { validateLabelSelector } from '../support/selectors.ts';
import { rbacGroup, validateRules } from './rules.ts';

function validateAggregation(role: V1ClusterRole): FieldError[] {
  if (!role.aggregationRule) return [];
  const field = 'aggregationRule.clusterRoleSelectors';
  const selectors = role.aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) return [required(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  return selectors.flatMap((selector, i) => validateLabelSelector(`${field}[${i}]`, selector));
}

export const ClusterRole: Kind<V1ClusterRole> = defineKind<V1ClusterRole>({
  group: rbacGroup,
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  schema: 'V1ClusterRole',
  createOnUpdate: true,
  nameRule: 'path-segment',
  columns: [nameColumn, createdAtColumn],
  validate: (role) => [...validateRules(role.rules, false), ...validateAggregation(role)],
});
