/**
 * How ended pods come into the status exactly once. A pod carries a finalizer until it is counted: first its
 * uid is written to `uncountedTerminatedPods` (or its index to `completedIndexes`), then the finalizer goes,
 * then the uid becomes part of the counter. Whatever is cut off between two of these writes is taken up by
 * the next look at the same objects. (KEP-2307.) Pure.
 */
import { formatTime } from '#base';
import { countIndexes, type V1Job, type V1JobStatus, type V1Pod } from '#kinds';
import { addIndexes, formatIndexes, hasIndex } from './indexes.ts';
import { interimOf, withCondition, type Verdict } from './judge.ts';
import type { JobFacts } from './observe.ts';
import { indexOf, isIndexed, isPodFailed, isTracked, uidOf } from './pods.ts';
import { judgeFailure } from './policy.ts';

/** Uids that a status holds at most: about 20 KB. */
const mostUncounted = 500;

export interface Tracking {
  status: V1JobStatus;
  /** Pods that may lose their finalizer once the status is written. */
  release: V1Pod[];
  /** Not all pods fitted into the status: the rest comes the next time. */
  partial: boolean;
}

export function track(job: V1Job, status: V1JobStatus, pods: readonly V1Pod[], facts: JobFacts, verdict: Verdict | undefined): Tracking {
  const tracked = pods.filter(isTracked);
  const next = settle(status, new Set(tracked.map(uidOf)));
  const { succeeded = [], failed = [] } = next.uncountedTerminatedPods ?? {};
  const counted = { succeeded: [...succeeded], failed: [...failed], indexes: [] as number[] };
  const release: V1Pod[] = [];
  let partial = false;
  for (const pod of tracked) {
    if (!mayRelease(job, pod, facts, verdict)) continue;
    if (counted.succeeded.length + counted.failed.length + counted.indexes.length >= mostUncounted) {
      partial = true;
      break;
    }
    release.push(pod);
    count(job, pod, facts, verdict, counted);
  }
  next.uncountedTerminatedPods = uncounted(counted.succeeded, counted.failed);
  if (facts.indexes) writeIndexes(next, facts.indexes, counted.indexes);
  return { status: next, release, partial };
}

/** Pods of a job that is over are let go, whatever they do; of a running one, those that have ended. */
function mayRelease(job: V1Job, pod: V1Pod, { indexes }: JobFacts, verdict: Verdict | undefined): boolean {
  if (job.metadata?.deletionTimestamp || verdict || pod.status?.phase === 'Succeeded') return true;
  if (!isPodFailed(job, pod)) return false;
  const index = indexOf(job, pod);
  return index === undefined || indexes?.kept.get(index) !== pod;
}

function count(
  job: V1Job,
  pod: V1Pod,
  { indexes }: JobFacts,
  verdict: Verdict | undefined,
  counted: { succeeded: string[]; failed: string[]; indexes: number[] },
): void {
  const uid = uidOf(pod);
  const index = indexOf(job, pod);
  if (counted.failed.includes(uid) || (isIndexed(job) && index === undefined)) return;
  if (pod.status?.phase === 'Succeeded') {
    if (index === undefined || !indexes) {
      if (!counted.succeeded.includes(uid)) counted.succeeded.push(uid);
    } else if (!hasIndex(indexes.before, index) && !counted.indexes.includes(index)) counted.indexes.push(index);
    return;
  }
  // What a failed job cuts off counts as failed; what a successful one no longer needs does not.
  const isFailed = isPodFailed(job, pod) || verdict?.outcome === 'Failed';
  if (isFailed && judgeFailure(job, pod).counts) counted.failed.push(uid);
}

function writeIndexes(status: V1JobStatus, { before, failed }: NonNullable<JobFacts['indexes']>, added: readonly number[]): void {
  const completed = addIndexes(before, added);
  setCount(status, 'succeeded', countIndexes(completed));
  if (completed.length > 0) status.completedIndexes = formatIndexes(completed);
  else delete status.completedIndexes;
  if (failed) status.failedIndexes = formatIndexes(failed);
}

/** Uids whose pods have no finalizer any more become part of the counters. */
export function settle(status: V1JobStatus, tracked: ReadonlySet<string>): V1JobStatus {
  const next = { ...status };
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const left = (uids: readonly string[]): string[] => uids.filter((uid) => tracked.has(uid));
  setCount(next, 'succeeded', (status.succeeded ?? 0) + succeeded.length - left(succeeded).length);
  setCount(next, 'failed', (status.failed ?? 0) + failed.length - left(failed).length);
  next.uncountedTerminatedPods = uncounted(left(succeeded), left(failed));
  return next;
}
const uncounted = (succeeded: string[], failed: string[]): NonNullable<V1JobStatus['uncountedTerminatedPods']> => ({
  ...(succeeded.length > 0 ? { succeeded } : {}),
  ...(failed.length > 0 ? { failed } : {}),
});
/** As Kubernetes writes them: these counts are not told when they are zero. */
export function setCount(status: V1JobStatus, name: 'active' | 'succeeded' | 'failed', value: number): void {
  if (value > 0) status[name] = value;
  else delete status[name];
}

/** With the condition that says why the job ends, before it has ended. */
export function withInterim(status: V1JobStatus, { outcome, reason, message }: Verdict, now: number): V1JobStatus {
  return { ...status, conditions: withCondition(status.conditions, { type: interimOf[outcome], status: 'True', reason, message }, now).conditions };
}

/** The last status of a job, once every pod is counted and none is still ending; undefined until then. */
export function finished(status: V1JobStatus, { outcome, reason, message }: Verdict, now: number): V1JobStatus | undefined {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (succeeded.length + failed.length > 0 || (status.terminating ?? 0) > 0) return undefined;
  const { conditions } = withCondition(status.conditions, { type: outcome, status: 'True', reason, message }, now);
  return { ...status, conditions, ...(outcome === 'Complete' ? { completionTime: formatTime(now) } : {}) };
}
