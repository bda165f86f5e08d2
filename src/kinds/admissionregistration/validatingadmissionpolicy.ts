import { isDeepStrictEqual } from 'node:util';
import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1AuditAnnotation, V1ValidatingAdmissionPolicy, V1Validation } from '../generated/types.ts';
import { column } from '../support/columns.ts';
import { duplicate, invalidValue, required, unsupported } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';
import { validateExpression } from './expressions.ts';
import { defaultPolicy, policyColumns, policyScope, validatePolicy } from './policies.ts';
import { admissionGroup } from './rules.ts';

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];

function validateValidation(at: string, validation: V1Validation): FieldError[] {
  const { expression, message, messageExpression, reason } = validation;
  const errors: FieldError[] = [];
  if (!expression?.trim()) errors.push(required(`${at}.expression`, 'expression is not specified'));
  if (message !== undefined && !message.trim()) errors.push(invalidValue(`${at}.message`, message, 'message must be non-empty if specified'));
  else if (message?.trim().includes('\n')) errors.push(invalidValue(`${at}.message`, message, 'message must not contain line breaks'));
  else if (expression?.includes('\n') && !message && !messageExpression)
    errors.push(required(`${at}.message`, 'message must be specified if expression contains line breaks'));
  if (messageExpression !== undefined && !messageExpression.trim())
    errors.push(invalidValue(`${at}.messageExpression`, messageExpression, 'must be non-empty if specified'));
  if (reason !== undefined && !reasons.includes(reason)) errors.push(unsupported(`${at}.reason`, reason, reasons));
  return errors;
}

function validateAnnotations(annotations: V1AuditAnnotation[], name: string): FieldError[] {
  const seen = new Set<string>();
  return annotations.flatMap((annotation, i) => {
    const at = `spec.auditAnnotations[${i}]`;
    const errors = annotation.key ? checked(`${at}.key`, `${name}/${annotation.key}`, qualifiedName) : [required(`${at}.key`)];
    if (!annotation.valueExpression?.trim()) errors.push(required(`${at}.valueExpression`, 'valueExpression is not specified'));
    if (seen.has(annotation.key)) errors.push(duplicate(`${at}.key`, annotation.key));
    seen.add(annotation.key);
    return errors;
  });
}

function validateExpressions(spec: NonNullable<V1ValidatingAdmissionPolicy['spec']>): FieldError[] {
  const errors: FieldError[] = [];
  const scope = policyScope(spec, false, errors);
  spec.validations?.forEach(({ expression, messageExpression }, i) => {
    errors.push(...validateExpression(`spec.validations[${i}].expression`, expression, scope, ['bool']));
    errors.push(...validateExpression(`spec.validations[${i}].messageExpression`, messageExpression, { ...scope, authorizer: false }, ['string']));
  });
  spec.auditAnnotations?.forEach(({ valueExpression }, i) =>
    errors.push(...validateExpression(`spec.auditAnnotations[${i}].valueExpression`, valueExpression, scope, ['string', 'null'])),
  );
  return errors;
}

function validate(policy: V1ValidatingAdmissionPolicy, old: V1ValidatingAdmissionPolicy | undefined): FieldError[] {
  const spec = policy.spec ?? {};
  const { validations = [], auditAnnotations = [] } = spec;
  const errors = validatePolicy(spec);
  if (validations.length === 0 && auditAnnotations.length === 0) errors.push(required('spec.validations', 'validations or auditAnnotations must be present'));
  if (auditAnnotations.length > 20) errors.push(invalidValue('spec.auditAnnotations', auditAnnotations, 'must not have more than 20 auditAnnotations'));
  validations.forEach((validation, i) => errors.push(...validateValidation(`spec.validations[${i}]`, validation)));
  errors.push(...validateAnnotations(auditAnnotations, policy.metadata?.name ?? ''));
  // What was stored stays valid, whatever a later compiler thinks of it.
  return isDeepStrictEqual(spec, old?.spec) ? errors : [...errors, ...validateExpressions(spec)];
}

export const ValidatingAdmissionPolicy: Kind<V1ValidatingAdmissionPolicy> = defineKind<V1ValidatingAdmissionPolicy>({
  group: admissionGroup,
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1ValidatingAdmissionPolicy',
  unconditionalUpdate: false,
  status: true,
  columns: policyColumns<V1ValidatingAdmissionPolicy>(
    column(
      'Validations',
      'integer',
      'Validations indicates the number of validation rules defined in this configuration',
      ({ spec }) => spec?.validations?.length ?? 0,
    ),
  ),
  defaults: (policy) => defaultPolicy((policy.spec ??= {})),
  prepareCreate(policy) {
    policy.status = {};
  },
  validate,
});
