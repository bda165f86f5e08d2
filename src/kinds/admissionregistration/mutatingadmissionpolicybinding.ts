import { defineKind, type Kind } from '#machinery';
import type { V1MutatingAdmissionPolicyBinding } from '../generated/types.ts';
import { policyBindingColumns, validatePolicyBinding } from './policies.ts';
import { admissionGroup, defaultMatch } from './rules.ts';

export const MutatingAdmissionPolicyBinding: Kind<V1MutatingAdmissionPolicyBinding> = defineKind<V1MutatingAdmissionPolicyBinding>({
  group: admissionGroup,
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  plural: 'mutatingadmissionpolicybindings',
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1MutatingAdmissionPolicyBinding',
  unconditionalUpdate: false,
  generation: true,
  columns: policyBindingColumns,
  defaults: (binding) => defaultMatch(binding.spec?.matchResources),
  validate: ({ spec }) => validatePolicyBinding(spec ?? {}),
});
