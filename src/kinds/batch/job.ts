import { defineKind, humanDuration, type FieldError, type Kind } from '#machinery';
import type { V1Container, V1Job, V1JobSpec, V1PodTemplateSpec } from '../generated/types.ts';
import { nameWarnings, templateColumns } from '../apps/workload.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { templateWarnings } from '../core/pod-warnings.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { invalidValue, required, sameJson, unchanged } from '../support/errors.ts';
import { dnsLabel } from '../support/names.ts';
import { selectorMatches, validateLabelSelector } from '../support/selectors.ts';
import { validateJobStatus } from './job-status-validation.ts';
import { validateJobSpec } from './job-validation.ts';

const uidLabels = ['controller-uid', 'batch.kubernetes.io/controller-uid'];
const nameLabels = ['job-name', 'batch.kubernetes.io/job-name'];

const isTrue = (job: V1Job, type: string): boolean => job.status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;

function statusText(job: V1Job): string {
  if (isTrue(job, 'Complete')) return 'Complete';
  if (isTrue(job, 'Failed')) return 'Failed';
  if (job.metadata?.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find((type) => isTrue(job, type)) ?? 'Running';
}

function completionsText({ spec, status }: V1Job): string {
  const done = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${done}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function durationText({ status }: V1Job, now: number): string {
  if (!status?.startTime) return '';
  return humanDuration((status.completionTime ? Date.parse(status.completionTime) : now) - Date.parse(status.startTime));
}

function defaultSpec(spec: V1JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2147483647;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  defaultPodTemplate(spec.template);
}

/** Labels that no other job has, for the template and the selector. What the user set wrongly is left to validation. */
function generateSelector(job: V1Job, spec: V1JobSpec): V1JobSpec {
  const { name = '', uid = '' } = job.metadata ?? {};
  const given = spec.template.metadata?.labels;
  const labels = { ...given };
  for (const label of nameLabels) labels[label] ??= name;
  for (const label of uidLabels) labels[label] ??= uid;
  // A job without labels has those of its template, also the generated ones.
  if (given && sameJson(job.metadata?.labels, given)) job.metadata!.labels = { ...labels };
  const matchLabels = { 'batch.kubernetes.io/controller-uid': uid, ...spec.selector?.matchLabels };
  return { ...spec, template: { ...spec.template, metadata: { ...spec.template.metadata, labels } }, selector: { ...spec.selector, matchLabels } };
}

function validateGenerated(job: V1Job, spec: V1JobSpec): FieldError[] {
  if (spec.manualSelector || !spec.selector) return [];
  const { name = '', uid = '' } = job.metadata ?? {};
  const labels = spec.template?.metadata?.labels ?? {};
  const errors: FieldError[] = [];
  const expected: { [label: string]: string } = {};
  for (const [label, value] of [...uidLabels.map((l) => [l, uid] as const), ...nameLabels.map((l) => [l, name] as const)]) {
    expected[label] = value;
    // ValidateHasLabel: the finding is about the labels, with the value that is there.
    if (labels[label] === undefined) errors.push(required('spec.template.metadata.labels', `must be '${value}'`));
    else if (labels[label] !== value) errors.push(invalidValue('spec.template.metadata.labels', labels, `must be '${value}'`));
  }
  if (!selectorMatches(spec.selector, expected)) errors.push(invalidValue('spec.selector', spec.selector, '`selector` not auto-generated'));
  return errors;
}

function validateSelector({ selector, template }: V1JobSpec): FieldError[] {
  if (!selector) return [required('spec.selector')];
  const labels = template?.metadata?.labels ?? {};
  const matches = selectorMatches(selector, labels);
  return [
    ...validateLabelSelector('spec.selector', selector),
    ...(matches ? [] : [invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]),
  ];
}

/** Pods of an Indexed Job get their index as suffix of their hostname. */
function validateHostname(job: V1Job, { completionMode, completions = 0 }: V1JobSpec): FieldError[] {
  const name = job.metadata?.name ?? '';
  const longest = `${name}-${completions - 1}`;
  if (completionMode !== 'Indexed' || completions <= 0 || dnsLabel(longest).length === 0) return [];
  return [invalidValue('metadata.name', name, `will not able to create pod with invalid DNS label: ${longest}`)];
}

/** What containers ask for may be changed too (KEP-5440); who they are may not. */
function withResources(containers: V1Container[] | undefined, from: V1Container[] | undefined): V1Container[] | undefined {
  return containers?.map((container, i) => (from?.[i]?.name === container.name ? { ...container, resources: from[i]!.resources ?? {} } : container));
}

/** Where the pods go may be changed until the first of them was made: what queueing systems do with suspended jobs. */
function withScheduling(template: V1PodTemplateSpec, from: V1PodTemplateSpec | undefined): V1PodTemplateSpec {
  const { nodeSelector, tolerations, schedulingGates, affinity } = from?.spec ?? { containers: [] };
  const own = { ...template.spec?.affinity, nodeAffinity: affinity?.nodeAffinity };
  const wanted = Object.values(own).some((value) => value !== undefined) || affinity ? own : undefined;
  const containers = withResources(template.spec?.containers, from?.spec?.containers);
  const initContainers = withResources(template.spec?.initContainers, from?.spec?.initContainers);
  return {
    ...template,
    metadata: { ...template.metadata, labels: from?.metadata?.labels, annotations: from?.metadata?.annotations } as NonNullable<V1PodTemplateSpec['metadata']>,
    spec: { ...template.spec, containers, initContainers, nodeSelector, tolerations, schedulingGates, affinity: wanted } as NonNullable<
      V1PodTemplateSpec['spec']
    >,
  };
}

function validateUpdate(spec: V1JobSpec, old: V1JobSpec, job: V1Job): FieldError[] {
  const elastic = spec.completionMode === 'Indexed' && spec.completions !== undefined;
  const errors: FieldError[] = [];
  if (!elastic) errors.push(...unchanged('spec.completions', spec.completions, old.completions));
  else if (spec.completions !== old.completions && spec.completions !== spec.parallelism)
    errors.push(invalidValue('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism'));
  const open = old.suspend === true && (job.status?.startTime === undefined || isTrue(job, 'Suspended'));
  errors.push(
    ...unchanged('spec.selector', spec.selector, old.selector),
    ...unchanged('spec.template', spec.template, open ? withScheduling(old.template, spec.template) : old.template),
  );
  for (const name of ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const)
    errors.push(...unchanged(`spec.${name}`, spec[name], old[name]));
  return errors;
}

export const Job: Kind<V1Job> = defineKind<V1Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  namespaced: true,
  schema: 'V1Job',
  status: true,
  // Kept for old clients, with a warning.
  defaultPropagation: 'orphan',
  defaultPropagationWarning:
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  columns: [
    nameColumn,
    column('Status', 'string', 'Status of the job.', statusText),
    column('Completions', 'string', 'The number of pods which reached phase Succeeded.', completionsText),
    column('Duration', 'string', 'Time required to complete the job.', durationText),
    ageColumn,
    ...templateColumns<V1Job & { spec?: { selector: NonNullable<V1JobSpec['selector']> } }>(),
  ],
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  defaults(job) {
    if (!job.spec) return;
    defaultSpec(job.spec);
    const labels = job.spec.template?.metadata?.labels;
    if (labels && Object.keys(job.metadata?.labels ?? {}).length === 0) (job.metadata ??= {}).labels = { ...labels };
  },
  prepareCreate(job) {
    if (job.spec?.template && !job.spec.manualSelector) job.spec = generateSelector(job, job.spec);
    job.status = {};
  },
  validate(job, old) {
    const { spec } = job;
    if (!spec) return [required('spec.template')];
    const errors = [...validateJobSpec(spec, 'spec'), ...validateSelector(spec)];
    if (old?.spec) return [...errors, ...validateUpdate(spec, old.spec, old)];
    return [...validateGenerated(job, spec), ...errors, ...validateHostname(job, spec)];
  },
  validateStatus: validateJobStatus,
  warnings(job, old) {
    if (old && job.metadata?.generation === old.metadata?.generation) return [];
    const { completionMode, completions = 0, parallelism = 0 } = job.spec ?? {};
    const many = completionMode === 'Indexed' && completions > 100_000 && parallelism > 10_000;
    return [
      ...(old ? [] : nameWarnings(job)),
      ...templateWarnings(job.spec?.template, 'spec.template', old?.spec?.template),
      ...(many
        ? [
            'In Indexed Jobs with a number of completions higher than 100000 and a parallelism higher than 10000, Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
          ]
        : []),
    ];
  },
});
