import { quantityToMilli, quantityToNumber } from '#base';
import type { V1Container, V1Pod } from '#kinds';

/** Amounts of resources: cpu in thousandths, the others in bytes or pieces. */
export interface Resources {
  milliCpu: number;
  memory: number;
  ephemeralStorage: number;
  /** Extended resources and huge pages; undefined when there are none. */
  scalar: Map<string, number> | undefined;
}
export const noResources = (): Resources => ({ milliCpu: 0, memory: 0, ephemeralStorage: 0, scalar: undefined });

type ResourceList = { readonly [name: string]: string } | undefined;

export function parseResources(list: ResourceList): Resources {
  const out = noResources();
  for (const name in list) set(out, name, list[name] as string);
  return out;
}
function set(out: Resources, name: string, text: string): void {
  if (name === 'cpu') out.milliCpu = quantityToMilli(text);
  else if (name === 'memory') out.memory = Math.ceil(quantityToNumber(text));
  else if (name === 'ephemeral-storage') out.ephemeralStorage = Math.ceil(quantityToNumber(text));
  else if (name !== 'pods') (out.scalar ??= new Map()).set(name, Math.ceil(quantityToNumber(text)));
}

/** Adds `sign` times `b` to `a`, in place. */
export function addResources(a: Resources, b: Resources, sign: 1 | -1 = 1): void {
  a.milliCpu += sign * b.milliCpu;
  a.memory += sign * b.memory;
  a.ephemeralStorage += sign * b.ephemeralStorage;
  if (!b.scalar) return;
  const scalar = (a.scalar ??= new Map<string, number>());
  for (const [name, amount] of b.scalar) {
    const left = (scalar.get(name) ?? 0) + sign * amount;
    if (left === 0) scalar.delete(name);
    else scalar.set(name, left);
  }
  if (scalar.size === 0) a.scalar = undefined;
}
function maxResources(a: Resources, b: Resources): Resources {
  const out: Resources = {
    milliCpu: Math.max(a.milliCpu, b.milliCpu),
    memory: Math.max(a.memory, b.memory),
    ephemeralStorage: Math.max(a.ephemeralStorage, b.ephemeralStorage),
    scalar: undefined,
  };
  for (const name of new Set([...(a.scalar?.keys() ?? []), ...(b.scalar?.keys() ?? [])])) {
    (out.scalar ??= new Map()).set(name, Math.max(a.scalar?.get(name) ?? 0, b.scalar?.get(name) ?? 0));
  }
  return out;
}

// What a container without requests is taken to use when nodes are compared (kube-scheduler's defaults).
const defaultMilliCpu = 100;
const defaultMemory = 200 * 1024 * 1024;

export interface PodRequests {
  /** What the pod asks for: what must fit. */
  requests: Resources;
  /** The same with defaults for containers that ask for nothing: what nodes are scored by. */
  scoredMilliCpu: number;
  scoredMemory: number;
}

/**
 * The effective request of a pod (KEP-753): the sum of its containers and sidecars, or the largest init
 * container with the sidecars started before it, whichever is more; pod-level requests (KEP-2837) override
 * cpu and memory; overhead comes on top.
 */
export function podRequests(pod: V1Pod): PodRequests {
  const held = heldByContainers(pod);
  const requests = combine(pod, (container) => atLeast(requestsOf(container), held?.get(container.name)));
  const scored = combine(pod, (container) => atLeast(scoredRequestsOf(container), held?.get(container.name)));
  const podLevel = pod.spec?.resources?.requests;
  if (podLevel) {
    const level = parseResources(podLevel);
    if (podLevel.cpu !== undefined) requests.milliCpu = scored.milliCpu = level.milliCpu;
    if (podLevel.memory !== undefined) requests.memory = scored.memory = level.memory;
    for (const [name, amount] of level.scalar ?? []) (requests.scalar ??= new Map()).set(name, amount);
  }
  if (pod.spec?.overhead) {
    const overhead = parseResources(pod.spec.overhead);
    addResources(requests, overhead);
    addResources(scored, overhead);
  }
  return { requests, scoredMilliCpu: scored.milliCpu, scoredMemory: scored.memory };
}

/**
 * What containers hold on their node, by name (KEP-1287): while a resize is under way the node keeps the larger of what is
 * asked for, what was granted and what is in force. A resize that cannot be done there counts for nothing.
 */
function heldByContainers({ spec, status }: V1Pod): Map<string, Held> | undefined {
  const containers = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  if (!containers.some((one) => one.resources?.requests ?? one.allocatedResources)) return undefined;
  const infeasible = status?.conditions?.some((c) => c.type === 'PodResizePending' && c.status === 'True' && c.reason === 'Infeasible') === true;
  const out = new Map<string, Held>();
  for (const { name, resources, allocatedResources } of containers) {
    if (!resources?.requests && !allocatedResources) continue;
    const amount = maxResources(parseResources(resources?.requests), parseResources(allocatedResources));
    out.set(name, { amount, instead: infeasible && spec !== undefined });
  }
  return out;
}
interface Held {
  readonly amount: Resources;
  /** In place of what is asked for, not beside it. */
  readonly instead: boolean;
}
function atLeast(asked: Resources, held: Held | undefined): Resources {
  if (!held) return asked;
  // A copy: sums are made in place.
  return held.instead ? maxResources(held.amount, noResources()) : maxResources(asked, held.amount);
}

const requestsOf = (container: V1Container): Resources => parseResources(container.resources?.requests);
function scoredRequestsOf(container: V1Container): Resources {
  const out = requestsOf(container);
  const list = container.resources?.requests;
  if (list?.cpu === undefined) out.milliCpu = defaultMilliCpu;
  if (list?.memory === undefined) out.memory = defaultMemory;
  return out;
}

function combine(pod: V1Pod, of: (container: V1Container) => Resources): Resources {
  const running = noResources();
  const sidecars = noResources();
  let starting = noResources();
  for (const container of pod.spec?.containers ?? []) addResources(running, of(container));
  for (const container of pod.spec?.initContainers ?? []) {
    const amount = of(container);
    if (container.restartPolicy === 'Always') {
      addResources(running, amount);
      addResources(sidecars, amount);
      starting = maxResources(starting, sidecars);
    } else {
      addResources(amount, sidecars);
      starting = maxResources(starting, amount);
    }
  }
  return pod.spec?.initContainers ? maxResources(running, starting) : running;
}
