import type { V1DaemonSetStatus } from '#kinds';
import { standingOn, type DaemonSetState } from './state.ts';
import { viewNodes } from './views.ts';

/** The status that nodes and pods add up to. */
export function deriveStatus(state: DaemonSetState): V1DaemonSetStatus {
  const { set } = state;
  const counts = { desired: 0, current: 0, misplaced: 0, ready: 0, updated: 0, available: 0 };
  for (const view of viewNodes(state).views) {
    const isThere = view.pods.length > 0;
    if (!view.placement.run) {
      if (isThere) counts.misplaced++;
      continue;
    }
    counts.desired++;
    if (!isThere) continue;
    const { ready, available, updated } = standingOn(state, view);
    counts.current++;
    if (ready) counts.ready++;
    if (available) counts.available++;
    if (updated) counts.updated++;
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
