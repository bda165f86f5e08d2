/** What a job reads from one of its pods. */
import type { V1Job, V1Pod } from '#kinds';
import { podCondition } from '../pods.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
const ignoredCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';

export const isTracked = (pod: V1Pod): boolean => pod.metadata?.finalizers?.includes(trackingFinalizer) === true;
export const uidOf = (pod: V1Pod): string => pod.metadata?.uid ?? '';
export const isIndexed = (job: V1Job): boolean => job.spec?.completionMode === 'Indexed';
/** Whether a pod is replaced only once it has really ended. */
export const waitsForFailed = (job: V1Job): boolean => job.spec?.podReplacementPolicy === 'Failed';
export const hasLimitPerIndex = (job: V1Job): boolean => isIndexed(job) && job.spec?.backoffLimitPerIndex !== undefined;

/** A pod that is being deleted counts as failed too, unless its job waits for the phase: it may never get there. */
export function isPodFailed(job: V1Job, pod: V1Pod): boolean {
  const phase = pod.status?.phase;
  return phase === 'Failed' || (!waitsForFailed(job) && pod.metadata?.deletionTimestamp !== undefined && phase !== 'Succeeded');
}

/** The index of the pod, if it is one that the job has. */
export function indexOf(job: V1Job, pod: V1Pod): number | undefined {
  const text = pod.metadata?.annotations?.[indexAnnotation] ?? '';
  return /^\d+$/.test(text) && Number(text) < (job.spec?.completions ?? 0) ? Number(text) : undefined;
}

export interface FailureCounts {
  counted: number;
  ignored: number;
}
/** How often the index had failed before this pod was made. */
export function failuresBefore(pod: V1Pod): FailureCounts {
  const read = (name: string): number => Math.max(0, Math.trunc(Number(pod.metadata?.annotations?.[name] ?? 0))) || 0;
  return { counted: read(failureCountAnnotation), ignored: read(ignoredCountAnnotation) };
}
export function failureAnnotations({ counted, ignored }: FailureCounts): { [name: string]: string } {
  return { [failureCountAnnotation]: String(counted), ...(ignored > 0 ? { [ignoredCountAnnotation]: String(ignored) } : {}) };
}

/** When the pod ended, ms since the epoch, by its containers, else by the condition Ready, its deletion, its creation. */
export function finishedAt(pod: V1Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map((s) => Date.parse(s.state?.terminated?.finishedAt ?? ''));
  if (ends.length > 0 && !ends.some(Number.isNaN)) return Math.max(...ends);
  const ready = podCondition(pod, 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata ?? {};
  if (deletionTimestamp) return Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return Date.parse(creationTimestamp ?? '') || 0;
}
