import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1ValidatingAdmissionPolicyBinding } from '../generated/types.ts';
import { duplicate, invalidValue, required, unsupported } from '../support/errors.ts';
import { policyBindingColumns, validatePolicyBinding } from './policies.ts';
import { admissionGroup, defaultMatch } from './rules.ts';

const actions = ['Audit', 'Deny', 'Warn'];

function validateActions(given: string[] | undefined): FieldError[] {
  const field = 'spec.validationActions';
  if (!given?.length) return [required(field, 'at least one validation action is required')];
  const errors = given.flatMap((action, i) => {
    if (!actions.includes(action)) return [unsupported(`${field}[${i}]`, action, actions)];
    return given.indexOf(action) < i ? [duplicate(`${field}[${i}]`, action)] : [];
  });
  if (given.includes('Deny') && given.includes('Warn'))
    errors.push(
      invalidValue(
        field,
        given,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return errors;
}

export const ValidatingAdmissionPolicyBinding: Kind<V1ValidatingAdmissionPolicyBinding> = defineKind<V1ValidatingAdmissionPolicyBinding>({
  group: admissionGroup,
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1ValidatingAdmissionPolicyBinding',
  unconditionalUpdate: false,
  generation: true,
  columns: policyBindingColumns,
  defaults: (binding) => defaultMatch(binding.spec?.matchResources),
  validate: ({ spec }) => [...validatePolicyBinding(spec ?? {}), ...validateActions(spec?.validationActions)],
});
