/** Validation of ResourceQuotas (pkg/apis/core/validation): hard limits and scopes. */
import type { FieldError } from '#machinery';
import type { V1ResourceQuota, V1ResourceQuotaSpec, V1ScopedResourceSelectorRequirement } from '../generated/types.ts';
import { invalidValue, required } from '../support/errors.ts';
import { isPodQuota, isStandardQuota, validateQuantity, validateQuotaName } from '../support/resources.ts';

const existsOnly = ['BestEffort', 'CrossNamespacePodAffinity', 'NotBestEffort', 'NotTerminating', 'Terminating'];
const scopes = new Set([...existsOnly, 'PriorityClass', 'VolumeAttributesClass']);
const exclusive = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

/** Whether a scope can narrow a resource: pod scopes fit what pods use, volume scopes what claims use. */
function fits(scope: string, resource: string): boolean {
  if (scope === 'BestEffort') return resource === 'pods';
  if (scope === 'VolumeAttributesClass') return resource === 'persistentvolumeclaims' || resource === 'requests.storage';
  return !scopes.has(scope) || isPodQuota(resource);
}
const misapplied = (scope: string, hard: V1ResourceQuotaSpec['hard']): boolean =>
  Object.keys(hard ?? {}).some((resource) => isStandardQuota(resource) && !fits(scope, resource));
const conflicting = (given: ReadonlySet<string>): boolean => exclusive.some(([a, b]) => given.has(a) && given.has(b));

function validateScopes({ scopes: given, hard }: V1ResourceQuotaSpec): FieldError[] {
  if (!given?.length) return [];
  const field = 'spec.scopes';
  const errors: FieldError[] = [];
  for (const scope of given) {
    if (!scopes.has(scope)) errors.push(invalidValue(field, given, 'unsupported scope'));
    if (misapplied(scope, hard)) errors.push(invalidValue(field, given, 'unsupported scope applied to resource'));
  }
  if (conflicting(new Set(given))) errors.push(invalidValue(field, given, 'conflicting scopes'));
  return errors;
}

function validateOperator(field: string, { operator, scopeName, values = [] }: V1ScopedResourceSelectorRequirement): FieldError[] {
  const errors: FieldError[] = [];
  if (existsOnly.includes(scopeName) && operator !== 'Exists')
    errors.push(
      invalidValue(
        `${field}.operator`,
        operator,
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ),
    );
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) errors.push(required(`${field}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      errors.push(invalidValue(`${field}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"));
  } else errors.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'));
  return errors;
}

function validateScopeSelector({ scopeSelector, scopes: given, hard }: V1ResourceQuotaSpec): FieldError[] {
  const field = 'spec.scopeSelector.matchExpressions';
  const terms = scopeSelector?.matchExpressions ?? [];
  const errors = terms.flatMap((term) => [
    ...(scopes.has(term.scopeName) ? [] : [invalidValue(`${field}.scopeName`, term.scopeName, 'unsupported scope')]),
    ...(misapplied(term.scopeName, hard) ? [invalidValue(field, scopeSelector, 'unsupported scope applied to resource')] : []),
    ...validateOperator(field, term),
  ]);
  if (conflicting(new Set(terms.map((term) => term.scopeName)))) errors.push(invalidValue(field, given ?? null, 'conflicting scopes'));
  return errors;
}

export function validateAmounts(field: string, amounts: { [resource: string]: string } | undefined): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([resource, quantity]) => [
    ...validateQuotaName(`${field}[${resource}]`, resource),
    ...validateQuantity(`${field}[${resource}]`, resource, quantity),
  ]);
}

export function validateQuota(quota: V1ResourceQuota, old: V1ResourceQuota | undefined): FieldError[] {
  const spec = quota.spec ?? {};
  const errors = [...validateAmounts('spec.hard', spec.hard), ...validateScopes(spec), ...validateScopeSelector(spec)];
  const [now, before] = [new Set(spec.scopes), new Set(old?.spec?.scopes)];
  if (old && (now.size !== before.size || [...now].some((scope) => !before.has(scope))))
    errors.push(invalidValue('spec.scopes', spec.scopes ?? null, 'field is immutable'));
  return errors;
}
