/** Rules, roleRefs and subjects: what the four kinds of rbac.authorization.k8s.io have in common. */
import { pathSegmentProblems, type Column, type FieldError, type KubeObject } from '#machinery';
import type { RbacV1Subject, V1PolicyRule, V1RoleRef } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { invalidValue, required, sameJson, unsupportedOf } from '../support/errors.ts';
import { checked, dnsSubdomain } from '../support/names.ts';

export const rbacGroup = 'rbac.authorization.k8s.io';

export interface Binding extends KubeObject {
  roleRef: V1RoleRef;
  subjects?: RbacV1Subject[];
}

const any = (list: readonly string[] | undefined): boolean => (list?.length ?? 0) > 0;

function validateRule(at: string, rule: V1PolicyRule, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (!any(rule.verbs)) errors.push(required(`${at}.verbs`, 'verbs must contain at least one value'));
  if (any(rule.nonResourceURLs)) {
    const field = `${at}.nonResourceURLs`;
    if (namespaced) errors.push(invalidValue(field, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (any(rule.apiGroups) || any(rule.resources) || any(rule.resourceNames))
      errors.push(invalidValue(field, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
    return errors;
  }
  if (!any(rule.apiGroups)) errors.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!any(rule.resources)) errors.push(required(`${at}.resources`, 'resource rules must supply at least one resource'));
  return errors;
}
export const validateRules = (rules: V1PolicyRule[] | undefined, namespaced: boolean): FieldError[] =>
  (rules ?? []).flatMap((rule, i) => validateRule(`rules[${i}]`, rule, namespaced));

export function defaultBinding(binding: Binding): void {
  if (binding.roleRef) binding.roleRef.apiGroup ||= rbacGroup;
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup;
  }
}

function validateSubject(at: string, subject: RbacV1Subject, namespaced: boolean): FieldError[] {
  const errors = subject.name ? [] : [required(`${at}.name`)];
  switch (subject.kind) {
    case 'ServiceAccount':
      if (subject.name) errors.push(...checked(`${at}.name`, subject.name, dnsSubdomain));
      if (subject.apiGroup) errors.push(unsupportedOf(`${at}.apiGroup`, subject.apiGroup, ['']));
      if (!namespaced && !subject.namespace) errors.push(required(`${at}.namespace`));
      return errors;
    case 'User':
    case 'Group':
      return subject.apiGroup === rbacGroup ? errors : [...errors, unsupportedOf(`${at}.apiGroup`, subject.apiGroup ?? '', [rbacGroup])];
    default:
      return [...errors, unsupportedOf(`${at}.kind`, subject.kind ?? '', ['ServiceAccount', 'User', 'Group'])];
  }
}

export function validateBinding(binding: Binding, old: Binding | undefined, namespaced: boolean): FieldError[] {
  const roleRef: Partial<V1RoleRef> = binding.roleRef ?? {};
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  const errors: FieldError[] = [];
  if (roleRef.apiGroup !== rbacGroup) errors.push(unsupportedOf('roleRef.apiGroup', roleRef.apiGroup ?? '', [rbacGroup]));
  if (!kinds.includes(roleRef.kind ?? '')) errors.push(unsupportedOf('roleRef.kind', roleRef.kind ?? '', kinds));
  if (!roleRef.name) errors.push(required('roleRef.name'));
  else errors.push(...checked('roleRef.name', roleRef.name, pathSegmentProblems));
  binding.subjects?.forEach((subject, i) => errors.push(...validateSubject(`subjects[${i}]`, subject, namespaced)));
  if (old && !sameJson(binding.roleRef, old.roleRef)) errors.push(invalidValue('roleRef', binding.roleRef, 'cannot change roleRef'));
  return errors;
}

const named = (binding: Binding, kind: string): string =>
  (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((subject) => (kind === 'ServiceAccount' ? `${subject.namespace ?? ''}/${subject.name}` : subject.name))
    .join(', ');

export const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  column('Role', 'string', 'RoleRef is the role that the binding grants.', ({ roleRef }) => `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`),
  ageColumn,
  column('Users', 'string', 'Users in the binding', (binding) => named(binding, 'User'), 1),
  column('Groups', 'string', 'Groups in the binding', (binding) => named(binding, 'Group'), 1),
  column('ServiceAccounts', 'string', 'ServiceAccounts in the binding', (binding) => named(binding, 'ServiceAccount'), 1),
];
