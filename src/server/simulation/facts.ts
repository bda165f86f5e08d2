import { quantityToMilli, quantityToNumber } from '#base';
import { isReady, type V1Deployment, type V1Pod, type V1PodDisruptionBudget } from '#kinds';

/** What the invariants need to know of a pod. */
export interface PodFact {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string | undefined;
  readonly cpu: number;
  readonly memory: number;
  readonly ready: boolean;
  readonly deleting: boolean;
  readonly terminal: boolean;
  /** When it ought to be gone by, ms since the epoch: what is stuck longer counts in no quota. Infinity when it is not deleted. */
  readonly goneAt: number;
  /** Reason of the condition DisruptionTarget. */
  readonly disruption: string | undefined;
  readonly owner: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}
export function factOf(pod: V1Pod): PodFact {
  const { metadata = {}, spec, status } = pod;
  const room = requestsOf(pod);
  return {
    uid: metadata.uid ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    node: spec?.nodeName,
    ...room,
    ready: isReady(pod),
    deleting: metadata.deletionTimestamp !== undefined,
    goneAt: metadata.deletionTimestamp ? Date.parse(metadata.deletionTimestamp) + (metadata.deletionGracePeriodSeconds ?? 0) * 1000 : Infinity,
    terminal: status?.phase === 'Succeeded' || status?.phase === 'Failed',
    disruption: status?.conditions?.find((c) => c.type === 'DisruptionTarget' && c.status === 'True')?.reason,
    owner: metadata.ownerReferences?.find((o) => o.controller)?.uid,
    labels: metadata.labels ?? {},
  };
}

/** A number, or a share of `total`. */
function share(value: number | string | undefined, total: number, round: (n: number) => number): number {
  if (typeof value === 'string') return round((Number.parseFloat(value) / 100) * total);
  return value ?? 0;
}
export const surge = ({ spec }: V1Deployment, replicas: number): number => share(spec?.strategy?.rollingUpdate?.maxSurge, replicas, Math.ceil);
/** As the deployment controller has it: with neither surge nor unavailable, one may be missing. */
export function unavailable(deployment: V1Deployment, replicas: number): number {
  const some = share(deployment.spec?.strategy?.rollingUpdate?.maxUnavailable, replicas, Math.floor);
  return some === 0 && surge(deployment, replicas) === 0 ? 1 : some;
}
/** By what the budget says itself: expectedPods is the disruption controller's count, desiredHealthy what it makes of it. */
export function leastHealthy({ spec, status }: V1PodDisruptionBudget): number {
  const expected = status?.expectedPods ?? 0;
  if (spec?.minAvailable !== undefined) return share(spec.minAvailable as number | string, expected, Math.ceil);
  return expected - share(spec?.maxUnavailable as number | string | undefined, expected, Math.ceil);
}

function requestsOf({ spec }: V1Pod): { cpu: number; memory: number } {
  let [cpu, memory] = [0, 0];
  for (const { resources } of spec?.containers ?? []) {
    cpu += quantityToMilli(resources?.requests?.['cpu']);
    memory += quantityToNumber(resources?.requests?.['memory']);
  }
  return { cpu, memory };
}
