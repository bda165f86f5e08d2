import { parseDuration } from '#base';
import type { Informer } from '#client';
import {
  claimNameOf,
  DeviceClass,
  ResourceClaim,
  ResourceSlice,
  type ResourceV1ResourceClaim,
  type V1AllocationResult,
  type V1ContainerExtendedResourceRequest,
  type V1DeviceClass,
  type V1ResourceSlice,
} from '#kinds';
import type { Kind } from '#machinery';
import { allocate, AllocationError, preferenceOf, wishesOf, type Devices } from '../devices/allocate.ts';
import { ClaimWriter } from '../devices/claim-writer.ts';
import { bindingTimeoutMs, conditionsMet, waitsForConditions } from '../devices/conditions.ts';
import { extendedClaim, extendedRequests, isExtendedClaimOf, ResourceClasses } from '../devices/extended.ts';
import { inventoryOf, matcherOf, type Inventory } from '../devices/inventory.ts';
import { Usage } from '../devices/usage.ts';
import type { NodeInfo } from '../node-info.ts';
import { reject, Refusal, type FilterPlugin, type Plugin, type PluginContext, type PluginDefinition, type Rejection, type ScorePlugin } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { checkArgs } from './support/args.ts';
import { unstuckByDevices } from './support/device-hints.ts';

/** Devices of ResourceClaims (KEP-4381): a node passes where what is allocated can be used, and the rest can be allocated. */
export const dynamicResources: PluginDefinition = { name: 'DynamicResources', create: (context) => new DynamicResources(context) };

const unavailable = reject('resourceclaim not available on the node', true);
const unallocatable = reject('cannot allocate all claims');
const mostConsumers = 256;

const uidOf = (claim: ResourceV1ResourceClaim): string => claim.metadata?.uid ?? '';

interface Facts {
  /** What is allocated already, each with the nodes where it can be used. */
  readonly reaches: readonly ((node: NodeInfo) => boolean)[];
  readonly wanted: readonly ResourceV1ResourceClaim[];
  /** Classes of the extended resources that the pod asks for, by resource. */
  readonly extended: ReadonlyMap<string, string>;
  readonly devices: Devices;
}
/** The claim that a pod's extended resources need on a node, and who uses it. */
interface Extended {
  readonly claim: ResourceV1ResourceClaim;
  readonly mappings: V1ContainerExtendedResourceRequest[];
}
interface Reserved {
  readonly claims: readonly ResourceV1ResourceClaim[];
  readonly allocations: ReadonlyMap<string, V1AllocationResult>;
  readonly extended: Extended | undefined;
  /** The claim for extended resources, once it is there. */
  made: ResourceV1ResourceClaim | undefined;
  written: boolean;
}

class DynamicResources implements Plugin {
  readonly name = 'DynamicResources';
  readonly watches = [ResourceClaim, ResourceSlice, DeviceClass] as unknown as readonly Kind[];
  readonly filter: FilterPlugin;
  readonly score: ScorePlugin;
  readonly #context: PluginContext;
  readonly #writer: ClaimWriter;
  readonly #claims: Informer<ResourceV1ResourceClaim>;
  readonly #slices: Informer<V1ResourceSlice>;
  readonly #classes: Informer<V1DeviceClass>;
  readonly #resources: ResourceClasses;
  readonly #bindingTimeoutMs: number;
  readonly #reserved = new Map<string, Reserved>();
  /** Allocations that are decided and not to be seen in the cache yet, by the claim's uid. */
  readonly #assumed = new Map<string, V1AllocationResult>();
  /** Uids of claims that are being deleted. */
  readonly #removing = new Set<string>();
  #inventory: { at: string; value: Inventory } | undefined;

  constructor(context: PluginContext) {
    this.#context = context;
    this.#writer = new ClaimWriter(context.api, context.clock);
    this.#claims = context.informer(ResourceClaim);
    this.#slices = context.informer(ResourceSlice);
    this.#classes = context.informer(DeviceClass);
    this.#resources = new ResourceClasses(this.#classes);
    this.#bindingTimeoutMs = timeoutOf(checkArgs(context.args, ['filterTimeout', 'bindingTimeout'])['bindingTimeout']);
    const applies = (pod: PodInfo): boolean => this.#concerns(pod);
    this.filter = {
      name: this.name,
      applies,
      prepare: (pod) => this.#facts(pod),
      filter: (pod, node, facts) => this.#fits(facts as Facts, pod, node),
      unstuckBy: unstuckByDevices,
      advice: (_pod, _node, rejection) =>
        rejection === unallocatable ? 'free devices that other claims hold, or add some that the requests select' : undefined,
    };
    this.score = {
      name: this.name,
      weight: 1,
      applies: (pod) => Boolean(pod.pod.spec?.resourceClaims?.length),
      prepare: (pod) => this.#choices(pod),
      score: (_pod, node, facts) => this.#preference(facts as Facts, node),
      normalize: 'highest',
    };
  }

