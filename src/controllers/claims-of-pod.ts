import type { Informer } from '#client';
import type { V1Pod } from '#kinds';

/** `namespace/name` of the claims that the volumes of a pod name or have made for them. */
export function claimsOfPod(pod: V1Pod | undefined): string[] {
  const { namespace = '', name = '' } = pod?.metadata ?? {};
  return (pod?.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [`${namespace}/${volume.persistentVolumeClaim.claimName}`];
    return volume.ephemeral ? [`${namespace}/${name}-${volume.name}`] : [];
  });
}

/** Pods by the claims they use. The name is shared: all controllers use one index per informer. */
export function indexPodsByClaim(pods: Informer<V1Pod>): (claim: string) => V1Pod[] {
  pods.addIndex('claim', claimsOfPod);
  return (claim) => pods.byIndex('claim', claim);
}
