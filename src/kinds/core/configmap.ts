import { defineKind, type Kind } from '#machinery';
import type { V1ConfigMap } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { validateData, validateImmutable } from './data.ts';

export const ConfigMap: Kind<V1ConfigMap> = defineKind<V1ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  schema: 'V1ConfigMap',
  columns: [
    nameColumn,
    column('Data', 'string', 'Data contains the configuration data.', (map) => Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length),
    ageColumn,
  ],
  validate: (map, old) => [...validateData(map, false), ...validateImmutable(map, old)],
});
