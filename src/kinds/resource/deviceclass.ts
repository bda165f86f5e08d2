import { defineKind, type Kind } from '#machinery';
import type { V1DeviceClass } from '../generated/types.ts';
import { ageColumn, nameColumn } from '../support/columns.ts';
import { invalidValue } from '../support/errors.ts';
import { isExtendedResource } from '../support/resources.ts';
import { validateOpaque, validateSelectors } from './claims.ts';

export const DeviceClass: Kind<V1DeviceClass> = defineKind<V1DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  namespaced: false,
  schema: 'V1DeviceClass',
  generation: true,
  columns: [nameColumn, ageColumn],
  validate: ({ spec }) => [
    ...validateSelectors('spec.selectors', spec?.selectors),
    ...(spec?.config ?? []).flatMap((config, i) => validateOpaque(`spec.config[${i}].opaque`, config.opaque)),
    ...(spec?.extendedResourceName !== undefined && !isExtendedResource(spec.extendedResourceName)
      ? [invalidValue('spec.extendedResourceName', spec.extendedResourceName, 'must be a valid extended resource name')]
      : []),
  ],
});
