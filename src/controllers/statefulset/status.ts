import type { V1ControllerRevision, V1Pod, V1StatefulSet, V1StatefulSetStatus } from '#kinds';
import { isPodAvailable, isPodReady, isTerminating } from '../pods.ts';
import { sameCounts } from '../status.ts';
import { replicasOf, revisionOf } from './identity.ts';

export interface Revisions {
  /** What the pods had before the update that is going on. */
  readonly current: V1ControllerRevision;
  /** What they are to have. */
  readonly update: V1ControllerRevision;
  readonly collisionCount: number;
}

/** The status that the pods add up to; `outdated` are about to be deleted for an update. */
export function deriveStatus(set: V1StatefulSet, pods: readonly V1Pod[], revisions: Revisions, now: number, outdated: readonly V1Pod[]): V1StatefulSetStatus {
  const current = revisions.current.metadata?.name ?? '';
  const update = revisions.update.metadata?.name ?? '';
  const isUp = (pod: V1Pod): boolean => pod.status?.phase === 'Running' && isPodReady(pod);
  const staying = pods.filter((pod) => !isTerminating(pod));
  const counts = {
    replicas: pods.length,
    readyReplicas: pods.filter(isUp).length,
    availableReplicas: pods.filter((pod) => isUp(pod) && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now)).length,
    currentReplicas: staying.filter((pod) => revisionOf(pod) === current && !outdated.includes(pod)).length,
    updatedReplicas: staying.filter((pod) => revisionOf(pod) === update).length,
  };
  const isComplete = isRolling(set) && counts.updatedReplicas === replicasOf(set) && counts.readyReplicas === replicasOf(set);
  if (isComplete) counts.currentReplicas = counts.updatedReplicas;
  return {
    observedGeneration: set.metadata?.generation ?? 0,
    ...withoutZeros(counts),
    replicas: counts.replicas,
    availableReplicas: counts.availableReplicas,
    currentRevision: isComplete ? update : current,
    updateRevision: update,
    collisionCount: revisions.collisionCount,
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  };
}
const isRolling = (set: V1StatefulSet): boolean => (set.spec?.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
/** As Kubernetes writes them: these counts are left out when they are zero. */
const withoutZeros = <T extends object>(counts: T): Partial<T> => Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== 0)) as Partial<T>;

export const sameStatus = (a: V1StatefulSetStatus | undefined, b: V1StatefulSetStatus): boolean =>
  a !== undefined && sameCounts(a, b) && a.currentRevision === b.currentRevision && a.updateRevision === b.updateRevision;
