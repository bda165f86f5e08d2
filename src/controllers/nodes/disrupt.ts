import { formatTime } from '#base';
import { Pod, type V1Pod, type V1PodCondition } from '#kinds';
import { isApiError } from '#machinery';
import type { ControllerContext } from '../controller.ts';
import { isPodTerminal } from '../pods.ts';

export interface Disruption {
  /** Told as the condition DisruptionTarget, so that the owner knows that the pod is not to blame. */
  why?: { reason: string; message: string };
  /** Ends the pod as well: nobody else will tell that it has ended. */
  failed?: boolean;
  gracePeriodSeconds?: number;
}

/** Takes a pod away: its status first says why, then it is deleted. */
export async function disruptPod(context: ControllerContext, pod: V1Pod, { why, failed, gracePeriodSeconds }: Disruption): Promise<void> {
  const { namespace, name = '', uid } = pod.metadata ?? {};
  const ends = failed === true && !isPodTerminal(pod);
  const status = { ...pod.status, ...(why ? { conditions: withTarget(context, pod, why) } : {}), ...(ends ? { phase: 'Failed' } : {}) };
  try {
    if (why || ends) await context.api.update(Pod, { ...pod, status }, { subresource: 'status' });
    const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
    await context.api.delete(Pod, { namespace, name }, { ...grace, ...(uid ? { preconditions: { uid } } : {}) });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
function withTarget(context: ControllerContext, pod: V1Pod, why: { reason: string; message: string }): V1PodCondition[] {
  const condition = { type: 'DisruptionTarget', status: 'True', ...why, lastTransitionTime: formatTime(context.clock.now()) };
  return [...(pod.status?.conditions ?? []).filter((c) => c.type !== condition.type), condition];
}
