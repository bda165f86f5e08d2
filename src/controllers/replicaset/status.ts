import { formatTime } from '#base';
import type { V1Pod, V1PodTemplateSpec, V1ReplicaSetStatus } from '#kinds';
import type { KubeObject } from '#machinery';
import { isPodActive, isPodAvailable, isPodReady, isPodTerminal, isTerminating } from '../pods.ts';

/** What ReplicaSets and ReplicationControllers have in common. */
export interface Replicated extends KubeObject {
  spec?: { replicas?: number; minReadySeconds?: number; template?: V1PodTemplateSpec };
  status?: V1ReplicaSetStatus;
}

export interface Failure {
  reason: 'FailedCreate' | 'FailedDelete';
  message: string;
}

/** The status that the pods add up to. */
export function replicasStatus(rs: Replicated, pods: readonly V1Pod[], failure: Failure | undefined, now: number, tellsTerminating = true): V1ReplicaSetStatus {
  const labels = Object.entries(rs.spec?.template?.metadata?.labels ?? {});
  const minReady = rs.spec?.minReadySeconds ?? 0;
  // As Kubernetes writes them: of the counts, only these two are told when they are zero.
  const status: V1ReplicaSetStatus = { replicas: 0, ...(tellsTerminating ? { terminatingReplicas: 0 } : {}) };
  const count = (field: 'fullyLabeledReplicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas'): number =>
    (status[field] = (status[field] ?? 0) + 1);
  for (const pod of pods) {
    if (tellsTerminating && isTerminating(pod) && !isPodTerminal(pod)) count('terminatingReplicas');
    if (!isPodActive(pod)) continue;
    status.replicas++;
    if (labels.every(([k, v]) => pod.metadata?.labels?.[k] === v)) count('fullyLabeledReplicas');
    if (isPodReady(pod)) count('readyReplicas');
    if (isPodAvailable(pod, minReady, now)) count('availableReplicas');
  }
  status.observedGeneration = rs.metadata?.generation ?? 0;
  const conditions = conditionsOf(rs, failure, now);
  if (conditions.length > 0) status.conditions = conditions;
  return status;
}

function conditionsOf(rs: Replicated, failure: Failure | undefined, now: number): NonNullable<V1ReplicaSetStatus['conditions']> {
  const all = rs.status?.conditions ?? [];
  const present = all.find((c) => c.type === 'ReplicaFailure');
  if (failure && present) return all;
  const others = all.filter((c) => c.type !== 'ReplicaFailure');
  return failure
    ? [...others, { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message: failure.message, lastTransitionTime: formatTime(now) }]
    : others;
}

export function sameReplicasStatus(a: V1ReplicaSetStatus | undefined, b: V1ReplicaSetStatus): boolean {
  const fields = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'terminatingReplicas', 'observedGeneration'] as const;
  return a !== undefined && fields.every((f) => (a[f] ?? 0) === (b[f] ?? 0)) && JSON.stringify(a.conditions ?? []) === JSON.stringify(b.conditions ?? []);
}
