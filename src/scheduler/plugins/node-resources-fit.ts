import { DeviceClass } from '#kinds';
import type { Kind } from '#machinery';
import { ResourceClasses } from '../devices/extended.ts';
import { room, type NodeInfo } from '../node-info.ts';
import type { FilterPlugin, Plugin, PluginDefinition, Rejection } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Resources } from '../resources.ts';
import { checkArgs, type Args } from './support/args.ts';
import { readStrategy } from './support/scoring-strategy.ts';

/** Requests must fit into what is allocatable and not yet asked for by other pods. */
export const nodeResourcesFitFilter: FilterPlugin = {
  name: 'NodeResourcesFit',
  filter: (pod, node) => (fits(pod, node) ? undefined : explain(pod, node)),
  unstuckBy(event, pod) {
    switch (event.type) {
      case 'PodRemoved':
        return event.node === undefined || fits(pod, event.node);
      case 'NodeAdded':
        return possible(pod, event.node);
      case 'NodeChanged':
        return event.change.allocatable && possible(pod, event.node);
      default:
        return false;
    }
  },
  advice: (pod, node, { unresolvable }) =>
    unresolvable ? `a larger node: the pod asks for ${list(pod.requests)}` : `free ${lacking(pod, node)}, or add a node`,
};

// The hot path allocates nothing; only a node that does not fit is asked why.
function fits({ requests }: PodInfo, node: NodeInfo): boolean {
  const free = node.room;
  if ((free[room.pods] as number) < 1) return false;
  if (requests.milliCpu > 0 && requests.milliCpu > (free[room.milliCpu] as number)) return false;
  if (requests.memory > 0 && requests.memory > (free[room.memory] as number)) return false;
  if (requests.ephemeralStorage > 0 && requests.ephemeralStorage > (free[room.ephemeralStorage] as number)) return false;
  if (!requests.scalar) return true;
  for (const [name, amount] of requests.scalar) if (amount > 0 && amount > node.freeOf(name)) return false;
  return true;
}

/** Why not: one object for all nodes that lack the same, as most nodes are asked in vain when a cluster is full. */
function explain(pod: PodInfo, node: NodeInfo): Rejection {
  const { requests } = pod;
  if (requests.scalar) return { reasons: reasonsOf(pod, node), unresolvable: !possible(pod, node) };
  const free = node.room;
  const key =
    ((free[room.pods] as number) < 1 ? 1 : 0) +
    (requests.milliCpu > 0 && requests.milliCpu > (free[room.milliCpu] as number) ? 2 : 0) +
    (requests.memory > 0 && requests.memory > (free[room.memory] as number) ? 4 : 0) +
    (requests.ephemeralStorage > 0 && requests.ephemeralStorage > (free[room.ephemeralStorage] as number) ? 8 : 0) +
    (possible(pod, node) ? 0 : 16);
  return (known[key] ??= { reasons: reasonsOf(pod, node), unresolvable: key >= 16 });
}
const known: Rejection[] = [];

function reasonsOf(pod: PodInfo, node: NodeInfo): string[] {
  const reasons: string[] = [];
  if (node.pods.size + 1 > node.allowedPods) reasons.push('Too many pods');
  for (const [name, wanted, free] of amounts(pod, node)) if (wanted > 0 && wanted > free) reasons.push(`Insufficient ${name}`);
  return reasons;
}
function* amounts({ requests }: PodInfo, node: NodeInfo): Generator<[name: string, wanted: number, free: number]> {
  yield ['cpu', requests.milliCpu, node.room[room.milliCpu] as number];
  yield ['memory', requests.memory, node.room[room.memory] as number];
  yield ['ephemeral-storage', requests.ephemeralStorage, node.room[room.ephemeralStorage] as number];
  for (const [name, wanted] of requests.scalar ?? []) yield [name, wanted, node.freeOf(name)];
}

