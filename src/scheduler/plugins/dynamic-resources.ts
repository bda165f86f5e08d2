import { formatTime } from '#base';
import type { Informer } from '#client';
import {
  claimNameOf,
  DeviceClass,
  ResourceClaim,
  ResourceSlice,
  type ResourceV1ResourceClaim,
  type V1AllocationResult,
  type V1DeviceClass,
  type V1ResourceSlice,
} from '#kinds';
import { isApiError, type Api, type Kind } from '#machinery';
import { allocate, AllocationError, wishesOf, type Devices } from '../devices/allocate.ts';
import { deviceKey, inventoryOf, matcherOf, type Inventory } from '../devices/inventory.ts';
import type { NodeInfo } from '../node-info.ts';
import { reject, Refusal, type ClusterEvent, type FilterPlugin, type Plugin, type PluginContext, type PluginDefinition, type Rejection } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';

/** Devices of ResourceClaims (KEP-4381): a node passes where what is allocated can be used, and the rest can be allocated. */
export const dynamicResources: PluginDefinition = { name: 'DynamicResources', create: (context) => new DynamicResources(context) };

const unavailable = reject('resourceclaim not available on the node', true);
const unallocatable = reject('cannot allocate all claims');
const finalizer = 'resource.kubernetes.io/delete-protection';
const mostConsumers = 256;

const hasClaims = ({ pod }: PodInfo): boolean => Boolean(pod.spec?.resourceClaims?.length);
const uidOf = (claim: ResourceV1ResourceClaim): string => claim.metadata?.uid ?? '';

interface Facts {
  /** What is allocated already, each with the nodes where it can be used. */
  readonly reaches: readonly ((node: NodeInfo) => boolean)[];
  readonly wanted: readonly ResourceV1ResourceClaim[];
  readonly devices: Devices;
}
interface Reserved {
  readonly claims: readonly ResourceV1ResourceClaim[];
  readonly allocations: ReadonlyMap<string, V1AllocationResult>;
  written: boolean;
}

class DynamicResources implements Plugin {
  readonly name = 'DynamicResources';
  readonly watches = [ResourceClaim, ResourceSlice, DeviceClass] as unknown as readonly Kind[];
  readonly filter: FilterPlugin;
  readonly #api: Api;
  readonly #context: PluginContext;
  readonly #claims: Informer<ResourceV1ResourceClaim>;
  readonly #slices: Informer<V1ResourceSlice>;
  readonly #classes: Informer<V1DeviceClass>;
  readonly #reserved = new Map<string, Reserved>();
  /** Allocations that are decided and not to be seen in the cache yet, by the claim's uid. */
  readonly #assumed = new Map<string, V1AllocationResult>();
  #inventory: { at: string; value: Inventory } | undefined;

  constructor(context: PluginContext) {
    this.#context = context;
    this.#api = context.api;
    this.#claims = context.informer(ResourceClaim);
    this.#slices = context.informer(ResourceSlice);
    this.#classes = context.informer(DeviceClass);
    this.filter = {
      name: this.name,
      applies: hasClaims,
      prepare: (pod) => this.#facts(pod),
      filter: (_pod, node, facts) => this.#fits(facts as Facts, node),
      unstuckBy,
      advice: (_pod, _node, rejection) =>
        rejection === unallocatable ? 'free devices that other claims hold, or add some that the requests select' : undefined,
    };
  }

