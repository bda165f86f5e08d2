import { formatTime, type Clock } from '#base';
import { Pod, ResourceClaim, type ResourceV1ResourceClaim, type V1AllocationResult, type V1ContainerExtendedResourceRequest } from '#kinds';
import { isApiError, type Api } from '#machinery';
import type { PodInfo } from '../pod-info.ts';

type ClaimStatus = NonNullable<ResourceV1ResourceClaim['status']>;
/** Keeps a claim from being deleted while devices are allocated for it. */
const finalizer = 'resource.kubernetes.io/delete-protection';

/** Writes of the scheduler to ResourceClaims, each on the newest version. */
export class ClaimWriter {
  readonly #api: Api;
  readonly #clock: Clock;

  constructor(api: Api, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }
  /** The pod stands in reservedFor and the claim is allocated: as decided, or as it was. Rejects when it is neither. */
  reserve(claim: ResourceV1ResourceClaim, pod: PodInfo, decided: V1AllocationResult | undefined): Promise<ResourceV1ResourceClaim | undefined> {
    return this.#change(
      claim,
      (status) => {
        if (!status.allocation && !decided)
          throw new Error(`claim ${claim.metadata?.namespace}/${claim.metadata?.name} got deallocated elsewhere in the meantime`);
        const allocation = status.allocation ?? { ...decided, allocationTimestamp: formatTime(this.#clock.now()) };
        const others = (status.reservedFor ?? []).filter((one) => one.uid !== pod.uid);
        return { ...status, allocation, reservedFor: [...others, { resource: 'pods', name: pod.name, uid: pod.uid }] };
      },
      true,
    );
  }
  /** Without the pod; what was `decided` for it alone is free again. */
  async giveBack(claim: ResourceV1ResourceClaim, pod: PodInfo, decided: boolean): Promise<void> {
    await this.#change(claim, (status) => without(status, pod.uid, decided), false);
  }
  create(claim: ResourceV1ResourceClaim): Promise<ResourceV1ResourceClaim> {
    return this.#api.create(ResourceClaim, claim);
  }
  /** Deletes a claim that the scheduler made, protected or not. */
  async remove({ metadata }: ResourceV1ResourceClaim): Promise<void> {
    const key = { namespace: metadata?.namespace, name: metadata?.name ?? '' };
    await this.#retried(false, async () => {
      const claim = await this.#api.get(ResourceClaim, key);
      if (claim.metadata?.uid !== metadata?.uid) return;
      if (!claim.metadata?.deletionTimestamp) await this.#api.delete(ResourceClaim, key, metadata?.uid ? { preconditions: { uid: metadata.uid } } : {});
      const left = (claim.metadata?.finalizers ?? []).filter((one) => one !== finalizer);
      if (left.length === (claim.metadata?.finalizers ?? []).length) return;
      const now = await this.#api.get(ResourceClaim, key);
      await this.#api.update(ResourceClaim, { ...now, metadata: { ...now.metadata, finalizers: left } });
    });
  }
  /** Tells the node which claim stands for the extended resources of a pod. */
  async tellPod({ namespace, name, uid }: PodInfo, resourceClaimName: string, requestMappings: V1ContainerExtendedResourceRequest[]): Promise<void> {
    const status = { extendedResourceClaimStatus: { resourceClaimName, requestMappings } };
    const patch = { metadata: { uid }, status };
    await this.#api.patch(Pod, { namespace, name }, 'application/merge-patch+json', patch as never, { subresource: 'status' });
  }

  /** `protects`: it must still be the same claim, and is not deleted before it is given back. */
  #change({ metadata }: ResourceV1ResourceClaim, to: (status: ClaimStatus) => ClaimStatus, protects: boolean): Promise<ResourceV1ResourceClaim | undefined> {
    const key = { namespace: metadata?.namespace, name: metadata?.name ?? '' };
    return this.#retried(protects, async () => {
      let claim = await this.#api.get(ResourceClaim, key);
      if (protects && claim.metadata?.uid !== metadata?.uid) throw new Error(`claim ${key.namespace}/${key.name} got replaced`);
      const finalizers = claim.metadata?.finalizers ?? [];
      if (protects && !finalizers.includes(finalizer))
        claim = await this.#api.update(ResourceClaim, { ...claim, metadata: { ...claim.metadata, finalizers: [...finalizers, finalizer] } });
      return this.#api.update(ResourceClaim, { ...claim, status: to(claim.status ?? {}) }, { subresource: 'status' });
    });
  }
  async #retried<T>(mustBe: boolean, work: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!mustBe && isApiError(error, 'NotFound')) return undefined;
        if (attempt >= 4 || !isApiError(error, 'Conflict')) throw error;
      }
    }
  }
}

function without(status: ClaimStatus, uid: string, decided: boolean): ClaimStatus {
  const reservedFor = (status.reservedFor ?? []).filter((one) => one.uid !== uid);
  if (reservedFor.length > 0 || !decided) return { ...status, reservedFor };
  const { allocation: _allocation, reservedFor: _reservedFor, devices: _devices, ...rest } = status;
  return rest;
}
