import type { Informer } from '#client';
import {
  claimNameOf,
  claimNamesOf,
  Pod,
  podClaimAnnotation,
  ResourceClaim,
  ResourceClaimTemplate,
  type ResourceV1ResourceClaim,
  type V1Pod,
  type V1PodResourceClaim,
  type V1ResourceClaimTemplate,
} from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, keyFor, splitKey, type Controller, type ControllerContext } from '../controller.ts';
import { controllerOf, controllerReference } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { isPodTerminal, isTerminating } from '../pods.ts';
import { finalizer, wantedClaim } from './plan.ts';

const byOwner = 'resourceclaim.owner';
const uses = (pod: V1Pod): readonly V1PodResourceClaim[] => pod.spec?.resourceClaims ?? [];

/**
 * Makes the ResourceClaims of pods that name templates, reserves allocated claims for pods that were bound without the
 * scheduler, and takes back what nobody uses any more. (Kubernetes: pkg/controller/resourceclaim.) Keys: `pod/…`, `claim/…`.
 */
export const resourceClaimController: Controller = {
  name: 'resource-claim',
  component: 'resource_claim',
  setup(context) {
    const claims = context.watch(ResourceClaim, (claim, old) => {
      const object = (claim ?? old) as ResourceV1ResourceClaim;
      const owner = controllerOf(object);
      return [`claim/${keyFor(object)}`, ...(owner?.kind === 'Pod' ? [`pod/${object.metadata?.namespace}/${owner.name}`] : [])];
    });
    const pods = context.watch(Pod, (pod, old) => {
      const object = (pod ?? old) as V1Pod;
      const used = claimNamesOf(object);
      if (used.length === 0 && uses(object).length === 0) return [];
      const namespace = object.metadata?.namespace ?? '';
      return [`pod/${keyFor(object)}`, ...used.map((name) => `claim/${namespace}/${name}`)];
    });
    claims.addIndex(byOwner, (claim) => (controllerOf(claim)?.kind === 'Pod' ? [controllerOf(claim)?.uid ?? ''] : []));
    const work = new Work(context, pods, claims);
    return (key) => {
      const slash = key.indexOf('/');
      const target = splitKey(key.slice(slash + 1));
      return key.startsWith('pod/') ? work.pod(target.namespace ?? '', target.name) : work.claim(target.namespace ?? '', target.name);
    };
  },
};

class Work {
  readonly #context: ControllerContext;
  readonly #pods: Informer<V1Pod>;
  readonly #claims: Informer<ResourceV1ResourceClaim>;
  readonly #pending: PendingWrites<ResourceV1ResourceClaim>;
  readonly #templates: Informer<V1ResourceClaimTemplate>;

  constructor(context: ControllerContext, pods: Informer<V1Pod>, claims: Informer<ResourceV1ResourceClaim>) {
    this.#context = context;
    this.#pods = pods;
    this.#claims = claims;
    this.#pending = new PendingWrites(claims);
    this.#templates = context.informer(ResourceClaimTemplate);
  }

