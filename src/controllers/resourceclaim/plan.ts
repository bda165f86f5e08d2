import { podClaimAnnotation, type ResourceV1ResourceClaim, type V1Pod, type V1ResourceClaimTemplate } from '#kinds';
import type { OwnerReference } from '#machinery';

/** Keeps a claim from being deleted while devices are allocated for it. */
export const finalizer = 'resource.kubernetes.io/delete-protection';

/** The claim of a pod by a template, owned by the pod and named after it. */
export function wantedClaim(pod: V1Pod, name: string, { spec }: V1ResourceClaimTemplate, owner: OwnerReference): ResourceV1ResourceClaim {
  const { labels, annotations } = spec?.metadata ?? {};
  return {
    metadata: {
      generateName: `${pod.metadata?.name ?? ''}-${name}-`,
      ...(pod.metadata?.namespace ? { namespace: pod.metadata.namespace } : {}),
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [podClaimAnnotation]: name },
      ownerReferences: [owner],
    },
    spec: spec?.spec ?? {},
  };
}
