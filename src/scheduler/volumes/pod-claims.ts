import type { Informer } from '#client';
import { isClaimBound, PersistentVolume, PersistentVolumeClaim, type V1PersistentVolume, type V1PersistentVolumeClaim, type V1Volume } from '#kinds';
import type { ClusterEvent, PluginContext } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';

/** Whether any volume of the pod stands for a claim. Most pods have none: asked first. */
export function hasClaims({ pod }: PodInfo): boolean {
  for (const volume of pod.spec?.volumes ?? []) if (volume.persistentVolumeClaim || volume.ephemeral) return true;
  return false;
}
export const claimName = (pod: PodInfo, volume: V1Volume): string | undefined =>
  volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.name}-${volume.name}` : undefined);
/** Names of the claims of a pod. */
export const claimNames = (pod: PodInfo): string[] => (pod.pod.spec?.volumes ?? []).flatMap((volume) => claimName(pod, volume) ?? []);

/** What the plugins about volumes look up. */
export class PodClaims {
  readonly claims: Informer<V1PersistentVolumeClaim>;
  readonly volumes: Informer<V1PersistentVolume>;
  constructor(context: PluginContext) {
    this.claims = context.informer(PersistentVolumeClaim);
    this.volumes = context.informer(PersistentVolume);
  }
  /** Claims of the pod that exist. */
  of(pod: PodInfo): V1PersistentVolumeClaim[] {
    return claimNames(pod).flatMap((name) => this.claims.get(pod.namespace, name) ?? []);
  }
  /** The volume of a claim that is wholly bound. */
  volumeOf(claim: V1PersistentVolumeClaim): V1PersistentVolume | undefined {
    return isClaimBound(claim) ? this.volumes.get(undefined, claim.spec?.volumeName ?? '') : undefined;
  }
}

/** A claim of the pod has come or changed. */
export function isOwnClaim(event: ClusterEvent, pod: PodInfo): boolean {
  if (event.type !== 'ObjectChanged' || event.kind !== 'PersistentVolumeClaim' || !event.object) return false;
  const { namespace, name } = event.object.metadata ?? {};
  return namespace === pod.namespace && claimNames(pod).includes(name ?? '');
}
