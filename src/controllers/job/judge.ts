/** Whether a job is over, and why. Pure. */
import { formatTime } from '#base';
import { countIndexes, type V1Job, type V1JobCondition, type V1Pod } from '#kinds';
import type { JobFacts } from './observe.ts';
import { isPodFailed } from './pods.ts';
import { judgeFailure, judgeSuccess } from './policy.ts';

export interface Verdict {
  outcome: 'Complete' | 'Failed';
  reason: string;
  message: string;
}
const failed = (reason: string, message: string): Verdict => ({ outcome: 'Failed', reason, message });
/** The condition that says so before the pods are let go; the final one follows when none is left. */
export const interimOf: Record<Verdict['outcome'], string> = { Complete: 'SuccessCriteriaMet', Failed: 'FailureTarget' };
export const completions: Verdict = { outcome: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };

export const conditionOf = (job: V1Job, type: string): V1JobCondition | undefined =>
  job.status?.conditions?.find((c) => c.type === type && c.status === 'True');
export const isFinished = (job: V1Job): boolean => conditionOf(job, 'Complete') !== undefined || conditionOf(job, 'Failed') !== undefined;
export const isSuspended = (job: V1Job): boolean => job.spec?.suspend === true;

/** What ends the job although pods may still run. What was once written down stays. */
export function judge(job: V1Job, pods: readonly V1Pod[], facts: JobFacts, now: number): Verdict | undefined {
  return recorded(job, 'Complete') ?? recorded(job, 'Failed') ?? failure(job, pods, facts, now) ?? indexFailure(job, facts) ?? success(job, facts);
}
function recorded(job: V1Job, outcome: Verdict['outcome']): Verdict | undefined {
  const found = conditionOf(job, interimOf[outcome]);
  return found && { outcome, reason: found.reason ?? '', message: found.message ?? '' };
}
function failure(job: V1Job, pods: readonly V1Pod[], facts: JobFacts, now: number): Verdict | undefined {
  const fatal = job.spec?.podFailurePolicy && pods.find((pod) => isPodFailed(job, pod) && judgeFailure(job, pod).message !== undefined);
  if (fatal) return failed('PodFailurePolicy', judgeFailure(job, fatal).message ?? '');
  if (facts.failed > (job.spec?.backoffLimit ?? 6) || restartsExceeded(job, pods))
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  const left = untilDeadline(job, now);
  return left !== undefined && left <= 0 ? failed('DeadlineExceeded', 'Job was active longer than specified deadline') : undefined;
}
function indexFailure(job: V1Job, { indexes }: JobFacts): Verdict | undefined {
  const { maxFailedIndexes: most, completions: wanted = 0 } = job.spec ?? {};
  if (!indexes?.failed) return undefined;
  const broken = countIndexes(indexes.failed);
  if (most !== undefined && broken > most) return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  return broken > 0 && broken + countIndexes(indexes.succeeded) >= wanted ? failed('FailedIndexes', 'Job has failed indexes') : undefined;
}
function success(job: V1Job, { indexes }: JobFacts): Verdict | undefined {
  const message = indexes && judgeSuccess(job, indexes.succeeded);
  return message === undefined ? undefined : { outcome: 'Complete', reason: 'SuccessPolicy', message };
}

/** With restartPolicy OnFailure pods restart in place: their restarts are what is limited. */
function restartsExceeded(job: V1Job, pods: readonly V1Pod[]): boolean {
  if (job.spec?.template?.spec?.restartPolicy !== 'OnFailure') return false;
  const living = pods.filter((pod) => pod.status?.phase === 'Running' || pod.status?.phase === 'Pending');
  const statuses = living.flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]);
  const restarts = statuses.reduce((sum, s) => sum + (s.restartCount ?? 0), 0);
  const limit = job.spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** How long the job may still run, ms; undefined when nothing limits it now. */
export function untilDeadline(job: V1Job, now: number): number | undefined {
  const limit = job.spec?.activeDeadlineSeconds;
  const start = job.status?.startTime;
  // A job that is about to be resumed will have a new start.
  const rests = isSuspended(job) || conditionOf(job, 'Suspended') !== undefined;
  return limit === undefined || !start || rests ? undefined : Date.parse(start) + limit * 1000 - now;
}

/** The conditions with one of them set; a condition that is not there is not written as False. */
export function withCondition(
  conditions: readonly V1JobCondition[] | undefined,
  next: { type: string; status: 'True' | 'False'; reason: string; message: string },
  now: number,
): { conditions: V1JobCondition[]; changed: boolean } {
  const present = conditions?.find((c) => c.type === next.type);
  const same = present ? present.status === next.status && present.reason === next.reason && present.message === next.message : next.status === 'False';
  if (same) return { conditions: [...(conditions ?? [])], changed: false };
  const time = formatTime(now);
  const lastTransitionTime = present?.status === next.status ? (present.lastTransitionTime ?? time) : time;
  const { type, status, reason, message } = next;
  const written = { type, status, lastProbeTime: time, lastTransitionTime, reason, message };
  const list = present ? (conditions ?? []).map((c) => (c === present ? written : c)) : [...(conditions ?? []), written];
  return { conditions: list, changed: true };
}
