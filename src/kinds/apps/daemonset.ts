import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1DaemonSet, V1DaemonSetSpec } from '../generated/types.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { invalidValue, nonNegative, required, sameJson, unchanged, unsupportedOf } from '../support/errors.ts';
import { atMost100Percent, intOrPercentValue, validateIntOrPercent } from '../support/percent.ts';
import { formatLabels, isEmptySelector, selectorMatches, validateLabelSelector } from '../support/selectors.ts';
import { templateColumns, validateCollisions, validateCounters, validateServiceTemplate, workloadWarnings } from './workload.ts';

/** What was spec.templateGeneration in the versions before apps/v1. */
const generationKey = 'deprecated.daemonset.template.generation';

function validateStrategy({ updateStrategy: strategy }: V1DaemonSetSpec): FieldError[] {
  const at = 'spec.updateStrategy';
  if (strategy?.type === 'OnDelete') return [];
  if (strategy?.type !== 'RollingUpdate') return [unsupportedOf(at, strategy, ['RollingUpdate', 'OnDelete'])];
  const rolling = strategy.rollingUpdate;
  if (!rolling) return [required(`${at}.rollingUpdate`)];
  const errors: FieldError[] = [];
  for (const name of ['maxUnavailable', 'maxSurge'] as const) {
    const field = `${at}.rollingUpdate.${name}`;
    errors.push(...validateIntOrPercent(field, rolling[name]), ...atMost100Percent(field, rolling[name]));
  }
  const [unavailable, surge] = [intOrPercentValue(rolling.maxUnavailable), intOrPercentValue(rolling.maxSurge)];
  if (unavailable !== 0 && surge !== 0)
    errors.push(invalidValue(`${at}.rollingUpdate.maxSurge`, rolling.maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (unavailable === 0 && surge === 0) errors.push(required(`${at}.rollingUpdate.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  return errors;
}

function validateSpec(spec: V1DaemonSetSpec): FieldError[] {
  const { selector, template } = spec;
  const errors = validateLabelSelector('spec.selector', selector);
  const labels = template?.metadata?.labels ?? {};
  if (!selector || !selectorMatches(selector, labels))
    errors.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  if (selector && isEmptySelector(selector)) errors.push(invalidValue('spec.selector', selector, 'empty selector is invalid for daemonset'));
  return [
    ...errors,
    ...validateServiceTemplate(template, 'DaemonSet'),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateStrategy(spec),
    ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
  ];
}

function setTemplateGeneration(set: V1DaemonSet, generation: number): void {
  const metadata = (set.metadata ??= {});
  metadata.annotations = { ...metadata.annotations, [generationKey]: String(generation) };
}
const templateGeneration = (set: V1DaemonSet): number => Number.parseInt(set.metadata?.annotations?.[generationKey] ?? '0', 10) || 0;

const counters = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
];

export const DaemonSet: Kind<V1DaemonSet> = defineKind<V1DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1DaemonSet',
  status: true,
  columns: [
    nameColumn,
    column(
      'Desired',
      'integer',
      'The total number of nodes that should be running the daemon pod (including nodes correctly running the daemon pod). More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/',
      ({ status }) => status?.desiredNumberScheduled ?? 0,
    ),
    column(
      'Current',
      'integer',
      'The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod. More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/',
      ({ status }) => status?.currentNumberScheduled ?? 0,
    ),
    column(
      'Ready',
      'integer',
      'numberReady is the number of nodes that should be running the daemon pod and have one or more of the daemon pod running with a Ready Condition.',
      ({ status }) => status?.numberReady ?? 0,
    ),
    column('Up-to-date', 'integer', 'The total number of nodes that are running updated daemon pod', ({ status }) => status?.updatedNumberScheduled ?? 0),
    column(
      'Available',
      'integer',
      'The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available (ready for at least spec.minReadySeconds)',
      ({ status }) => status?.numberAvailable ?? 0,
    ),
    column('Node Selector', 'string', 'NodeSelector is a selector which must be true for the pod to fit on a node.', ({ spec }) =>
      formatLabels(spec?.template?.spec?.nodeSelector),
    ),
    ageColumn,
    ...templateColumns<V1DaemonSet>(),
  ],
  defaults({ spec }) {
    if (!spec) return;
    const strategy = (spec.updateStrategy ??= {});
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      const rolling = (strategy.rollingUpdate ??= {});
      rolling.maxUnavailable ??= 1;
      rolling.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    defaultPodTemplate(spec.template);
  },
  prepareCreate(set) {
    set.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
    setTemplateGeneration(set, Math.max(1, templateGeneration(set)));
  },
  prepareUpdate(set, old) {
    const before = templateGeneration(old);
    setTemplateGeneration(set, sameJson(set.spec?.template, old.spec?.template) ? before : before + 1);
  },
  validate: ({ spec }, old) => [
    ...(spec ? validateSpec(spec) : [required('spec.selector')]),
    ...(old ? unchanged('spec.selector', spec?.selector, old.spec?.selector) : []),
  ],
  validateStatus: ({ status }, old) => [...validateCounters(status, counters), ...validateCollisions(status, old.status)],
  warnings: (set, old) => workloadWarnings(set, old, false),
});
