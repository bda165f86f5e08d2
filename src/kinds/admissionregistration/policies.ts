/** What ValidatingAdmissionPolicies, MutatingAdmissionPolicies and their bindings have in common. */
import { pathSegmentProblems, type AdmissionScope, type Column, type FieldError, type KubeObject } from '#machinery';
import type { V1MatchCondition, V1MatchResources, V1ParamKind, V1ParamRef, V1Variable } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, forbidden, invalidValue, required } from '../support/errors.ts';
import { checked, dnsLabel1035, dnsSubdomain } from '../support/names.ts';
import { formatSelector, validateLabelSelector } from '../support/selectors.ts';
import { validateConditionExpressions, validateVariableExpressions } from './expressions.ts';
import { defaultMatch, validateEnum, validateMatch, validateMatchConditions } from './rules.ts';

export interface PolicySpec {
  failurePolicy?: string;
  matchConditions?: V1MatchCondition[];
  matchConstraints?: V1MatchResources;
  paramKind?: V1ParamKind;
  variables?: V1Variable[];
}
export interface BindingSpec {
  matchResources?: V1MatchResources;
  paramRef?: V1ParamRef;
  policyName?: string;
}

export function defaultPolicy(spec: PolicySpec): void {
  spec.failurePolicy ??= 'Fail';
  defaultMatch(spec.matchConstraints);
}

function validateParamKind(at: string, kind: V1ParamKind): FieldError[] {
  const errors: FieldError[] = [];
  if (!kind.apiVersion) errors.push(required(`${at}.apiVersion`));
  else {
    const parts = kind.apiVersion.split('/');
    const [group, version] = parts.length === 1 ? ['', parts[0]!] : [parts[0]!, parts[1]!];
    if (parts.length > 2) errors.push(invalidValue(`${at}.apiVersion`, kind.apiVersion, `unexpected GroupVersion string: ${kind.apiVersion}`));
    else if (group) errors.push(...checked(`${at}.apiVersion`, group, dnsSubdomain));
    if (parts.length <= 2) errors.push(...checked(`${at}.apiVersion`, version, dnsLabel1035));
  }
  if (!kind.kind) errors.push(required(`${at}.kind`));
  else
    for (const text of dnsLabel1035(kind.kind.toLowerCase()))
      errors.push(invalidValue(`${at}.kind`, kind.kind, `may have mixed case, but should otherwise match: ${text}`));
  return errors;
}

const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
function validateVariables(field: string, variables: V1Variable[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (variables ?? []).flatMap((variable, i) => {
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    if (!variable.name?.trim()) errors.push(required(`${at}.name`, 'name is not specified'));
    else if (!identifier.test(variable.name)) errors.push(invalidValue(`${at}.name`, variable.name, 'name is not a valid CEL identifier'));
    if (!variable.expression?.trim()) errors.push(required(`${at}.expression`, 'expression is not specified'));
    if (seen.has(variable.name)) errors.push(duplicate(`${at}.name`, variable.name));
    seen.add(variable.name);
    return errors;
  });
}

/** What a policy's expressions may name; findings on those that all policies have are added to `errors`. */
export function policyScope(spec: PolicySpec, mutates: boolean, errors: FieldError[]): AdmissionScope {
  const base: AdmissionScope = { params: spec.paramKind !== undefined, mutates };
  const { errors: found, scope } = validateVariableExpressions(spec.variables, base);
  errors.push(...validateConditionExpressions('spec.matchConditions', spec.matchConditions, base), ...found);
  return scope;
}

export function validatePolicy(spec: PolicySpec): FieldError[] {
  const errors = validateEnum('spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore']);
  if (spec.paramKind) errors.push(...validateParamKind('spec.paramKind', spec.paramKind));
  const constraints = spec.matchConstraints;
  if (!constraints) errors.push(required('spec.matchConstraints'));
  else {
    errors.push(...validateMatch('spec.matchConstraints', constraints));
    if (!constraints.resourceRules?.length) errors.push(required('spec.matchConstraints.resourceRules'));
  }
  return [...errors, ...validateMatchConditions('spec.matchConditions', spec.matchConditions), ...validateVariables('spec.variables', spec.variables)];
}

function validateParamRef(at: string, ref: V1ParamRef): FieldError[] {
  const errors = ref.name ? checked(`${at}.name`, ref.name, pathSegmentProblems) : [];
  if (ref.name && ref.selector) errors.push(forbidden(`${at}.name`, 'name and selector are mutually exclusive'));
  if (!ref.name && !ref.selector) errors.push(required(at, 'one of name or selector must be specified'));
  errors.push(...validateLabelSelector(`${at}.selector`, ref.selector));
  if (ref.parameterNotFoundAction === undefined) errors.push(required(`${at}.parameterNotFoundAction`));
  else errors.push(...validateEnum(`${at}.parameterNotFoundAction`, ref.parameterNotFoundAction, ['Allow', 'Deny']));
  return errors;
}

export function validatePolicyBinding(spec: BindingSpec): FieldError[] {
  const errors = spec.policyName ? checked('spec.policyName', spec.policyName, dnsSubdomain) : [required('spec.policyName')];
  if (spec.paramRef) errors.push(...validateParamRef('spec.paramRef', spec.paramRef));
  if (spec.matchResources) errors.push(...validateMatch('spec.matchResources', spec.matchResources));
  return errors;
}

function paramRefText(ref: V1ParamRef | undefined): string {
  if (ref?.name) return ref.namespace ? `${ref.namespace}/${ref.name}` : ref.name;
  return ref?.selector ? formatSelector(ref.selector) : '<unset>';
}

/** `count` is the column of what a policy consists of. */
export const policyColumns = <T extends KubeObject & { spec?: PolicySpec }>(count: Column<T>): readonly Column<T>[] => [
  nameColumn,
  count,
  column('ParamKind', 'string', 'ParamKind specifies the kind of resources used to parameterize this policy.', ({ spec }) =>
    spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : '<unset>',
  ),
  ageColumn,
];
export const policyBindingColumns: readonly Column<KubeObject & { spec?: BindingSpec }>[] = [
  nameColumn,
  column('PolicyName', 'string', 'policyName references the policy which the binding binds to.', ({ spec }) => spec?.policyName),
  column('ParamRef', 'string', 'paramRef specifies the parameter resource used to configure the admission control policy.', ({ spec }) =>
    paramRefText(spec?.paramRef),
  ),
  ageColumn,
];
