/** What a job's status may say and how it may change (pkg/apis/batch/validation of Kubernetes 1.36). */
import type { FieldError } from '#machinery';
import type { V1Job, V1JobStatus } from '../generated/types.ts';
import { duplicate, invalidHere, invalidValue, nonNegative, required, sameJson } from '../support/errors.ts';
import { firstOverlap, parseIndexes, type Interval } from '../support/indexes.ts';

const has = (status: V1JobStatus | undefined, type: string): boolean => status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;

export function validateJobStatus(job: V1Job, old: V1Job): FieldError[] {
  const status = job.status ?? {};
  return [
    ...(['active', 'succeeded', 'failed', 'ready', 'terminating'] as const).flatMap((name) => nonNegative(`status.${name}`, status[name])),
    ...validateUncounted(status),
    ...validateConditions(job, status),
    ...validateTimes(status),
    ...validateFinished(job, status),
    ...validateIndexes(job, status),
    ...validateChange(job, status, old.status ?? {}),
  ];
}

function validateUncounted({ uncountedTerminatedPods: pods }: V1JobStatus): FieldError[] {
  const seen = new Set<string>();
  return (['succeeded', 'failed'] as const).flatMap((list) =>
    (pods?.[list] ?? []).flatMap((uid, i) => {
      const field = `status.uncountedTerminatedPods.${list}[${i}]`;
      if (uid === '') return [invalidValue(field, uid, 'must not be empty')];
      if (seen.has(uid)) return [duplicate(field, uid)];
      seen.add(uid);
      return [];
    }),
  );
}

function validateConditions({ spec }: V1Job, status: V1JobStatus): FieldError[] {
  const [complete, failed] = [has(status, 'Complete'), has(status, 'Failed')];
  const [met, target] = [has(status, 'SuccessCriteriaMet'), has(status, 'FailureTarget')];
  const wrong: [boolean, string][] = [
    [complete && failed, 'cannot set Complete=True and Failed=true conditions'],
    [complete && target, 'cannot set Complete=True and FailureTarget=true conditions'],
    [failed && !target, 'cannot set Failed=True condition without the FailureTarget=true condition'],
    [complete && !met, 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition'],
    [met && failed, 'cannot set SuccessCriteriaMet=True and Failed=true conditions'],
    [met && target, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'],
    [spec?.successPolicy !== undefined && !met && complete, 'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True'],
  ];
  return wrong.filter(([is]) => is).map(([, text]) => invalidHere('status.conditions', text));
}

function validateTimes(status: V1JobStatus): FieldError[] {
  const { startTime: start, completionTime: end } = status;
  const complete = has(status, 'Complete');
  const errors: FieldError[] = [];
  if (end && !complete) errors.push(invalidValue('status.completionTime', end, 'cannot set completionTime when there is no Complete=True condition'));
  if (!end && complete) errors.push(required('status.completionTime', 'completionTime is required for Complete jobs'));
  if (start && end && Date.parse(end) < Date.parse(start))
    errors.push(invalidValue('status.completionTime', end, 'completionTime cannot be set before startTime'));
  return errors;
}

function validateFinished({ spec }: V1Job, status: V1JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  const { active = 0, ready = 0, terminating = 0, uncountedTerminatedPods: pods } = status;
  if (ready > active) errors.push(invalidValue('status.ready', ready, 'cannot set more ready pods than active'));
  if (!has(status, 'Complete') && !has(status, 'Failed')) return errors;
  if (active > 0) errors.push(invalidValue('status.active', active, 'active>0 is invalid for finished job'));
  // A suspended job that asks for nothing is complete before it ever starts.
  if (!status.startTime && !(spec?.suspend && spec.completions === 0)) errors.push(required('status.startTime', 'startTime is required for finished job'));
  if ((pods?.failed?.length ?? 0) + (pods?.succeeded?.length ?? 0) > 0)
    errors.push(invalidValue('status.uncountedTerminatedPods', pods, 'uncountedTerminatedPods needs to be empty for finished job'));
  if (terminating > 0) errors.push(invalidValue('status.terminating', terminating, 'terminating>0 is invalid for finished job'));
  return errors;
}

function parsed(field: 'completedIndexes' | 'failedIndexes', text: string | undefined, completions: number, errors: FieldError[]): Interval[] {
  try {
    return parseIndexes(text ?? '', completions);
  } catch (error) {
    errors.push(invalidValue(`status.${field}`, text, `error parsing ${field}: ${(error as Error).message}`));
    return [];
  }
}
function validateIndexes({ spec }: V1Job, { completedIndexes, failedIndexes }: V1JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  if (completedIndexes && spec?.completionMode !== 'Indexed')
    errors.push(invalidValue('status.completedIndexes', completedIndexes, 'cannot set non-empty completedIndexes when non-indexed completion mode'));
  if (failedIndexes !== undefined && spec?.backoffLimitPerIndex === undefined)
    errors.push(invalidValue('status.failedIndexes', failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'));
  if (spec?.completions === undefined) return errors;
  const completed = parsed('completedIndexes', completedIndexes, spec.completions, errors);
  const failed = spec.backoffLimitPerIndex === undefined ? [] : parsed('failedIndexes', failedIndexes, spec.completions, errors);
  const both = firstOverlap(completed, failed);
  if (both !== undefined) errors.push(invalidValue('status.failedIndexes', failedIndexes, `failedIndexes and completedIndexes overlap at index: ${both}`));
  return errors;
}

function validateChange({ spec }: V1Job, status: V1JobStatus, old: V1JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of ['Failed', 'Complete', 'FailureTarget'])
    if (has(old, type) && !has(status, type)) errors.push(invalidHere('status.conditions', `cannot disable the terminal ${type}=True condition`));
  if (has(old, 'SuccessCriteriaMet') && !has(status, 'SuccessCriteriaMet'))
    errors.push(invalidHere('status.conditions', 'cannot disable the SuccessCriteriaMet=True condition'));
  if (has(old, 'Complete') && !has(old, 'SuccessCriteriaMet') && has(status, 'SuccessCriteriaMet'))
    errors.push(invalidHere('status.conditions', 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'));
  if ((status.failed ?? 0) < (old.failed ?? 0)) errors.push(invalidValue('status.failed', status.failed ?? 0, 'cannot decrease the failed counter'));
  // An elastic Indexed Job forgets what it is scaled below.
  const scaled = spec?.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!scaled && (status.succeeded ?? 0) < (old.succeeded ?? 0))
    errors.push(invalidValue('status.succeeded', status.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  if (status.completionTime && old.completionTime && !sameJson(status.completionTime, old.completionTime))
    errors.push(invalidValue('status.completionTime', status.completionTime, 'completionTime cannot be mutated'));
  // A job that is resumed starts anew.
  const resumes = has(old, 'Suspended') && !has(status, 'Suspended') && status.startTime !== undefined;
  if (old.startTime && status.startTime !== old.startTime && spec?.suspend !== true && !resumes)
    errors.push(required('status.startTime', 'startTime cannot be removed for unsuspended job'));
  return errors;
}
