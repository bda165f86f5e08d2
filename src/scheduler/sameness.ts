import { isDeepStrictEqual } from 'node:util';
import type { V1Pod } from '#kinds';

/** Whether nothing changed that placing this pod or others looks at. Most updates are of the status of running pods. */
export function sameFacts(old: V1Pod, pod: V1Pod): boolean {
  return (
    sameSpec(old, pod) && old.metadata?.deletionTimestamp === pod.metadata?.deletionTimestamp && isDeepStrictEqual(old.metadata?.labels, pod.metadata?.labels)
  );
}
/** The generation tells, where the server counts it; comparing is the dear way. */
function sameSpec(old: V1Pod, pod: V1Pod): boolean {
  if (old.spec === pod.spec) return true;
  const generation = pod.metadata?.generation;
  if (generation !== undefined && old.metadata?.generation !== undefined) return generation === old.metadata.generation;
  return isDeepStrictEqual(old.spec, pod.spec);
}
