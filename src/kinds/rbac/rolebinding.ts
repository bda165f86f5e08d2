import { defineKind, type Kind } from '#machinery';
import type { V1RoleBinding } from '../generated/types.ts';
import { bindingColumns, defaultBinding, rbacGroup, validateBinding } from './rules.ts';

export const RoleBinding: Kind<V1RoleBinding> = defineKind<V1RoleBinding>({
  group: rbacGroup,
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  schema: 'V1RoleBinding',
  createOnUpdate: true,
  nameRule: 'path-segment',
  columns: bindingColumns,
  defaults: defaultBinding,
  validate: (binding, old) => validateBinding(binding, old, true),
});
