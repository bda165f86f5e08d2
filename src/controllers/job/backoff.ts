/** How long a job waits before it makes a pod in the place of a failed one. */
import type { V1Pod } from '#kinds';
import { finishedAt } from './pods.ts';

const firstMs = 10_000;
const longestMs = 600_000;

/** Failures since the last success, and when the last of them was. */
export interface BackoffRecord {
  readonly failures: number;
  readonly last: number;
}
export const noFailures: BackoffRecord = { failures: 0, last: 0 };

/** The record once these pods have ended: a success clears what failed before it. */
export function nextRecord(record: BackoffRecord, succeeded: readonly V1Pod[], failed: readonly V1Pod[]): BackoffRecord {
  const failures = failed.map(finishedAt);
  if (succeeded.length === 0) return failures.length === 0 ? record : { failures: record.failures + failures.length, last: Math.max(record.last, ...failures) };
  const success = Math.max(...succeeded.map(finishedAt));
  const since = failures.filter((at) => at >= success);
  return since.length === 0 ? noFailures : { failures: since.length, last: Math.max(...since) };
}

/** 10 s, doubled with each failure, at most 10 min; ms from now. */
export function backoffLeft({ failures, last }: BackoffRecord, now: number): number {
  if (failures === 0) return 0;
  return Math.max(0, last + Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 10)) - now);
}
