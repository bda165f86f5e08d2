import { claimNameOf, claimNamesOf, type V1Pod } from '#kinds';
import type { AgentContext } from './context.ts';
import { namespaceOf, nameOf, uidOf } from './pod.ts';

/**
 * Why the devices of a pod cannot be prepared; undefined when they are. Drivers do not register with nodes that run
 * containers, so what is allocated from one is missing there; simulated nodes have every device. (Kubernetes: the DRA manager of kubelet.)
 */
export async function claimProblem({ objects, volumes }: AgentContext, pod: V1Pod): Promise<string | undefined> {
  const missing = pod.spec?.resourceClaims?.find((reference) => claimNameOf(pod, reference) === undefined);
  if (missing) return `podName=${nameOf(pod)}: ResourceClaim "${missing.name}" is not created yet`;
  for (const name of claimNamesOf(pod)) {
    const claim = await objects.resourceClaim(namespaceOf(pod), name);
    if (!claim) return `failed to fetch ResourceClaim ${name} referenced by pod ${nameOf(pod)}: resourceclaims.resource.k8s.io "${name}" not found`;
    if (!claim.status?.allocation) return `claim ${name} is not allocated`;
    if (!claim.status.reservedFor?.some((one) => one.uid === uidOf(pod)))
      return `pod ${nameOf(pod)} (${uidOf(pod)}) is not allowed to use ResourceClaim ${name} (${claim.metadata?.uid})`;
    const driver = claim.status.allocation.devices?.results?.[0]?.driver;
    if (driver !== undefined && volumes) return `prepare dynamic resources: DRA driver ${driver} is not registered on this node`;
  }
  return undefined;
}
