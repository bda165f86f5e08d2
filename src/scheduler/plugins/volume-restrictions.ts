import { PersistentVolumeClaim, type V1PersistentVolumeClaim } from '#kinds';
import type { Kind } from '#machinery';
import type { ClusterState } from '../cluster-state.ts';
import { reject, type ClusterEvent, type PluginDefinition } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { claimNames, hasClaims, isOwnClaim, PodClaims } from '../volumes/pod-claims.ts';

const rejected = reject('node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode');
const exclusive = (claim: V1PersistentVolumeClaim): boolean => claim.spec?.accessModes?.includes('ReadWriteOncePod') === true;

/** A claim with ReadWriteOncePod serves one pod at a time, wherever that is. */
export const volumeRestrictions: PluginDefinition = {
  name: 'VolumeRestrictions',
  create(context) {
    const pods = new PodClaims(context);
    return {
      name: 'VolumeRestrictions',
      watches: [PersistentVolumeClaim as unknown as Kind],
      filter: {
        name: 'VolumeRestrictions',
        applies: hasClaims,
        prepare(pod, state) {
          const names = pods
            .of(pod)
            .filter(exclusive)
            .map(({ metadata }) => metadata?.name ?? '');
          return names.length > 0 && isUsed(names, pod, state) ? true : undefined;
        },
        filter: () => rejected,
        advice: () => 'wait until the other pod has ended, or use the access mode ReadWriteOnce',
        unstuckBy: (event, pod) => frees(event, pod) || isOwnClaim(event, pod),
      },
    };
  },
};

function isUsed(names: readonly string[], pod: PodInfo, state: ClusterState): boolean {
  for (const { info } of state.placedPods()) {
    if (info.namespace === pod.namespace && info.uid !== pod.uid && hasClaims(info) && claimNames(info).some((name) => names.includes(name))) return true;
  }
  return false;
}
function frees(event: ClusterEvent, pod: PodInfo): boolean {
  if (event.type !== 'PodRemoved' || event.pod.namespace !== pod.namespace) return false;
  const wanted = claimNames(pod);
  return claimNames(event.pod).some((name) => wanted.includes(name));
}