  #facts(pod: PodInfo): Facts | Refusal {
    const claims = this.#claimsOf(pod);
    if (claims instanceof Refusal) return claims;
    const reaches: ((node: NodeInfo) => boolean)[] = [];
    const wanted: ResourceV1ResourceClaim[] = [];
    for (const claim of claims) {
      const allocation = this.#allocationOf(claim);
      if (!allocation) wanted.push(claim);
      else if (allocation.nodeSelector) reaches.push(matcherOf(allocation.nodeSelector));
    }
    const devices: Devices = { inventory: this.#inventoryNow(), held: this.#held(), classOf: (name) => this.#classes.get(undefined, name) };
    try {
      for (const claim of wanted) wishesOf(claim, devices.classOf);
    } catch (error) {
      if (error instanceof AllocationError) return new Refusal(error.message);
      throw error;
    }
    return { reaches, wanted, devices };
  }
  #claimsOf(pod: PodInfo): ResourceV1ResourceClaim[] | Refusal {
    const out: ResourceV1ResourceClaim[] = [];
    for (const reference of pod.pod.spec?.resourceClaims ?? []) {
      const name = claimNameOf(pod.pod, reference);
      if (name === undefined) return new Refusal(`waiting for dynamic resource controller to create the resourceclaim for pod "${pod.namespace}/${pod.name}"`);
      if (name === null) continue;
      const claim = this.#claims.get(pod.namespace, name);
      if (!claim) return new Refusal(`resourceclaim "${name}" not found`);
      if (claim.metadata?.deletionTimestamp) return new Refusal(`resourceclaim "${name}" is being deleted`);
      const { reservedFor = [] } = claim.status ?? {};
      if (reservedFor.length >= mostConsumers && !reservedFor.some((one) => one.uid === pod.uid)) return new Refusal('resourceclaim in use');
      out.push(claim);
    }
    return out;
  }
  #allocationOf(claim: ResourceV1ResourceClaim): V1AllocationResult | undefined {
    if (claim.status?.allocation) {
      this.#assumed.delete(uidOf(claim));
      return claim.status.allocation;
    }
    return this.#assumed.get(uidOf(claim));
  }
  #inventoryNow(): Inventory {
    const at = this.#slices.resourceVersion;
    if (this.#inventory?.at !== at || this.#slices.resourceVersion === '') this.#inventory = { at, value: inventoryOf(this.#slices.list()) };
    return this.#inventory.value;
  }
  #held(): Set<string> {
    const held = new Set<string>();
    const hold = (allocation: V1AllocationResult | undefined): void => {
      for (const { driver, pool, device, adminAccess } of allocation?.devices?.results ?? []) if (!adminAccess) held.add(deviceKey(driver, pool, device));
    };
    for (const claim of this.#claims.list()) hold(claim.status?.allocation);
    for (const allocation of this.#assumed.values()) hold(allocation);
    return held;
  }

  #fits({ reaches, wanted, devices }: Facts, node: NodeInfo): Rejection | undefined {
    for (const can of reaches) if (!can(node)) return unavailable;
    if (wanted.length === 0) return undefined;
    try {
      return allocate(wanted, node, devices) ? undefined : unallocatable;
    } catch (error) {
      return reject(error instanceof Error ? error.message : String(error), true);
    }
  }

  readonly reserve = (pod: PodInfo, node: NodeInfo): string | undefined => {
    if (!hasClaims(pod)) return undefined;
    const facts = this.#facts(pod);
    const claims = this.#claimsOf(pod);
    if (facts instanceof Refusal || claims instanceof Refusal) return facts instanceof Refusal ? facts.rejection.reasons[0] : 'resourceclaims changed';
    const allocations = allocate(facts.wanted, node, facts.devices);
    if (!allocations) return unallocatable.reasons[0];
    for (const [uid, allocation] of allocations) this.#assumed.set(uid, allocation);
    this.#reserved.set(pod.uid, { claims, allocations, written: false });
    return undefined;
  };
  readonly unreserve = (pod: PodInfo): void => {
    const reserved = this.#reserved.get(pod.uid);
    this.#reserved.delete(pod.uid);
    for (const uid of reserved?.allocations.keys() ?? []) this.#assumed.delete(uid);
    if (!reserved?.written) return;
    for (const claim of reserved.claims)
      void this.#change(claim, (status) => without(status, pod.uid, reserved.allocations.has(uidOf(claim)))).catch((error: unknown) =>
        this.#context.log.warn('cannot give a resource claim back', { claim: claim.metadata?.name, error }),
      );
  };
  readonly preBind = (pod: PodInfo, _node: NodeInfo, signal: AbortSignal): Promise<void> | undefined => {
    const reserved = this.#reserved.get(pod.uid);
    return reserved && this.#write(pod, reserved, signal);
  };
  async #write(pod: PodInfo, reserved: Reserved, signal: AbortSignal): Promise<void> {
    for (const claim of reserved.claims) {
      signal.throwIfAborted();
      reserved.written = true;
      const decided = reserved.allocations.get(uidOf(claim));
      await this.#change(
        claim,
        (status) => {
          if (!status.allocation && !decided)
            throw new Error(`claim ${claim.metadata?.namespace}/${claim.metadata?.name} got deallocated elsewhere in the meantime`);
          const allocation = status.allocation ?? { ...decided, allocationTimestamp: formatTime(this.#context.clock.now()) };
          const others = (status.reservedFor ?? []).filter((one) => one.uid !== pod.uid);
          return { ...status, allocation, reservedFor: [...others, { resource: 'pods', name: pod.name, uid: pod.uid }] };
        },
        true,
      );
    }
    this.#reserved.delete(pod.uid);
  }
  /** Of the newest version; a claim that is protected is not deleted before it is given back. */
  async #change({ metadata }: ResourceV1ResourceClaim, to: (status: ClaimStatus) => ClaimStatus, protects = false): Promise<void> {
    const key = { namespace: metadata?.namespace, name: metadata?.name ?? '' };
    for (let attempt = 0; ; attempt++) {
      try {
        let claim = await this.#api.get(ResourceClaim, key);
        if (protects && claim.metadata?.uid !== metadata?.uid) throw new Error(`claim ${key.namespace}/${key.name} got replaced`);
        const finalizers = claim.metadata?.finalizers ?? [];
        if (protects && !finalizers.includes(finalizer))
          claim = await this.#api.update(ResourceClaim, { ...claim, metadata: { ...claim.metadata, finalizers: [...finalizers, finalizer] } });
        await this.#api.update(ResourceClaim, { ...claim, status: to(claim.status ?? {}) }, { subresource: 'status' });
        return;
      } catch (error) {
        if (!protects && isApiError(error, 'NotFound')) return;
        if (attempt >= 4 || !isApiError(error, 'Conflict')) throw error;
      }
    }
  }
}

type ClaimStatus = NonNullable<ResourceV1ResourceClaim['status']>;
/** Without the pod; what was allocated for it alone is free again. */
function without(status: ClaimStatus, uid: string, decided: boolean): ClaimStatus {
  const reservedFor = (status.reservedFor ?? []).filter((one) => one.uid !== uid);
  if (reservedFor.length > 0 || !decided) return { ...status, reservedFor };
  const { allocation: _allocation, reservedFor: _reservedFor, ...rest } = status;
  return rest;
}

/** Claims of the pod that come or change, claims of others that are given back, new devices, and classes. */
function unstuckBy(event: ClusterEvent, pod: PodInfo): boolean {
  if (event.type !== 'ObjectChanged') return event.type === 'NodeAdded' || (event.type === 'NodeChanged' && event.change.labels);
  if (event.kind !== 'ResourceClaim') return event.object !== undefined;
  const [now, before] = [event.object, event.old] as (ResourceV1ResourceClaim | undefined)[];
  const isOwn = (now ?? before)?.metadata?.namespace === pod.namespace;
  return Boolean(before?.status?.allocation && !now?.status?.allocation) || isOwn;
}
