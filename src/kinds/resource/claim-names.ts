import type { V1Pod, V1PodResourceClaim } from '../generated/types.ts';

/** Annotation of claims that are made for a pod: the name in the pod's spec.resourceClaims. */
export const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name';

/** Names of the claims that a pod has so far, that for its extended resources too. */
export function claimNamesOf(pod: V1Pod): string[] {
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return [...(pod.spec?.resourceClaims ?? []).flatMap((one) => claimNameOf(pod, one) ?? []), ...(extended ? [extended] : [])];
}
/** The ResourceClaim of a pod's reference; undefined: it is not made yet; null: none is needed. */
export function claimNameOf(pod: V1Pod, { name, resourceClaimName }: V1PodResourceClaim): string | null | undefined {
  if (resourceClaimName) return resourceClaimName;
  const made = pod.status?.resourceClaimStatuses?.find((one) => one.name === name);
  return made && (made.resourceClaimName ?? null);
}
