import { compareQuantity, parseQuantity } from '#base';
import type {
  ResourceV1ResourceClaim,
  V1AllocationResult,
  V1DeviceClass,
  V1DeviceConstraint,
  V1DeviceRequestAllocationResult,
  V1DeviceTaint,
  V1DeviceToleration,
  V1ExactDeviceRequest,
  V1NodeSelector,
  SelectedNode,
} from '#kinds';
import { nodeNamed, type Inventory, type PooledDevice } from './inventory.ts';
import { attributeText, selects } from './selectors.ts';

export interface Devices {
  readonly inventory: Inventory;
  /** Keys of devices that claims hold. */
  readonly held: ReadonlySet<string>;
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
}
interface Attempt {
  readonly node: SelectedNode;
  readonly devices: Devices;
  readonly taken: Set<string>;
  readonly candidates: Map<Wish, PooledDevice[]>;
}

/** Beyond this many steps the search gives up: a claim may ask for what takes for ever to rule out. */
const mostSteps = 20_000;

/**
 * Devices for claims on a node, all of them or undefined. Pure; depth first, alternatives and devices in their order, as
 * Kubernetes' structured allocator does. Throws AllocationError for what no node can give, and CelError where a selector fails.
 */
export function allocate(claims: readonly ResourceV1ResourceClaim[], node: SelectedNode, devices: Devices): Map<string, V1AllocationResult> | undefined {
  const attempt: Attempt = { node, devices, taken: new Set(devices.held), candidates: new Map() };
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
    for (const wish of wishes) {
      if (!classOf(wish.deviceClassName)) throw new AllocationError(`request ${wish.label}: device class ${wish.deviceClassName} does not exist`);
      if (Object.keys(wish.capacity?.requests ?? {}).length > 0) throw new AllocationError(`request ${wish.label}: requests of capacity are not implemented`);
    }
    return wishes;
  });
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
  const choose = (wish: Wish, candidates: readonly PooledDevice[], from: number, left: number, at: number): boolean => {
    if (left === 0) return request(at + 1);
    for (let i = from; candidates.length - i >= left; i++) {
      if (--steps.left < 0) return false;
      const pooled = candidates[i] as PooledDevice;
      if (!usable(attempt, wish, pooled, picks) || !constraints.every((one) => holds(one, wish, pooled, picks))) continue;
      picks.push({ wish, pooled });
      if (!wish.adminAccess) attempt.taken.add(pooled.key);
      if (choose(wish, candidates, i + 1, left - 1, at)) return true;
      picks.pop();
      if (!wish.adminAccess) attempt.taken.delete(pooled.key);
    }
    return false;
  };
  return request(0);
}

/** The devices of the node that the class and the request select, held or not. */
function candidatesOf({ node, devices, candidates }: Attempt, wish: Wish): PooledDevice[] {
  let list = candidates.get(wish);
  if (list) return list;
  const selectors = [...(devices.classOf(wish.deviceClassName)?.spec?.selectors ?? []), ...(wish.selectors ?? [])].flatMap(({ cel }) => cel?.expression ?? []);
  list = devices.inventory.devices.filter(({ driver, device, reaches }) => reaches(node) && selectors.every((one) => selects(one, driver, device)));
  candidates.set(wish, list);
  return list;
}
function usable(attempt: Attempt, wish: Wish, pooled: PooledDevice, picks: readonly Pick[]): boolean {
  if (wish.adminAccess) return !picks.some((pick) => pick.wish === wish && pick.pooled === pooled);
  if (attempt.taken.has(pooled.key) || !tolerated(pooled.device.taints, wish.tolerations)) return false;
  return hasCounters(attempt, pooled);
}
/** Taints NoSchedule and NoExecute keep devices from requests that do not tolerate them. */
function tolerated(taints: readonly V1DeviceTaint[] = [], tolerations: readonly V1DeviceToleration[] = []): boolean {
  const isTolerated = ({ key, value, effect }: V1DeviceTaint): boolean =>
    tolerations.some((t) => (!t.effect || t.effect === effect) && (!t.key || t.key === key) && (t.operator === 'Exists' || (t.value ?? '') === (value ?? '')));
  return taints.every((taint) => (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') || isTolerated(taint));
}
/** Devices that are parts of one thing draw on its counters. */
function hasCounters({ devices: { inventory }, taken }: Attempt, pooled: PooledDevice): boolean {
  const wanted = pooled.device.consumesCounters;
  if (!wanted?.length) return true;
  const siblings = inventory.devices.filter((one) => one.driver === pooled.driver && one.pool === pooled.pool && taken.has(one.key));
  return wanted.every(({ counterSet, counters }) =>
    Object.entries(counters).every(([name, { value }]) => {
      const used = siblings
        .flatMap((one) => one.device.consumesCounters ?? [])
        .filter((one) => one.counterSet === counterSet)
        .reduce((sum, one) => sum + (parseQuantity(one.counters[name]?.value ?? '0') ?? 0), 0);
      const there = inventory.counters.get(`${pooled.driver}/${pooled.pool}/${counterSet}/${name}`);
      return there !== undefined && compareQuantity(String(used + (parseQuantity(value) ?? 0)), there) <= 0;
    }),
  );
}
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
  const results = picks.map(({ wish, pooled }): V1DeviceRequestAllocationResult => ({
    request: wish.label,
    driver: pooled.driver,
    pool: pooled.pool,
    device: pooled.device.name,
    ...(wish.adminAccess ? { adminAccess: true } : {}),
    ...(wish.tolerations?.length ? { tolerations: wish.tolerations } : {}),
    ...(pooled.device.bindingConditions?.length ? { bindingConditions: pooled.device.bindingConditions } : {}),
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
/** Where the devices can be used: on this node if one of them is the node's own, else where all of them can. */
function placesOf(picks: readonly Pick[], node: SelectedNode): V1NodeSelector | undefined {
  const selectors = picks.flatMap(({ pooled }) => pooled.nodes ?? []);
  if (selectors.length === 0) return undefined;
  if (selectors.some((one) => one.nodeSelectorTerms.some((term) => term.matchFields?.length))) return nodeNamed(node.name);
  const terms = selectors.map((one) => one.nodeSelectorTerms[0] ?? {});
  return { nodeSelectorTerms: [{ matchExpressions: terms.flatMap((term) => term.matchExpressions ?? []) }] };
}
