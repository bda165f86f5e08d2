import type { ResourceV1ResourceClaim } from '#kinds';
import type { ClusterEvent } from '../../plugin.ts';
import type { PodInfo } from '../../pod-info.ts';

/** Claims of the pod that come or change, claims of others that are given back, new devices, and classes. */
export function unstuckByDevices(event: ClusterEvent, pod: PodInfo): boolean {
  if (event.type !== 'ObjectChanged') return event.type === 'NodeAdded' || (event.type === 'NodeChanged' && (event.change.labels || event.change.allocatable));
  if (event.kind !== 'ResourceClaim') return event.object !== undefined;
  const [now, before] = [event.object, event.old] as (ResourceV1ResourceClaim | undefined)[];
  const isOwn = (now ?? before)?.metadata?.namespace === pod.namespace;
  return Boolean(before?.status?.allocation && !now?.status?.allocation) || isOwn;
}
