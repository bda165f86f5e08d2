import { defineKind, type Kind } from '#machinery';
import type { V1PodTemplate } from '../generated/types.ts';
import { containerColumns } from '../apps/workload.ts';
import { column, nameColumn } from '../support/columns.ts';
import { formatLabels } from '../support/selectors.ts';
import { defaultPodTemplate } from './pod-spec-defaults.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { templateWarnings } from './pod-warnings.ts';

export const PodTemplate: Kind<V1PodTemplate> = defineKind<V1PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  namespaced: true,
  schema: 'V1PodTemplate',
  generation: true,
  columns: [
    nameColumn,
    ...containerColumns<V1PodTemplate>((template) => template.template).map((shown) => ({ ...shown, priority: 0 })),
    column('Pod Labels', 'string', 'The labels for the pod template', ({ template }) => formatLabels(template?.metadata?.labels)),
  ],
  defaults({ template }) {
    defaultPodTemplate(template);
  },
  validate: ({ template }) => validatePodTemplate(template, 'template'),
  warnings: ({ template }, old) => templateWarnings(template, 'template', old?.template),
});
