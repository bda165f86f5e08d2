import type { V1Pod } from '#kinds';
import { isPodReady, isTerminating } from '../pods.ts';
import { isUpdated } from './identity.ts';
import { planUpdate } from './rolling-update.ts';
import { allowsSurge, isAvailable, standingOn, type DaemonSetState, type NodeView } from './state.ts';
import { viewNodes } from './views.ts';

export interface DaemonSetPlan {
  /** Names of the nodes that get a pod. */
  create: string[];
  delete: V1Pod[];
  /** Of those to delete, the ones that ended by themselves, and where. */
  ended: { pod: V1Pod; node: string }[];
  requeueAfterMs?: number;
}

/** Failed pods are replaced more and more slowly. How long a node's failed pod has to wait, ms; 0 when it need not. */
export type FailureWait = (node: string) => number;

/**
 * One step of a DaemonSet: first every node that should have a pod gets one and every other loses it, then,
 * when nothing of that is left to do, pods of an old template are replaced. (Kubernetes: pkg/controller/daemon.)
 */
export function planDaemonSet(state: DaemonSetState, wait: FailureWait): DaemonSetPlan {
  const plan: DaemonSetPlan = { create: [], delete: [], ended: [] };
  const { views, homeless } = viewNodes(state);
  for (const view of views) if (!standingOn(state, view).settled) manage(state, view, plan, wait);
  plan.delete.push(...homeless);
  if (plan.create.length > 0 || plan.delete.length > 0 || state.set.spec?.updateStrategy?.type !== 'RollingUpdate') return plan;
  const update = planUpdate(state, views);
  return { ...plan, ...update };
}

function manage(state: DaemonSetState, view: NodeView, plan: DaemonSetPlan, wait: FailureWait): void {
  const { run, stay } = view.placement;
  if (run && view.pods.length === 0) plan.create.push(view.name);
  else if (!stay) plan.delete.push(...view.pods.filter((pod) => !isTerminating(pod)));
  else prune(state, view, plan, wait);
}
/** Removes what has ended and what is too much. */
function prune(state: DaemonSetState, view: NodeView, plan: DaemonSetPlan, wait: FailureWait): void {
  const running: V1Pod[] = [];
  for (const pod of view.pods) {
    if (isTerminating(pod)) continue;
    const phase = pod.status?.phase;
    if (phase !== 'Failed' && phase !== 'Succeeded') {
      running.push(pod);
      continue;
    }
    const left = phase === 'Failed' ? wait(view.name) : 0;
    if (left > 0) {
      plan.requeueAfterMs = Math.min(plan.requeueAfterMs ?? left, left);
      continue;
    }
    plan.delete.push(pod);
    plan.ended.push({ pod, node: view.name });
  }
  if (!allowsSurge(state.set)) plan.delete.push(...running.slice(1));
  else if (running.length === 0 && view.placement.run && view.pods.every(isTerminating)) plan.create.push(view.name);
  else plan.delete.push(...surplus(state, running));
}
/** Surging, two pods may be on a node: an old one that is ready and a new one that is not available yet. */
function surplus(state: DaemonSetState, running: readonly V1Pod[]): V1Pod[] {
  if (running.length <= 1) return [];
  const fresh = running.find((pod) => isUpdated(state.set, state.hash, pod));
  const old = running.find((pod) => !isUpdated(state.set, state.hash, pod));
  const extra = running.filter((pod) => pod !== fresh && pod !== old);
  return fresh && old && (!isPodReady(old) || isAvailable(state, fresh)) ? [...extra, old] : extra;
}
