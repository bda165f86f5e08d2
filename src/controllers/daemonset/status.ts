import type { V1DaemonSetStatus } from '#kinds';
import { isPodReady } from '../pods.ts';
import { isUpdated } from './identity.ts';
import { isAvailable, viewNodes, type DaemonSetState } from './state.ts';

/** The status that nodes and pods add up to. */
export function deriveStatus(state: DaemonSetState): V1DaemonSetStatus {
  const { set, hash } = state;
  const counts = { desired: 0, current: 0, misplaced: 0, ready: 0, updated: 0, available: 0 };
  for (const { placement, pods } of viewNodes(state).views) {
    const pod = pods[0];
    if (!placement.run) {
      if (pod) counts.misplaced++;
      continue;
    }
    counts.desired++;
    if (!pod) continue;
    counts.current++;
    if (isPodReady(pod)) counts.ready++;
    if (isAvailable(state, pod)) counts.available++;
    if (isUpdated(set, hash, pod)) counts.updated++;
  }
  const optional = {
    updatedNumberScheduled: counts.updated,
    numberAvailable: counts.available,
    numberUnavailable: counts.desired - counts.available,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  return {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misplaced,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    observedGeneration: set.metadata?.generation ?? 0,
    // As Kubernetes writes them: these are left out when they are zero.
    ...Object.fromEntries(Object.entries(optional).filter(([, n]) => n !== 0)),
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  };
}
