import { defineKind, type Kind } from '#machinery';
import type { V1ClusterRoleBinding } from '../generated/types.ts';
import { bindingColumns, defaultBinding, rbacGroup, validateBinding } from './rules.ts';

export const ClusterRoleBinding: Kind<V1ClusterRoleBinding> = defineKind<V1ClusterRoleBinding>({
  group: rbacGroup,
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  schema: 'V1ClusterRoleBinding',
  createOnUpdate: true,
  nameRule: 'path-segment',
  columns: bindingColumns,
  defaults: defaultBinding,
  validate: (binding, old) => validateBinding(binding, old, false),
});
