/** What a job's pods add up to, before anything is done about it. Pure. */
import { countIndexes, type V1Job, type V1Pod } from '#kinds';
import { isPodActive, isPodReady, isPodTerminal, isTerminating } from '../pods.ts';
import { addIndexes, hasIndex, readIndexes, type IndexSet } from './indexes.ts';
import { failuresBefore, finishedAt, hasLimitPerIndex, indexOf, isIndexed, isPodFailed, isTracked, uidOf } from './pods.ts';
import { judgeFailure } from './policy.ts';

export interface IndexFacts {
  /** What the status already holds. */
  before: IndexSet;
  succeeded: IndexSet;
  /** Only for jobs with a limit per index. */
  failed: IndexSet | undefined;
  /** Failed pods that are kept, by index, until their successor carries on their count of failures. */
  kept: ReadonlyMap<number, V1Pod>;
}
export interface JobFacts {
  active: V1Pod[];
  ready: number;
  terminating: number;
  /** Ended pods that no status knows of yet. */
  newSucceeded: V1Pod[];
  newFailed: V1Pod[];
  succeeded: number;
  failed: number;
  indexes: IndexFacts | undefined;
}

export function observe(job: V1Job, pods: readonly V1Pod[]): JobFacts {
  const { succeeded = 0, failed = 0, uncountedTerminatedPods: uncounted } = job.status ?? {};
  const active = pods.filter(isPodActive);
  const isNew = newlyEnded(job);
  const newSucceeded = pods.filter((pod) => pod.status?.phase === 'Succeeded' && isNew(pod, uncounted?.succeeded));
  const newFailed = pods.filter((pod) => isPodFailed(job, pod) && isNew(pod, uncounted?.failed));
  const indexes = isIndexed(job) ? observeIndexes(job, pods, active) : undefined;
  return {
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter((pod) => isTerminating(pod) && !isPodTerminal(pod)).length,
    newSucceeded,
    newFailed,
    succeeded: indexes ? countIndexes(indexes.succeeded) : succeeded + newSucceeded.length + (uncounted?.succeeded?.length ?? 0),
    failed: failed + newFailed.filter((pod) => judgeFailure(job, pod).counts).length + (uncounted?.failed?.length ?? 0),
    indexes,
  };
}

/** Pods without the finalizer are counted already, or in the list of the uncounted. */
function newlyEnded(job: V1Job): (pod: V1Pod, known: readonly string[] | undefined) => boolean {
  return (pod, known) => isTracked(pod) && known?.includes(uidOf(pod)) !== true && (!isIndexed(job) || indexOf(job, pod) !== undefined);
}

function observeIndexes(job: V1Job, pods: readonly V1Pod[], active: readonly V1Pod[]): IndexFacts {
  const completions = job.spec?.completions ?? 0;
  const before = readIndexes(job.status?.completedIndexes, completions);
  const indexesOf = (some: readonly V1Pod[]): Set<number> => new Set(some.map((pod) => indexOf(job, pod)).filter((i) => i !== undefined));
  const succeeded = addIndexes(before, indexesOf(pods.filter((pod) => isTracked(pod) && pod.status?.phase === 'Succeeded')));
  if (!hasLimitPerIndex(job)) return { before, succeeded, failed: undefined, kept: new Map() };
  const broken = pods.filter((pod) => isTracked(pod) && isPodFailed(job, pod) && breaksIndex(job, pod));
  // An index that succeeded in spite of it stays succeeded: no index is in both sets.
  const failed = addIndexes(
    readIndexes(job.status?.failedIndexes, completions),
    [...indexesOf(broken)].filter((i) => !hasIndex(succeeded, i)),
  );
  return { before, succeeded, failed, kept: keptPods(job, pods, indexesOf(active), [succeeded, failed]) };
}
function breaksIndex(job: V1Job, pod: V1Pod): boolean {
  const { action, counts } = judgeFailure(job, pod);
  return action === 'FailIndex' || (counts && failuresBefore(pod).counted >= (job.spec?.backoffLimitPerIndex ?? 0));
}
function keptPods(job: V1Job, pods: readonly V1Pod[], active: ReadonlySet<number>, settled: readonly IndexSet[]): Map<number, V1Pod> {
  const kept = new Map<number, V1Pod>();
  for (const pod of pods) {
    const index = indexOf(job, pod);
    if (index === undefined || !isTracked(pod) || !isPodFailed(job, pod)) continue;
    if (active.has(index) || settled.some((set) => hasIndex(set, index))) continue;
    const other = kept.get(index);
    if (!other || isLater(pod, other)) kept.set(index, pod);
  }
  return kept;
}
function isLater(pod: V1Pod, other: V1Pod): boolean {
  const total = (p: V1Pod): number => failuresBefore(p).counted + failuresBefore(p).ignored;
  return total(pod) >= total(other) && finishedAt(pod) >= finishedAt(other);
}