/** Whether the node could take the pod if it were empty. */
function possible({ requests }: PodInfo, { allocatable }: NodeInfo): boolean {
  if (requests.milliCpu > allocatable.milliCpu || requests.memory > allocatable.memory || requests.ephemeralStorage > allocatable.ephemeralStorage)
    return false;
  for (const [name, amount] of requests.scalar ?? []) if (amount > (allocatable.scalar?.get(name) ?? 0)) return false;
  return true;
}

/** `250m cpu, 64Mi memory`, for people. */
const list = ({ milliCpu, memory, ephemeralStorage, scalar }: Resources): string =>
  [
    ...(milliCpu > 0 ? [`${milliCpu}m cpu`] : []),
    ...(memory > 0 ? [`${Math.ceil(memory / 1024 / 1024)}Mi memory`] : []),
    ...(ephemeralStorage > 0 ? [`${Math.ceil(ephemeralStorage / 1024 / 1024)}Mi ephemeral-storage`] : []),
    ...[...(scalar ?? [])].map(([name, amount]) => `${amount} ${name}`),
  ].join(', ');
function lacking(pod: PodInfo, node: NodeInfo): string {
  if (node.pods.size + 1 > node.allowedPods) return 'one of the places for pods of this node';
  const missing: Resources = { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalar: new Map() };
  for (const [name, wanted, free] of amounts(pod, node)) {
    if (wanted <= free) continue;
    if (name === 'cpu') missing.milliCpu = wanted - free;
    else if (name === 'memory') missing.memory = wanted - free;
    else if (name === 'ephemeral-storage') missing.ephemeralStorage = wanted - free;
    else missing.scalar?.set(name, wanted - free);
  }
  return `${list(missing)} on this node`;
}

/** The pod without the extended resources that the profile is told to leave to somebody else. */
function without(pod: PodInfo, ignored: (name: string) => boolean): PodInfo {
  const names = pod.requests.scalar?.keys();
  if (!names?.some(ignored)) return pod;
  const scalar = new Map([...(pod.requests.scalar ?? [])].filter(([name]) => !ignored(name)));
  return { ...pod, requests: { ...pod.requests, scalar: scalar.size > 0 ? scalar : undefined } };
}
function ignoring(args: Args): ((name: string) => boolean) | undefined {
  const names = args['ignoredResources'] as readonly string[] | undefined;
  const groups = args['ignoredResourceGroups'] as readonly string[] | undefined;
  if (!names?.length && !groups?.length) return undefined;
  return (name) => names?.includes(name) === true || groups?.includes(name.split('/', 1)[0] ?? '') === true;
}

/** Arguments: scoringStrategy, ignoredResources, ignoredResourceGroups. */
export const nodeResourcesFit: PluginDefinition = {
  name: 'NodeResourcesFit',
  create({ args: given, informer }): Plugin {
    const args = checkArgs(given, ['scoringStrategy', 'ignoredResources', 'ignoredResourceGroups']);
    const ignored = ignoring(args);
    const score = readStrategy(args['scoringStrategy']);
    // On a node without a device plugin for them, the DynamicResources plugin finds the devices (KEP-5004).
    const devices = new ResourceClasses(informer(DeviceClass));
    const isElsewhere = (name: string, node: NodeInfo): boolean => ignored?.(name) === true || (!node.allocatable.scalar?.get(name) && devices.now().has(name));
    const own = (pod: PodInfo, node: NodeInfo): PodInfo => without(pod, (name) => isElsewhere(name, node));
    const filter: FilterPlugin = {
      ...nodeResourcesFitFilter,
      filter: (pod, node, facts) => nodeResourcesFitFilter.filter(own(pod, node), node, facts),
      unstuckBy: (event, pod) =>
        event.type === 'ObjectChanged'
          ? event.kind === 'DeviceClass' && [...(pod.requests.scalar?.keys() ?? [])].some((name) => devices.now().has(name))
          : nodeResourcesFitFilter.unstuckBy(event, 'node' in event && event.node ? own(pod, event.node) : pod),
    };
    return { name: 'NodeResourcesFit', watches: [DeviceClass as unknown as Kind], filter, score };
  },
};