  async pod(namespace: string, name: string): Promise<void> {
    const pod = this.#pods.get(namespace, name);
    if (!pod) return;
    if (isTerminating(pod) || isPodTerminal(pod)) return;
    const statuses = [...(pod.status?.resourceClaimStatuses ?? [])];
    for (const reference of uses(pod)) {
      if (!reference.resourceClaimTemplateName || statuses.some((one) => one.name === reference.name)) continue;
      const claim = await this.#made(pod, reference);
      if (claim) statuses.push({ name: reference.name, resourceClaimName: claim.metadata?.name ?? '' });
    }
    if (statuses.length > (pod.status?.resourceClaimStatuses ?? []).length)
      await this.#context.api.patch(
        Pod,
        { namespace, name },
        'application/merge-patch+json',
        { metadata: { uid: pod.metadata?.uid }, status: { resourceClaimStatuses: statuses } } as never,
        { subresource: 'status' },
      );
    else if (pod.spec?.nodeName) await this.#reserve(pod);
  }
  /** The claim that was made for the reference, or is made now. */
  async #made(pod: V1Pod, reference: V1PodResourceClaim): Promise<ResourceV1ResourceClaim | undefined> {
    const uid = pod.metadata?.uid ?? '';
    const own = this.#pending.merge(uid, this.#claims.byIndex(byOwner, uid));
    const present = own.find((claim) => claim.metadata?.annotations?.[podClaimAnnotation] === reference.name && !claim.metadata.deletionTimestamp);
    if (present) return present;
    try {
      const template = this.#templates.get(pod.metadata?.namespace, reference.resourceClaimTemplateName ?? '');
      if (!template)
        throw new Error(
          `resource claim template "${reference.resourceClaimTemplateName}": resourceclaimtemplate.resource.k8s.io "${reference.resourceClaimTemplateName}" not found`,
        );
      const claim = await this.#context.api.create(ResourceClaim, wantedClaim(pod, reference.name, template, controllerReference(Pod, pod)));
      this.#pending.wrote(uid, claim);
      return claim;
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      const text = error instanceof Error ? error.message : String(error);
      this.#context.recorder.event(pod, 'Warning', 'FailedResourceClaimCreation', `PodResourceClaim ${reference.name}: ${text}`);
      throw error;
    }
  }
  /** A pod that was bound by somebody who knows nothing of claims: what is allocated is reserved for it. */
  async #reserve(pod: V1Pod): Promise<void> {
    for (const reference of uses(pod)) {
      const name = claimNameOf(pod, reference);
      const claim = name ? this.#claims.get(pod.metadata?.namespace, name) : undefined;
      const { allocation, reservedFor = [] } = claim?.status ?? {};
      if (!claim || !allocation || claim.metadata?.deletionTimestamp || reservedFor.some((one) => one.uid === pod.metadata?.uid) || reservedFor.length >= 256)
        continue;
      const consumer = { resource: 'pods', name: pod.metadata?.name ?? '', uid: pod.metadata?.uid ?? '' };
      await this.#context.api.update(
        ResourceClaim,
        { ...claim, status: { ...claim.status, reservedFor: [...reservedFor, consumer] } },
        { subresource: 'status' },
      );
    }
  }

  async claim(namespace: string, name: string): Promise<void> {
    const claim = this.#claims.get(namespace, name);
    if (!claim) return;
    const { allocation, reservedFor = [] } = claim.status ?? {};
    const kept = [];
    for (const consumer of reservedFor)
      if (consumer.resource !== 'pods' || consumer.apiGroup || !(await this.#isDone(namespace, consumer))) kept.push(consumer);
    const isOurs = claim.metadata?.finalizers?.includes(finalizer) === true;
    const isDeleted = claim.metadata?.deletionTimestamp !== undefined;
    // An allocation that somebody else wrote, without the finalizer, stays.
    const isFree = isOurs && kept.length === 0 && (isDeleted || kept.length < reservedFor.length);
    let now = claim;
    if (kept.length < reservedFor.length || (isFree && allocation)) {
      const { allocation: _a, reservedFor: _r, devices: _d, ...rest } = claim.status ?? {};
      const status = isFree ? rest : { ...claim.status, reservedFor: kept };
      now = await this.#context.api.update(ResourceClaim, { ...claim, status }, { subresource: 'status' });
    }
    const finalizers = now.metadata?.finalizers ?? [];
    if (isFree && finalizers.includes(finalizer))
      now = await this.#context.api.update(ResourceClaim, { ...now, metadata: { ...now.metadata, finalizers: finalizers.filter((one) => one !== finalizer) } });
    await this.#dropOwned(now);
  }
  /** Whether a consumer needs its claim no more. What the cache does not have may be new: the API is asked. */
  async #isDone(namespace: string, { name, uid }: { name: string; uid: string }): Promise<boolean> {
    let pod = this.#pods.get(namespace, name);
    if (pod?.metadata?.uid !== uid) pod = await this.#ask(namespace, name);
    return pod?.metadata?.uid !== uid || isPodTerminal(pod) || (isTerminating(pod) && !pod.spec?.nodeName);
  }
  async #ask(namespace: string, name: string): Promise<V1Pod | undefined> {
    try {
      return await this.#context.api.get(Pod, { namespace, name });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
  /** The claim that was made for a pod goes when the pod is done. */
  async #dropOwned(claim: ResourceV1ResourceClaim): Promise<void> {
    const owner = controllerOf(claim);
    const { namespace, name = '', uid, deletionTimestamp } = claim.metadata ?? {};
    if (owner?.kind !== 'Pod' || deletionTimestamp || (claim.status?.reservedFor ?? []).length > 0) return;
    const pod = this.#pods.get(namespace, owner.name);
    if (!pod || pod.metadata?.uid !== owner.uid || !isPodTerminal(pod)) return;
    try {
      await this.#context.api.delete(ResourceClaim, { namespace, name }, uid ? { preconditions: { uid } } : {});
    } catch (error) {
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
    }
  }
}
