import { formatAmount, parseAmount } from '#base';
import {
  tolerated,
  type ResourceV1ResourceClaim,
  type V1AllocationResult,
  type V1Device,
  type V1DeviceClass,
  type V1DeviceConstraint,
  type V1DeviceRequestAllocationResult,
  type V1ExactDeviceRequest,
  type V1NodeSelector,
  type SelectedNode,
} from '#kinds';
import { consumedBy, type Consumed } from './capacity.ts';
import { nodeNamed, type Inventory, type PooledDevice } from './inventory.ts';
import { attributeText, selects } from './selectors.ts';
import type { Usage } from './usage.ts';

export interface Devices {
  readonly inventory: Inventory;
  /** What claims hold. */
  readonly held: Usage;
  classOf(name: string): V1DeviceClass | undefined;
}
export class AllocationError extends Error {}

/** One wish: an exact request, or an alternative of one that has several. */
interface Wish extends V1ExactDeviceRequest {
  /** As results name it: `request`, or `request/alternative`. */
  readonly label: string;
}
interface Pick {
  readonly wish: Wish;
  readonly pooled: PooledDevice;
  /** Of a device that several may share. */
  readonly consumed: Consumed | undefined;
}
/** A device that a wish selects, and what an allocation takes of it when it is shared. */
type Candidate = Omit<Pick, 'wish'>;
const noCapacity: Consumed = new Map();
interface Attempt {
  readonly node: SelectedNode;
  readonly devices: Devices;
  readonly usage: Usage;
  readonly candidates: Map<Wish, Candidate[]>;
}

/** Beyond this many steps the search gives up: a claim may ask for what takes for ever to rule out. */
const mostSteps = 20_000;

/**
 * Devices for claims on a node, all of them or undefined. Pure; depth first, alternatives and devices in their order, as
 * Kubernetes' structured allocator does. Shares are without their id (`shareID` is empty): whoever keeps the result gives them one.
 * Throws AllocationError for what no node can give, and CelError where a selector fails.
 */
export function allocate(claims: readonly ResourceV1ResourceClaim[], node: SelectedNode, devices: Devices): Map<string, V1AllocationResult> | undefined {
  const attempt: Attempt = { node, devices, usage: devices.held.copy(), candidates: new Map() };
  const out = new Map<string, V1AllocationResult>();
  const steps = { left: mostSteps };
  const next = (i: number): boolean => {
    const claim = claims[i];
    if (!claim) return true;
    return eachSolution(attempt, claim, steps, (picks) => {
      out.set(claim.metadata?.uid ?? '', resultOf(claim, picks, node, devices));
      return next(i + 1);
    });
  };
  return next(0) ? out : undefined;
}

/** Wishes of a claim: for each request its alternatives in order. Throws AllocationError where a class is missing. */
export function wishesOf(claim: ResourceV1ResourceClaim, classOf: Devices['classOf']): Wish[][] {
  return (claim.spec?.devices?.requests ?? []).map(({ name, exactly, firstAvailable }) => {
    const wishes: Wish[] = exactly ? [{ ...exactly, label: name }] : (firstAvailable ?? []).map((one) => ({ ...one, label: `${name}/${one.name}` }));
    for (const wish of wishes)
      if (!classOf(wish.deviceClassName)) throw new AllocationError(`request ${wish.label}: device class ${wish.deviceClassName} does not exist`);
    return wishes;
  });
}

/** How much an allocation is liked: alternatives are in the order in which they are preferred, of 8 at most. */
export function preferenceOf(claim: ResourceV1ResourceClaim, allocation: V1AllocationResult | undefined): number {
  return (claim.spec?.devices?.requests ?? []).reduce((sum, { name, firstAvailable = [] }) => {
    const at = firstAvailable.findIndex((one) => allocation?.devices?.results?.some(({ request }) => request === `${name}/${one.name}`));
    return at < 0 ? sum : sum + 8 - at;
  }, 0);
}

