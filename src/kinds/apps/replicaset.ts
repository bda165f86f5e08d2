import { defineKind, type Kind } from '#machinery';
import type { V1ReplicaSet } from '../generated/types.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { nonNegative, unchanged } from '../support/errors.ts';
import { formatSelector } from '../support/selectors.ts';
import { templateColumns, validateAvailable, validateCounters, validateWorkload, workloadWarnings } from './workload.ts';

export const ReplicaSet: Kind<V1ReplicaSet> = defineKind<V1ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1ReplicaSet',
  status: true,
  scale: { specReplicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'], selector: (set) => formatSelector(set.spec?.selector) },
  columns: [
    nameColumn,
    column('Desired', 'integer', 'Replicas is the number of desired pods.', (set) => set.spec?.replicas ?? 1),
    column('Current', 'integer', 'Replicas is the most recently observed number of non-terminating pods.', (set) => set.status?.replicas ?? 0),
    column(
      'Ready',
      'integer',
      'The number of non-terminating pods targeted by this ReplicaSet with a Ready Condition.',
      (set) => set.status?.readyReplicas ?? 0,
    ),
    ageColumn,
    ...templateColumns<V1ReplicaSet>(),
  ],
  selectableFields: { 'status.replicas': (set) => String(set.status?.replicas ?? 0) },
  defaults(set) {
    if (!set.spec) return;
    set.spec.replicas ??= 1;
    defaultPodTemplate(set.spec.template);
  },
  prepareCreate(set) {
    set.status = { replicas: 0 };
  },
  validate: (set, old) => [
    ...validateWorkload(set),
    ...(old ? unchanged('spec.selector', set.spec?.selector, old.spec?.selector) : []),
    ...nonNegative('spec.replicas', set.spec?.replicas),
    ...nonNegative('spec.minReadySeconds', set.spec?.minReadySeconds),
  ],
  validateStatus: ({ status }) => [
    ...validateCounters(status, ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], 'replicas'),
    ...validateCounters(status, ['observedGeneration', 'terminatingReplicas']),
    ...validateAvailable(status),
  ],
  warnings: (set, old) => workloadWarnings(set, old, true),
});
