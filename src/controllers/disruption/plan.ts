import type { V1Condition, V1Pod, V1PodDisruptionBudget, V1PodDisruptionBudgetStatus } from '#kinds';
import { isPodReady, isTerminating } from '../pods.ts';

/** An eviction that was granted and whose pod is still there after this time did not happen, ms. */
export const disruptionTimeoutMs = 2 * 60_000;

/** How many pods there should be, by the scale of what controls them. `failure` when that cannot be told. */
export interface Scales {
  readonly replicas: number;
  readonly failure?: string;
}

/** Whether a budget counts by the scale of the pods' controllers and not by the pods there are. */
export function needsScales({ spec }: V1PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

/** The status of a budget (kube's disruption controller). `now` in ms. */
export function budgetStatus(budget: V1PodDisruptionBudget, pods: readonly V1Pod[], scales: Scales, now: number): V1PodDisruptionBudgetStatus {
  if (scales.failure !== undefined) return failed(budget, scales.failure);
  const { expected, desired } = wanted(budget, pods.length, scales.replicas);
  const disruptedPods = stillDisrupted(budget, pods, now);
  const healthy = pods.filter((pod) => !isTerminating(pod) && isPodReady(pod) && disruptedPods[pod.metadata?.name ?? ''] === undefined).length;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  return {
    ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
    observedGeneration: budget.metadata?.generation ?? 0,
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: [allowed > 0 ? condition('True', 'SufficientPods', budget) : condition('False', 'InsufficientPods', budget)],
  };
}
function wanted({ spec }: V1PodDisruptionBudget, count: number, replicas: number): { expected: number; desired: number } {
  if (spec?.maxUnavailable !== undefined) return { expected: replicas, desired: Math.max(0, replicas - share(spec.maxUnavailable, replicas)) };
  if (typeof spec?.minAvailable === 'string') return { expected: replicas, desired: share(spec.minAvailable, replicas) };
  return { expected: count, desired: spec?.minAvailable ?? 0 };
}
/** A number, or a percentage of all, rounded up. */
function share(value: number | string, all: number): number {
  return typeof value === 'number' ? value : Math.ceil((all * Number.parseInt(value, 10)) / 100);
}
/** Granted evictions whose pods are still to go. */
function stillDisrupted({ status }: V1PodDisruptionBudget, pods: readonly V1Pod[], now: number): { [pod: string]: string } {
  const out: { [pod: string]: string } = {};
  for (const pod of pods) {
    const name = pod.metadata?.name ?? '';
    const since = status?.disruptedPods?.[name];
    if (since !== undefined && !isTerminating(pod) && Date.parse(since) + disruptionTimeoutMs > now) out[name] = since;
  }
  return out;
}
/** No eviction while it is not known how many there should be. */
function failed(budget: V1PodDisruptionBudget, message: string): V1PodDisruptionBudgetStatus {
  const { expectedPods = 0, currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return {
    ...budget.status,
    expectedPods,
    currentHealthy,
    desiredHealthy,
    observedGeneration: budget.metadata?.generation ?? 0,
    disruptionsAllowed: 0,
    conditions: [condition('False', 'SyncFailed', budget, message)],
  };
}
function condition(status: 'True' | 'False', reason: string, { metadata }: V1PodDisruptionBudget, message = ''): V1Condition {
  return { type: 'DisruptionAllowed', status, reason, message, observedGeneration: metadata?.generation ?? 0, lastTransitionTime: '' };
}

/** When the first of the granted evictions is given up, ms from now; undefined when there is none. */
export function untilTimeout({ disruptedPods }: V1PodDisruptionBudgetStatus, now: number): number | undefined {
  const times = Object.values(disruptedPods ?? {}).map((since) => Date.parse(since) + disruptionTimeoutMs - now);
  return times.length === 0 ? undefined : Math.max(1, Math.min(...times));
}
