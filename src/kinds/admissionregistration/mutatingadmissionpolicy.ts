import { isDeepStrictEqual } from 'node:util';
import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1MutatingAdmissionPolicy, V1Mutation } from '../generated/types.ts';
import { column } from '../support/columns.ts';
import { forbidden, required, unsupported } from '../support/errors.ts';
import { validateExpression } from './expressions.ts';
import { defaultPolicy, policyColumns, policyScope, validatePolicy } from './policies.ts';
import { admissionGroup, validateEnum } from './rules.ts';

const members = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const;

/** A mutation has the member that its patchType names, and no other. */
function validateMutation(at: string, mutation: V1Mutation): FieldError[] {
  const types = Object.keys(members);
  if (!mutation.patchType) return [required(`${at}.patchType`)];
  if (!types.includes(mutation.patchType)) return [unsupported(`${at}.patchType`, mutation.patchType, types)];
  return Object.entries(members).flatMap(([type, member]) => {
    const value = mutation[member];
    if (type !== mutation.patchType) return value ? [forbidden(`${at}.${member}`, `must not be specified when patchType is ${mutation.patchType}`)] : [];
    if (!value) return [required(`${at}.${member}`, `must be specified when patchType is ${type}`)];
    return value.expression?.trim() ? [] : [required(`${at}.${member}.expression`, 'expression is not specified')];
  });
}

function validateExpressions(spec: NonNullable<V1MutatingAdmissionPolicy['spec']>): FieldError[] {
  const errors: FieldError[] = [];
  const scope = policyScope(spec, true, errors);
  spec.mutations?.forEach(({ applyConfiguration, jsonPatch }, i) => {
    errors.push(...validateExpression(`spec.mutations[${i}].applyConfiguration.expression`, applyConfiguration?.expression, scope, ['object']));
    errors.push(...validateExpression(`spec.mutations[${i}].jsonPatch.expression`, jsonPatch?.expression, scope, ['list']));
  });
  return errors;
}

export const MutatingAdmissionPolicy: Kind<V1MutatingAdmissionPolicy> = defineKind<V1MutatingAdmissionPolicy>({
  group: admissionGroup,
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1MutatingAdmissionPolicy',
  unconditionalUpdate: false,
  generation: true,
  columns: policyColumns<V1MutatingAdmissionPolicy>(
    column(
      'Mutations',
      'integer',
      'Mutations indicates the number of mutations rules defined in this configuration',
      ({ spec }) => spec?.mutations?.length ?? 0,
    ),
  ),
  defaults: (policy) => defaultPolicy((policy.spec ??= {})),
  validate({ spec = {} }, old) {
    const mutations = spec.mutations ?? [];
    return [
      ...validatePolicy(spec),
      ...(mutations.length === 0 ? [required('spec.mutations', 'mutations must contain at least one item')] : []),
      ...mutations.flatMap((mutation, i) => validateMutation(`spec.mutations[${i}]`, mutation)),
      ...(spec.reinvocationPolicy
        ? validateEnum('spec.reinvocationPolicy', spec.reinvocationPolicy, ['IfNeeded', 'Never'])
        : [required('spec.reinvocationPolicy')]),
      ...(isDeepStrictEqual(spec, old?.spec) ? [] : validateExpressions(spec)),
    ];
  },
});
