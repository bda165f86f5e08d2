import { formatTime } from '#base';
import type { V1Deployment, V1DeploymentCondition, V1DeploymentStatus, V1ReplicaSet } from '#kinds';
import { availableOf, desiredReplicas, maxUnavailable, progressDeadlineMs, replicasOf, sum } from './numbers.ts';

export const progressing = {
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  updated: 'ReplicaSetUpdated',
  available: 'NewReplicaSetAvailable',
  deadline: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
  refused: 'ReplicaSetCreateError',
} as const;

export const conditionOf = (status: V1DeploymentStatus | undefined, type: string): V1DeploymentCondition | undefined =>
  status?.conditions?.find((c) => c.type === type);

export function condition(type: string, status: string, reason: string, message: string, now: number): V1DeploymentCondition {
  return { type, status, reason, message, lastUpdateTime: formatTime(now), lastTransitionTime: formatTime(now) };
}
/** Keeps an equal condition as it is, and the transition time as long as the status stays. */
export function setCondition(status: V1DeploymentStatus, next: V1DeploymentCondition): void {
  const present = conditionOf(status, next.type);
  if (present && present.status === next.status && present.reason === next.reason) return;
  if (present && present.status === next.status && present.lastTransitionTime) next.lastTransitionTime = present.lastTransitionTime;
  status.conditions = [...(status.conditions ?? []).filter((c) => c.type !== next.type), next];
}
export function removeCondition(status: V1DeploymentStatus, type: string): void {
  if (status.conditions) status.conditions = status.conditions.filter((c) => c.type !== type);
}

/** As Kubernetes writes them: a count of zero is left out. */
const withoutZeros = (status: V1DeploymentStatus): V1DeploymentStatus => Object.fromEntries(Object.entries(status).filter(([, value]) => value !== 0));

/** The status that the ReplicaSets add up to; conditions but Available are carried over. */
export function deriveStatus(d: V1Deployment, all: readonly V1ReplicaSet[], current: V1ReplicaSet | undefined, now: number): V1DeploymentStatus {
  const available = sum(all, availableOf);
  const terminating = sum(all, (rs) => rs.status?.terminatingReplicas ?? 0);
  const status: V1DeploymentStatus = withoutZeros({
    observedGeneration: d.metadata?.generation ?? 0,
    replicas: sum(all, (rs) => rs.status?.replicas ?? 0),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum(all, (rs) => rs.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(all, replicasOf) - available),
  });
  status.terminatingReplicas = terminating;
  if (d.status?.collisionCount !== undefined) status.collisionCount = d.status.collisionCount;
  status.conditions = [...(d.status?.conditions ?? [])];
  const enough = available >= desiredReplicas(d) - maxUnavailable(d);
  setCondition(
    status,
    enough
      ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
      : condition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', now),
  );
  return status;
}

export function isComplete(d: V1Deployment, status: V1DeploymentStatus): boolean {
  const wanted = desiredReplicas(d);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (d.metadata?.generation ?? 0)
  );
}
function hasProgressed(old: V1DeploymentStatus | undefined, next: V1DeploymentStatus): boolean {
  const outdated = (s: V1DeploymentStatus | undefined): number => (s?.replicas ?? 0) - (s?.updatedReplicas ?? 0);
  return (
    (next.updatedReplicas ?? 0) > (old?.updatedReplicas ?? 0) ||
    outdated(next) < outdated(old) ||
    (next.readyReplicas ?? 0) > (old?.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (old?.availableReplicas ?? 0)
  );
}
/** When the deadline is reached; undefined when nothing is waited for. */
function deadlineAt(d: V1Deployment, status: V1DeploymentStatus): number | undefined {
  const limit = progressDeadlineMs(d);
  const present = conditionOf(status, 'Progressing');
  if (limit === undefined || !present || present.reason === progressing.available || present.reason === progressing.deadline) return undefined;
  return Date.parse(present.lastUpdateTime ?? '') + limit;
}

/** Derives the status of a rollout: counts, Available, Progressing with its deadline, ReplicaFailure. */
export function rolloutStatus(d: V1Deployment, all: readonly V1ReplicaSet[], current: V1ReplicaSet | undefined, now: number): V1DeploymentStatus {
  const status = deriveStatus(d, all, current, now);
  const present = conditionOf(d.status, 'Progressing');
  if (progressDeadlineMs(d) === undefined) removeCondition(status, 'Progressing');
  else if (!((status.replicas ?? 0) === (status.updatedReplicas ?? 0) && present?.reason === progressing.available))
    judgeProgress(d, status, current, present, now);
  // What the new ReplicaSet says comes before what old ones say.
  const failure = [...(current ? [current] : []), ...all].flatMap((rs) => rs.status?.conditions ?? []).find((c) => c.type === 'ReplicaFailure');
  if (failure)
    setCondition(status, {
      ...condition('ReplicaFailure', failure.status, failure.reason ?? '', failure.message ?? '', now),
      ...(failure.lastTransitionTime ? { lastTransitionTime: failure.lastTransitionTime } : {}),
    });
  else removeCondition(status, 'ReplicaFailure');
  return status;
}
function judgeProgress(
  d: V1Deployment,
  status: V1DeploymentStatus,
  current: V1ReplicaSet | undefined,
  present: V1DeploymentCondition | undefined,
  now: number,
): void {
  const subject = current ? `ReplicaSet "${current.metadata?.name ?? ''}"` : `Deployment "${d.metadata?.name ?? ''}"`;
  if (isComplete(d, status))
    return setCondition(status, condition('Progressing', 'True', progressing.available, `${subject} has successfully progressed.`, now));
  if (hasProgressed(d.status, status)) {
    const next = condition('Progressing', 'True', progressing.updated, `${subject} is progressing.`, now);
    // Removed first: every progress renews lastUpdateTime, which the deadline counts from.
    if (present?.status === 'True' && present.lastTransitionTime) next.lastTransitionTime = present.lastTransitionTime;
    removeCondition(status, 'Progressing');
    return setCondition(status, next);
  }
  const at = deadlineAt(d, status);
  if (at !== undefined && at < now) setCondition(status, condition('Progressing', 'False', progressing.deadline, `${subject} has timed out progressing.`, now));
}

/** How long until the deadline has to be looked at again, ms. */
export function untilDeadline(d: V1Deployment, status: V1DeploymentStatus, now: number): number | undefined {
  if (d.spec?.paused || isComplete(d, status)) return undefined;
  const at = deadlineAt(d, status);
  return at === undefined ? undefined : Math.max(0, at - now) + 1000;
}

/** Progress is not judged while paused; the condition says so, unless the deadline had already passed. */
export function pausedCondition(d: V1Deployment, now: number): V1DeploymentCondition | undefined {
  const present = conditionOf(d.status, 'Progressing');
  if (progressDeadlineMs(d) === undefined || present?.reason === progressing.deadline) return undefined;
  const told = present?.reason === progressing.paused;
  if (d.spec?.paused && !told) return condition('Progressing', 'Unknown', progressing.paused, 'Deployment is paused', now);
  if (!d.spec?.paused && told) return condition('Progressing', 'Unknown', progressing.resumed, 'Deployment is resumed', now);
  return undefined;
}
