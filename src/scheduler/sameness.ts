import { isDeepStrictEqual } from 'node:util';
import type { V1Pod } from '#kinds';

/** Whether nothing changed that placing this pod or others looks at. Most updates are of the status of running pods. */
export function sameFacts(old: V1Pod, pod: V1Pod): boolean {
  return (
    sameSpec(old, pod) &&
    resizing(old) === resizing(pod) &&
    isDeepStrictEqual(old.status?.resourceClaimStatuses, pod.status?.resourceClaimStatuses) &&
    old.metadata?.deletionTimestamp === pod.metadata?.deletionTimestamp &&
    isDeepStrictEqual(old.metadata?.labels, pod.metadata?.labels)
  );
}
/** What containers hold on their node where it is not what they ask for, because they are being resized; usually ''. */
function resizing({ spec, status }: V1Pod): string {
  const statuses = status?.containerStatuses;
  if (!statuses) return '';
  let held = '';
  for (const { name, resources, allocatedResources } of statuses) {
    if (!resources?.requests && !allocatedResources) continue;
    const asked = spec?.containers.find((container) => container.name === name)?.resources?.requests;
    const usual = (list: object | undefined): boolean => list === undefined || isDeepStrictEqual(list, asked);
    if (!usual(resources?.requests) || !usual(allocatedResources)) held += JSON.stringify([name, resources?.requests, allocatedResources]);
  }
  return held === '' ? '' : held + (status.conditions?.find((c) => c.type === 'PodResizePending')?.reason ?? '');
}
/** The generation tells, where the server counts it; comparing is the dear way. */
function sameSpec(old: V1Pod, pod: V1Pod): boolean {
  if (old.spec === pod.spec) return true;
  const generation = pod.metadata?.generation;
  if (generation !== undefined && old.metadata?.generation !== undefined) return generation === old.metadata.generation;
  return isDeepStrictEqual(old.spec, pod.spec);
}
