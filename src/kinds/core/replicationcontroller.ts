import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1ReplicationController } from '../generated/types.ts';
import { containerColumns, nameWarnings, validateAvailable, validateCounters } from '../apps/workload.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, nonNegative, required, unsupportedOf } from '../support/errors.ts';
import { formatLabels } from '../support/selectors.ts';
import { validateLabels } from '../support/names.ts';
import { defaultPodTemplate } from './pod-spec-defaults.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { templateWarnings } from './pod-warnings.ts';

type Labels = { readonly [key: string]: string } | undefined;
const selects = (selector: Labels, labels: Labels): boolean => Object.entries(selector ?? {}).every(([key, value]) => labels?.[key] === value);
const isEmpty = (labels: Labels): boolean => Object.keys(labels ?? {}).length === 0;

function validateTemplate({ spec }: V1ReplicationController): FieldError[] {
  const template = spec?.template;
  if (!template) return [required('spec.template')];
  const errors: FieldError[] = [];
  const labels = template.metadata?.labels ?? {};
  if (!isEmpty(spec.selector) && !selects(spec.selector, labels))
    errors.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  errors.push(...validatePodTemplate(template, 'spec.template'));
  const policy = template.spec?.restartPolicy;
  if (policy && policy !== 'Always') errors.push(unsupportedOf('spec.template.spec.restartPolicy', policy, ['Always']));
  if (template.spec?.activeDeadlineSeconds !== undefined)
    errors.push(forbidden('spec.template.spec.activeDeadlineSeconds', 'activeDeadlineSeconds in ReplicationController is not Supported'));
  return errors;
}

export const ReplicationController: Kind<V1ReplicationController> = defineKind<V1ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1ReplicationController',
  status: true,
  // Kept for old clients: what a ReplicationController leaves behind is not deleted unless asked for.
  defaultPropagation: 'orphan',
  scale: {
    specReplicas: ['spec', 'replicas'],
    statusReplicas: ['status', 'replicas'],
    selector: ({ spec }) => (isEmpty(spec?.selector) ? '' : formatLabels(spec?.selector)),
  },
  columns: [
    nameColumn,
    column('Desired', 'integer', 'Replicas is the number of desired replicas.', ({ spec }) => spec?.replicas ?? 0),
    column('Current', 'integer', 'Replicas is the most recently observed number of replicas.', ({ status }) => status?.replicas ?? 0),
    column('Ready', 'integer', 'The number of ready replicas for this replication controller.', ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
    ...containerColumns<V1ReplicationController>((controller) => controller.spec?.template),
    column('Selector', 'string', 'Selector is a label query over pods that should match the Replicas count.', ({ spec }) => formatLabels(spec?.selector), 1),
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  defaults(controller) {
    const { spec } = controller;
    const labels = spec?.template?.metadata?.labels;
    if (labels && isEmpty(spec.selector)) spec.selector = { ...labels };
    if (labels && isEmpty(controller.metadata?.labels)) (controller.metadata ??= {}).labels = { ...labels };
    if (!spec) return;
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
  },
  prepareCreate(controller) {
    controller.status = { replicas: 0 };
  },
  validate: (controller) => [
    ...nonNegative('spec.minReadySeconds', controller.spec?.minReadySeconds),
    ...(isEmpty(controller.spec?.selector) ? [required('spec.selector')] : validateLabels('spec.selector', controller.spec?.selector)),
    ...nonNegative('spec.replicas', controller.spec?.replicas),
    ...validateTemplate(controller),
  ],
  validateStatus: ({ status }) => [
    ...validateCounters(status, ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], 'replicas'),
    ...validateCounters(status, ['observedGeneration']),
    ...validateAvailable(status),
  ],
  warnings(controller, old) {
    if (old && controller.metadata?.generation === old.metadata?.generation) return [];
    return [...(old ? [] : nameWarnings(controller)), ...templateWarnings(controller.spec?.template, 'spec.template', old?.spec?.template)];
  },
});
