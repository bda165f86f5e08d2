import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1VolumeAttributesClass } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, sameJson } from '../support/errors.ts';
import { validateParameters, validateProvisioner } from './parameters.ts';

function validateUpdate(cls: V1VolumeAttributesClass, old: V1VolumeAttributesClass): FieldError[] {
  return (['driverName', 'parameters'] as const).flatMap((field) =>
    sameJson(cls[field], old[field]) ? [] : [forbidden(field, `updates to ${field} are forbidden.`)],
  );
}

export const VolumeAttributesClass: Kind<V1VolumeAttributesClass> = defineKind<V1VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  shortNames: ['vac'],
  namespaced: false,
  schema: 'V1VolumeAttributesClass',
  columns: [nameColumn, column('DriverName', 'string', 'Name of the CSI driver', (cls) => cls.driverName), ageColumn],
  validate: (cls, old) => [
    ...validateProvisioner('driverName', cls.driverName),
    ...validateParameters(cls.parameters, false),
    ...(old ? validateUpdate(cls, old) : []),
  ],
});
