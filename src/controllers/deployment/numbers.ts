import type { V1Deployment, V1ReplicaSet } from '#kinds';
import { scaledCount } from '../scaled.ts';

export const annotation = {
  revision: 'deployment.kubernetes.io/revision',
  history: 'deployment.kubernetes.io/revision-history',
  desired: 'deployment.kubernetes.io/desired-replicas',
  max: 'deployment.kubernetes.io/max-replicas',
} as const;

export const maxInt32 = 2_147_483_647;
export const desiredReplicas = (d: V1Deployment): number => d.spec?.replicas ?? 1;
export const replicasOf = (rs: V1ReplicaSet): number => rs.spec?.replicas ?? 1;
export const availableOf = (rs: V1ReplicaSet): number => rs.status?.availableReplicas ?? 0;
export const sum = (sets: readonly V1ReplicaSet[], value: (rs: V1ReplicaSet) => number): number => sets.reduce((total, rs) => total + value(rs), 0);
export const isRolling = (d: V1Deployment): boolean => (d.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';

/** Surge is rounded up, unavailable down; both zero would stand still, so one may be unavailable then. */
function fenceposts(d: V1Deployment): { surge: number; unavailable: number } {
  const replicas = desiredReplicas(d);
  const surge = scaledCount(d.spec?.strategy?.rollingUpdate?.maxSurge ?? '25%', replicas, Math.ceil);
  const unavailable = scaledCount(d.spec?.strategy?.rollingUpdate?.maxUnavailable ?? '25%', replicas, Math.floor);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}
export function maxSurge(d: V1Deployment): number {
  return isRolling(d) ? fenceposts(d).surge : 0;
}
export function maxUnavailable(d: V1Deployment): number {
  const replicas = desiredReplicas(d);
  return isRolling(d) && replicas > 0 ? Math.min(replicas, fenceposts(d).unavailable) : 0;
}
/** undefined when there is none. */
export function progressDeadlineMs(d: V1Deployment): number | undefined {
  const seconds = d.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === maxInt32 ? undefined : seconds * 1000;
}
export function intAnnotation(rs: V1ReplicaSet, name: string): number | undefined {
  const text = rs.metadata?.annotations?.[name];
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}
export const revisionOf = (rs: V1ReplicaSet): number => intAnnotation(rs, annotation.revision) ?? 0;

const created = (rs: V1ReplicaSet): string => rs.metadata?.creationTimestamp ?? '';
const name = (rs: V1ReplicaSet): string => rs.metadata?.name ?? '';
export const oldestFirst = (a: V1ReplicaSet, b: V1ReplicaSet): number =>
  created(a) === created(b) ? (name(a) < name(b) ? -1 : 1) : created(a) < created(b) ? -1 : 1;
/** Larger first; of equals the newer first, or the older first. */
export const largestNewerFirst = (a: V1ReplicaSet, b: V1ReplicaSet): number => replicasOf(b) - replicasOf(a) || oldestFirst(b, a);
export const largestOlderFirst = (a: V1ReplicaSet, b: V1ReplicaSet): number => replicasOf(b) - replicasOf(a) || oldestFirst(a, b);
