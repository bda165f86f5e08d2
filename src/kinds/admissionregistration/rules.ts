/** What webhooks and policies have in common: rules, match conditions, selectors (pkg/apis/admissionregistration). */
import type { FieldError } from '#machinery';
import type { V1MatchCondition, V1MatchResources, V1NamedRuleWithOperations, V1RuleWithOperations } from '../generated/types.ts';
import { duplicate, invalidValue, required, tooMany, unsupported } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';
import { validateLabelSelector } from '../support/selectors.ts';

export const admissionGroup = 'admissionregistration.k8s.io';
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];

export const defaultRules = (rules: V1RuleWithOperations[] | undefined): void => rules?.forEach((rule) => (rule.scope ??= '*'));

/** Policies and bindings: what a constraint leaves open matches all. */
export function defaultMatch(match: V1MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

/** A list that is everything or an enumeration; `what` names its items. */
function validateList(field: string, list: string[] | undefined, what: string): FieldError[] {
  if (!list?.length) return [required(field)];
  return list.length > 1 && list.includes('*') ? [invalidValue(field, list, `if '*' is present, must not specify other ${what}`)] : [];
}

// Resources of a rule: `*`, `pods`, `pods/status`, `pods/*`, `*/scale`, `*/*`, none of them covered by another.
function validateResources(field: string, resources: string[] | undefined): FieldError[] {
  if (!resources?.length) return [required(field)];
  const errors: FieldError[] = [];
  const given = new Set(resources);
  resources.forEach((text, i) => {
    const at = `${field}[${i}]`;
    if (text === '') return errors.push(required(at));
    if (text === '*/*' || !text.includes('/')) return;
    const [resource = '', subresource = ''] = text.split('/', 2);
    if (resource !== '*' && given.has(`${resource}/*`) && subresource !== '*')
      errors.push(invalidValue(at, text, `if '${resource}/*' is present, must not specify ${text}`));
    if (subresource !== '*' && given.has(`*/${subresource}`) && resource !== '*')
      errors.push(invalidValue(at, text, `if '*/${subresource}' is present, must not specify ${text}`));
    return undefined;
  });
  if (resources.length > 1 && given.has('*/*')) errors.push(invalidValue(field, resources, "if '*/*' is present, must not specify other resources"));
  if (given.has('*') && resources.some((text) => text !== '*' && !text.includes('/')))
    errors.push(invalidValue(field, resources, "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

export function validateRule(at: string, rule: V1NamedRuleWithOperations): FieldError[] {
  const unknown = (rule.operations ?? []).flatMap((operation, i) =>
    operations.includes(operation) ? [] : [unsupported(`${at}.operations[${i}]`, operation, operations)],
  );
  const names = rule.resourceNames ?? [];
  return [
    ...validateList(`${at}.operations`, rule.operations, 'operations'),
    ...unknown,
    ...validateList(`${at}.apiGroups`, rule.apiGroups, 'API groups'),
    ...validateList(`${at}.apiVersions`, rule.apiVersions, 'API versions'),
    ...(rule.apiVersions ?? []).flatMap((version, i) => (version === '' ? [required(`${at}.apiVersions[${i}]`)] : [])),
    ...validateResources(`${at}.resources`, rule.resources),
    ...(rule.scope !== undefined && !scopes.includes(rule.scope) ? [unsupported(`${at}.scope`, rule.scope, scopes)] : []),
    ...names.flatMap((name, i) => (names.indexOf(name) < i ? [duplicate(`${at}.resourceNames[${i}]`, name)] : [])),
  ];
}

export function validateMatchConditions(field: string, conditions: V1MatchCondition[] | undefined): FieldError[] {
  const list = conditions ?? [];
  const seen = new Set<string>();
  const errors: FieldError[] = list.length > 64 ? [tooMany(field, list.length, 64)] : [];
  list.forEach((condition, i) => {
    const at = `${field}[${i}]`;
    if (!condition.expression?.trim()) errors.push(required(`${at}.expression`));
    if (!condition.name) errors.push(required(`${at}.name`));
    else errors.push(...checked(`${at}.name`, condition.name, qualifiedName));
    if (condition.name && seen.has(condition.name)) errors.push(duplicate(`${at}.name`, condition.name));
    seen.add(condition.name);
  });
  return errors;
}

export const validateEnum = (field: string, value: string | undefined, values: readonly string[]): FieldError[] =>
  value === undefined || values.includes(value) ? [] : [unsupported(field, value, values)];

/** The `matchConstraints` of a policy, the `matchResources` of a binding. */
export function validateMatch(at: string, match: V1MatchResources): FieldError[] {
  return [
    ...validateEnum(`${at}.matchPolicy`, match.matchPolicy, ['Equivalent', 'Exact']),
    ...validateLabelSelector(`${at}.namespaceSelector`, match.namespaceSelector),
    ...validateLabelSelector(`${at}.objectSelector`, match.objectSelector),
    ...(match.resourceRules ?? []).flatMap((rule, i) => validateRule(`${at}.resourceRules[${i}]`, rule)),
    ...(match.excludeResourceRules ?? []).flatMap((rule, i) => validateRule(`${at}.excludeResourceRules[${i}]`, rule)),
  ];
}
