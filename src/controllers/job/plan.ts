/** Which pods a running job makes or removes now. Pure. */
import type { V1Job, V1Pod } from '#kinds';
import { deletionOrder } from '../replicaset/rank.ts';
import { isTerminating } from '../pods.ts';
import { backoffLeft, noFailures, type BackoffRecord } from './backoff.ts';
import { addIndexes, firstMissing, joinIndexes } from './indexes.ts';
import { isSuspended } from './judge.ts';
import type { JobFacts } from './observe.ts';
import { failuresBefore, finishedAt, hasLimitPerIndex, indexOf, isIndexed, waitsForFailed } from './pods.ts';

/** Pods made or removed in one go; the rest follows. */
const burst = 500;

export interface JobPlan {
  remove: V1Pod[];
  /** One entry per pod to make: its index, or undefined where pods have none. */
  create: (number | undefined)[];
  /** When to look again, ms; undefined = nothing to wait for. */
  wait: number | undefined;
}
const nothing: JobPlan = { remove: [], create: [], wait: undefined };

export function planPods(job: V1Job, pods: readonly V1Pod[], facts: JobFacts, backoff: BackoffRecord, now: number): JobPlan {
  if (isSuspended(job)) return { ...nothing, remove: removalOrder(job, facts.active, facts.active.length, now) };
  const wanted = wantedActive(job, facts);
  const remove = removalOrder(job, facts.active, Math.max(0, facts.active.length - wanted), now).slice(0, burst);
  // Either pods go or pods come: what goes may free an index.
  if (remove.length > 0) return { ...nothing, remove };
  const missing = Math.min(burst, wanted - facts.active.length - (waitsForFailed(job) ? facts.terminating : 0));
  return missing > 0 ? planCreation(job, pods, facts, backoff, now, missing) : nothing;
}

function wantedActive(job: V1Job, { active, succeeded }: JobFacts): number {
  const { completions, parallelism = 1 } = job.spec ?? {};
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(parallelism, completions - succeeded));
}

function planCreation(job: V1Job, pods: readonly V1Pod[], facts: JobFacts, backoff: BackoffRecord, now: number, missing: number): JobPlan {
  const perIndex = hasLimitPerIndex(job);
  const wait = perIndex ? 0 : backoffLeft(backoff, now);
  if (wait > 0) return { ...nothing, wait };
  if (!isIndexed(job)) return { ...nothing, create: Array.from({ length: missing }, () => undefined) };
  const due = pendingIndexes(job, pods, facts, missing);
  if (!perIndex) return { ...nothing, create: due };
  const waits = new Map(due.map((index) => [index, backoffLeft(indexBackoff(facts, index), now)]));
  const create = due.filter((index) => waits.get(index) === 0);
  // Those that still wait are looked at when the first of them is due, whatever is made now.
  const later = [...waits.values()].filter((ms) => ms > 0);
  return { ...nothing, create, wait: later.length > 0 ? Math.min(...later) : undefined };
}
function indexBackoff({ indexes }: JobFacts, index: number): BackoffRecord {
  const pod = indexes?.kept.get(index);
  if (!pod) return noFailures;
  const { counted, ignored } = failuresBefore(pod);
  return { failures: counted + ignored + 1, last: finishedAt(pod) };
}
function pendingIndexes(job: V1Job, pods: readonly V1Pod[], facts: JobFacts, count: number): number[] {
  const taken = [...facts.active, ...(waitsForFailed(job) ? pods.filter(isTerminating) : [])].map((pod) => indexOf(job, pod));
  const settled = joinIndexes(facts.indexes?.succeeded ?? [], facts.indexes?.failed ?? []);
  return firstMissing(
    addIndexes(
      settled,
      taken.filter((i) => i !== undefined),
    ),
    count,
    job.spec?.completions ?? 0,
  );
}

/** Pods with an index that the job does not have or has twice go in any case, then the least useful ones. */
function removalOrder(job: V1Job, active: readonly V1Pod[], atLeast: number, now: number): V1Pod[] {
  const ranked = deletionOrder(active, () => 0, now);
  if (!isIndexed(job)) return ranked.slice(0, atLeast);
  const useful = new Map<number, V1Pod>();
  for (const pod of ranked) {
    const index = indexOf(job, pod);
    if (index !== undefined) useful.set(index, pod);
  }
  const left = new Set(useful.values());
  const surplus = ranked.filter((pod) => !left.has(pod));
  return [...surplus, ...ranked.filter((pod) => left.has(pod)).slice(0, Math.max(0, atLeast - surplus.length))];
}
