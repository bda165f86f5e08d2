import { defineKind, type Kind } from '#machinery';
import type { V1ResourceClaimTemplate } from '../generated/types.ts';
import { ageColumn, nameColumn } from '../support/columns.ts';
import { unchanged } from '../support/errors.ts';
import { validateLabels } from '../support/names.ts';
import { defaultClaimSpec, validateClaimSpec } from './claims.ts';

export const ResourceClaimTemplate: Kind<V1ResourceClaimTemplate> = defineKind<V1ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  namespaced: true,
  schema: 'V1ResourceClaimTemplate',
  columns: [nameColumn, ageColumn],
  defaults(template) {
    template.spec ??= { spec: {} };
    defaultClaimSpec(template.spec.spec);
  },
  validate: ({ spec }, old) => [
    ...validateLabels('spec.metadata.labels', spec?.metadata?.labels),
    ...validateClaimSpec('spec.spec', spec?.spec),
    ...(old ? unchanged('spec', spec, old.spec) : []),
  ],
});