function eachSolution(attempt: Attempt, claim: ResourceV1ResourceClaim, steps: { left: number }, found: (picks: readonly Pick[]) => boolean): boolean {
  const requests = wishesOf(claim, attempt.devices.classOf);
  const constraints = claim.spec?.devices?.constraints ?? [];
  const picks: Pick[] = [];
  const request = (at: number): boolean => {
    const wishes = requests[at];
    if (!wishes) return found(picks);
    return wishes.some((wish) => fill(wish, at));
  };
  const fill = (wish: Wish, at: number): boolean => {
    const candidates = candidatesOf(attempt, wish);
    if (wish.allocationMode !== 'All') return choose(wish, candidates, 0, wish.count ?? 1, at);
    if (candidates.length === 0 || !candidates.every((one) => usable(attempt, wish, one, picks))) return false;
    return choose(wish, candidates, 0, candidates.length, at);
  };
  const choose = (wish: Wish, candidates: readonly Candidate[], from: number, left: number, at: number): boolean => {
    if (left === 0) return request(at + 1);
    for (let i = from; i < candidates.length; i++) {
      if (--steps.left < 0) return false;
      const { pooled, consumed } = candidates[i] as Candidate;
      if (!usable(attempt, wish, candidates[i] as Candidate, picks) || !constraints.every((one) => holds(one, wish, pooled, picks))) continue;
      picks.push({ wish, pooled, consumed });
      if (!wish.adminAccess) attempt.usage.take(pooled.key, consumed);
      // Shares of one device may be several of those that the request counts.
      const next = consumed && wish.allocationMode !== 'All' ? i : i + 1;
      if (choose(wish, candidates, next, left - 1, at)) return true;
      picks.pop();
      if (!wish.adminAccess) attempt.usage.giveBack(pooled.key, consumed);
    }
    return false;
  };
  return request(0);
}