  #concerns({ pod, requests }: PodInfo): boolean {
    if (pod.spec?.resourceClaims?.length) return true;
    if (!requests.scalar) return false;
    const resources = this.#resources.now();
    for (const name of requests.scalar.keys()) if (resources.has(name)) return true;
    return false;
  }
  #facts(pod: PodInfo): Facts | Refusal {
    const claims = this.#claimsOf(pod);
    if (claims instanceof Refusal) return claims;
    const stale = this.#dropStale(pod);
    if (stale) return stale;
    const reaches: ((node: NodeInfo) => boolean)[] = [];
    const wanted: ResourceV1ResourceClaim[] = [];
    for (const claim of claims) {
      const allocation = this.#allocationOf(claim);
      if (!allocation) wanted.push(claim);
      else if (allocation.nodeSelector) reaches.push(matcherOf(allocation.nodeSelector));
    }
    const resources = this.#resources.now();
    const extended = new Map([...(pod.requests.scalar?.keys() ?? [])].flatMap((name) => (resources.has(name) ? [[name, resources.get(name) as string]] : [])));
    const devices: Devices = { inventory: this.#inventoryNow(), held: this.#held(), classOf: (name) => this.#classes.get(undefined, name) };
    try {
      for (const claim of wanted) wishesOf(claim, devices.classOf);
    } catch (error) {
      if (error instanceof AllocationError) return new Refusal(error.message);
      throw error;
    }
    return { reaches, wanted, extended, devices };
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
  /** A claim for extended resources that an earlier attempt left (a scheduler that died in between) is deleted before the next. */
  #dropStale(pod: PodInfo): Refusal | undefined {
    if (!pod.requests.scalar || this.#reserved.has(pod.uid)) return undefined;
    const stale = this.#claims.list(pod.namespace).find((claim) => isExtendedClaimOf(claim, pod.uid));
    if (!stale) return undefined;
    this.#remove(stale);
    return new Refusal('cannot schedule extended resource claim');
  }
  #remove(claim: ResourceV1ResourceClaim): void {
    const uid = uidOf(claim);
    if (this.#removing.has(uid)) return;
    this.#removing.add(uid);
    void this.#writer
      .remove(claim)
      .catch((error: unknown) => this.#context.log.warn('cannot delete a resource claim', { claim: claim.metadata?.name, error }))
      .finally(() => this.#removing.delete(uid));
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
    if (this.#inventory?.at !== at || at === '') this.#inventory = { at, value: inventoryOf(this.#slices.list()) };
    return this.#inventory.value;
  }
  #held(): Usage {
    const held = new Usage();
    for (const claim of this.#claims.list())
      if (claim.status?.allocation) {
        this.#assumed.delete(uidOf(claim));
        held.add(claim.status.allocation.devices?.results);
      }
    for (const allocation of this.#assumed.values()) held.add(allocation.devices?.results);
    return held;
  }

  #fits(facts: Facts, pod: PodInfo, node: NodeInfo): Rejection | undefined {
    for (const can of facts.reaches) if (!can(node)) return unavailable;
    const extended = extendedOn(facts, pod, node);
    if (facts.wanted.length === 0 && !extended) return undefined;
    try {
      return allocate(all(facts, extended), node, facts.devices) ? undefined : unallocatable;
    } catch (error) {
      return reject(error instanceof Error ? error.message : String(error), true);
    }
  }
  /** Nodes are alike unless a request has alternatives. */
  #choices(pod: PodInfo): Facts | undefined {
    const facts = this.#facts(pod);
    if (facts instanceof Refusal) return undefined;
    return facts.wanted.some(({ spec }) => spec?.devices?.requests?.some((one) => one.firstAvailable?.length)) ? facts : undefined;
  }
  #preference({ wanted, devices }: Facts, node: NodeInfo): number {
    const found = allocate(wanted, node, devices);
    return found ? wanted.reduce((sum, claim) => sum + preferenceOf(claim, found.get(uidOf(claim))), 0) : 0;
  }

  readonly reserve = (pod: PodInfo, node: NodeInfo): string | undefined => {
    if (!this.#concerns(pod)) return undefined;
    const facts = this.#facts(pod);
    const claims = this.#claimsOf(pod);
    if (facts instanceof Refusal || claims instanceof Refusal) return facts instanceof Refusal ? facts.rejection.reasons[0] : 'resourceclaims changed';
    const extended = extendedOn(facts, pod, node);
    const found = allocate(all(facts, extended), node, facts.devices);
    if (!found) return unallocatable.reasons[0];
    const allocations = new Map([...found].map(([uid, allocation]) => [uid, this.#withShares(allocation)]));
    for (const [uid, allocation] of allocations) this.#assumed.set(uid, allocation);
    this.#reserved.set(pod.uid, { claims, allocations, extended, made: undefined, written: false });
    return undefined;
  };
  #withShares(allocation: V1AllocationResult): V1AllocationResult {
    const results = (allocation.devices?.results ?? []).map((one) => (one.shareID === undefined ? one : { ...one, shareID: this.#context.random.uuid() }));
    return { ...allocation, devices: { ...allocation.devices, results } };
  }
  readonly unreserve = (pod: PodInfo): void => {
    const reserved = this.#reserved.get(pod.uid);
    this.#reserved.delete(pod.uid);
    for (const uid of reserved?.allocations.keys() ?? []) this.#assumed.delete(uid);
    if (reserved?.made) {
      this.#assumed.delete(uidOf(reserved.made));
      this.#remove(reserved.made);
    }
    if (!reserved?.written) return;
    for (const claim of reserved.claims)
      void this.#writer
        .giveBack(claim, pod, reserved.allocations.has(uidOf(claim)))
        .catch((error: unknown) => this.#context.log.warn('cannot give a resource claim back', { claim: claim.metadata?.name, error }));
  };
  readonly preBind = (pod: PodInfo, _node: NodeInfo, signal: AbortSignal): Promise<void> | undefined => {
    const reserved = this.#reserved.get(pod.uid);
    return reserved && this.#write(pod, reserved, signal);
  };
  async #write(pod: PodInfo, reserved: Reserved, signal: AbortSignal): Promise<void> {
    const written: ResourceV1ResourceClaim[] = [];
    if (reserved.extended) written.push(await this.#writeExtended(pod, reserved, reserved.extended));
    for (const claim of reserved.claims) {
      signal.throwIfAborted();
      reserved.written = true;
      written.push((await this.#writer.reserve(claim, pod, reserved.allocations.get(uidOf(claim)))) ?? claim);
    }
    const waiting = written.filter(waitsForConditions);
    if (waiting.length > 0) await conditionsMet(this.#claims, waiting, { clock: this.#context.clock, signal, timeoutMs: this.#bindingTimeoutMs });
  }
  readonly postBind = (pod: PodInfo): void => void this.#reserved.delete(pod.uid);
  async #writeExtended(pod: PodInfo, reserved: Reserved, { claim, mappings }: Extended): Promise<ResourceV1ResourceClaim> {
    const allocation = reserved.allocations.get(uidOf(claim));
    const made = await this.#writer.create({ ...claim, metadata: withoutUid(claim.metadata ?? {}) });
    reserved.made = made;
    this.#assumed.delete(uidOf(claim));
    if (allocation) this.#assumed.set(uidOf(made), allocation);
    const written = await this.#writer.reserve(made, pod, allocation);
    await this.#writer.tellPod(pod, made.metadata?.name ?? '', mappings);
    return written ?? made;
  }
}

const all = ({ wanted }: Facts, extended: Extended | undefined): readonly ResourceV1ResourceClaim[] => (extended ? [...wanted, extended.claim] : wanted);
/** Extended resources that a device plugin of the node has are its; the others are devices of a class there. */
function extendedOn({ extended }: Facts, pod: PodInfo, { allocatable }: NodeInfo): Extended | undefined {
  if (extended.size === 0) return undefined;
  const wanted = new Map([...extended].filter(([name]) => !allocatable.scalar?.get(name)));
  if (wanted.size === 0) return undefined;
  const { requests, mappings } = extendedRequests(pod.pod, wanted);
  const claim = extendedClaim(pod.pod, requests);
  return { claim: { ...claim, metadata: { ...claim.metadata, uid: `extended resources of ${pod.uid}` } }, mappings };
}
function withoutUid({ uid: _uid, ...rest }: ResourceV1ResourceClaim['metadata'] & object): ResourceV1ResourceClaim['metadata'] & object {
  return rest;
}
/** `10m`, `90s`: a metav1.Duration. */
function timeoutOf(given: unknown): number {
  if (given === undefined || given === null) return bindingTimeoutMs;
  const ms = typeof given === 'string' ? parseDuration(given) : undefined;
  if (ms === undefined || ms < 1000) throw new Error(`args.bindingTimeout: Invalid value: ${JSON.stringify(given)}: must be at least 1 second`);
  return ms;
}
