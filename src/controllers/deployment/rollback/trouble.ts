import type { V1ContainerStatus, V1Pod } from '#kinds';
import { isPodReady, isPodTerminal, isTerminating, podCondition } from '../../pods.ts';

const most = 3;
const statuses = (pod: V1Pod): V1ContainerStatus[] => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];

/** A container that is down, or waits, after so many restarts. */
const isCrashing = (status: V1ContainerStatus, restarts: number): boolean => status.restartCount >= restarts && !status.ready;
export const crashingPods = (pods: readonly V1Pod[], restarts: number): V1Pod[] =>
  pods.filter((pod) => !isTerminating(pod) && statuses(pod).some((status) => isCrashing(status, restarts)));

/** Which pods are not well, and why, in a few words: for people. */
export function describeTrouble(pods: readonly V1Pod[]): string {
  const troubled = pods.filter((pod) => !isTerminating(pod) && !isPodReady(pod));
  const texts = troubled.slice(0, most).map((pod) => `${pod.metadata?.name ?? ''}: ${troubleOf(pod)}`);
  if (troubled.length > most) texts.push(`${troubled.length - most} more`);
  return texts.length > 0 ? texts.join(', ') : 'no pod of it is there';
}
function troubleOf(pod: V1Pod): string {
  if (isPodTerminal(pod)) return pod.status?.reason ?? pod.status?.phase ?? 'ended';
  for (const { state, lastState, restartCount } of statuses(pod)) {
    // One that is up again, for the moment, is known by how it ended.
    const reason = state?.waiting?.reason ?? state?.terminated?.reason ?? (restartCount > 0 ? lastState?.terminated?.reason : undefined);
    if (reason === undefined || reason === 'ContainerCreating' || reason === 'PodInitializing' || reason === 'Completed') continue;
    const exitCode = state?.terminated?.exitCode ?? lastState?.terminated?.exitCode;
    const details = [restartCount > 0 ? `${restartCount} restarts` : '', exitCode === undefined ? '' : `exit code ${exitCode}`].filter(Boolean);
    return details.length > 0 ? `${reason} (${details.join(', ')})` : reason;
  }
  const scheduled = podCondition(pod, 'PodScheduled');
  return scheduled?.status === 'False' ? (scheduled.reason ?? 'not scheduled') : 'not ready';
}
