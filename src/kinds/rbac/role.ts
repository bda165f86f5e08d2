import { defineKind, type Kind } from '#machinery';
import type { V1Role } from '../generated/types.ts';
import { createdAtColumn, nameColumn } from '../support/columns.ts';
import { rbacGroup, validateRules } from './rules.ts';

export const Role: Kind<V1Role> = defineKind<V1Role>({
  group: rbacGroup,
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  schema: 'V1Role',
  createOnUpdate: true,
  nameRule: 'path-segment',
  columns: [nameColumn, createdAtColumn],
  validate: (role) => validateRules(role.rules, true),
});