/** The devices of the node that the class and the request select and that are large enough, held or not. */
function candidatesOf({ node, devices, candidates }: Attempt, wish: Wish): Candidate[] {
  let list = candidates.get(wish);
  if (list) return list;
  const selectors = [...(devices.classOf(wish.deviceClassName)?.spec?.selectors ?? []), ...(wish.selectors ?? [])].flatMap(({ cel }) => cel?.expression ?? []);
  list = devices.inventory.devices.flatMap((pooled) => {
    const { driver, device, reaches } = pooled;
    if (!reaches(node) || !selectors.every((one) => selects(one, driver, device))) return [];
    const isShared = device.allowMultipleAllocations === true;
    const consumed = isShared || wish.capacity?.requests ? consumedBy(driver, device, wish.capacity?.requests) : noCapacity;
    return consumed ? [{ pooled, consumed: isShared ? consumed : undefined }] : [];
  });
  candidates.set(wish, list);
  return list;
}
function usable(attempt: Attempt, wish: Wish, { pooled, consumed }: Candidate, picks: readonly Pick[]): boolean {
  if (wish.adminAccess) return !picks.some((pick) => pick.wish === wish && pick.pooled === pooled);
  const { usage } = attempt;
  if (usage.isWhole(pooled.key) || isKeptFrom(pooled.device, wish)) return false;
  if (!usage.isUsed(pooled.key)) return hasCounters(attempt, pooled);
  return consumed !== undefined && hasCapacity(usage, pooled, consumed);
}
/** What other shares leave is enough. */
function hasCapacity(usage: Usage, { key, device }: PooledDevice, consumed: Consumed): boolean {
  for (const [name, { nano }] of consumed) if (usage.consumed(key, name) + nano > (parseAmount(device.capacity?.[name]?.value ?? '')?.nano ?? 0n)) return false;
  return true;
}
/** Taints NoSchedule and NoExecute keep devices from requests that do not tolerate them. */
const isKeptFrom = ({ taints = [] }: V1Device, { tolerations = [] }: Wish): boolean =>
  taints.some((taint) => (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') && !tolerated(tolerations, taint));
/** Devices that are parts of one thing draw on its counters; those that are shared do it once. */
function hasCounters({ devices: { inventory }, usage }: Attempt, pooled: PooledDevice): boolean {
  const wanted = pooled.device.consumesCounters;
  if (!wanted?.length) return true;
  const pool = `${pooled.driver}/${pooled.pool}`;
  const siblings = (inventory.drawing.get(pool) ?? []).filter(({ key }) => usage.isUsed(key));
  return wanted.every(({ counterSet, counters }) =>
    Object.entries(counters).every(([name, { value }]) => {
      const used = siblings
        .flatMap((one) => one.device.consumesCounters ?? [])
        .filter((one) => one.counterSet === counterSet)
        .reduce((sum, one) => sum + nanoOf(one.counters[name]?.value), 0n);
      const there = inventory.counters.get(`${pool}/${counterSet}/${name}`);
      return there !== undefined && used + nanoOf(value) <= nanoOf(there);
    }),
  );
}
const nanoOf = (text: string | undefined): bigint => parseAmount(text ?? '')?.nano ?? 0n;
function holds(constraint: V1DeviceConstraint, wish: Wish, { driver, device }: PooledDevice, picks: readonly Pick[]): boolean {
  const concerns = ({ label }: Wish): boolean =>
    !constraint.requests?.length || constraint.requests.some((name) => name === label || name === label.slice(0, label.indexOf('/')));
  if (!concerns(wish)) return true;
  const name = constraint.matchAttribute ?? constraint.distinctAttribute;
  if (name === undefined) return true;
  const value = attributeText(driver, device, name);
  if (value === undefined) return false;
  const others = picks.filter((pick) => concerns(pick.wish)).map((pick) => attributeText(pick.pooled.driver, pick.pooled.device, name));
  return constraint.matchAttribute !== undefined ? others.every((other) => other === value) : !others.includes(value);
}

function resultOf(claim: ResourceV1ResourceClaim, picks: readonly Pick[], node: SelectedNode, devices: Devices): V1AllocationResult {
  const results = picks.map(({ wish, pooled, consumed }): V1DeviceRequestAllocationResult => ({
    request: wish.label,
    driver: pooled.driver,
    pool: pooled.pool,
    device: pooled.device.name,
    ...(wish.adminAccess ? { adminAccess: true } : {}),
    ...(wish.tolerations?.length ? { tolerations: wish.tolerations } : {}),
    ...(pooled.device.bindingConditions?.length ? { bindingConditions: pooled.device.bindingConditions } : {}),
    ...(pooled.device.bindingFailureConditions?.length ? { bindingFailureConditions: pooled.device.bindingFailureConditions } : {}),
    ...(consumed && !wish.adminAccess
      ? { shareID: '', consumedCapacity: Object.fromEntries([...consumed].map(([name, amount]) => [name, formatAmount(amount)])) }
      : {}),
  }));
  const wishes = [...new Set(picks.map(({ wish }) => wish))];
  const fromClasses = wishes.flatMap((wish) =>
    (devices.classOf(wish.deviceClassName)?.spec?.config ?? []).map((config) => ({ source: 'FromClass', requests: [wish.label], ...config })),
  );
  const fromClaim = (claim.spec?.devices?.config ?? []).map((config) => ({ source: 'FromClaim', ...config }));
  const config = [...fromClasses, ...fromClaim];
  const nodeSelector = placesOf(picks, node);
  return { devices: { results, ...(config.length > 0 ? { config } : {}) }, ...(nodeSelector ? { nodeSelector } : {}) };
}
/** Where the devices can be used: on this node if one of them is the node's own or binds to it, else where all of them can. */
function placesOf(picks: readonly Pick[], node: SelectedNode): V1NodeSelector | undefined {
  if (picks.some(({ pooled }) => pooled.device.bindsToNode)) return nodeNamed(node.name);
  const selectors = picks.flatMap(({ pooled }) => pooled.nodes ?? []);
  if (selectors.length === 0) return undefined;
  if (selectors.some((one) => one.nodeSelectorTerms.some((term) => term.matchFields?.length))) return nodeNamed(node.name);
  const terms = selectors.map((one) => one.nodeSelectorTerms[0] ?? {});
  return { nodeSelectorTerms: [{ matchExpressions: terms.flatMap((term) => term.matchExpressions ?? []) }] };
}
