import { room, type NodeInfo } from '../../node-info.ts';
import type { PodInfo } from '../../pod-info.ts';
import { list, type Args } from './args.ts';

/** A resource and how much it counts. */
export interface WeightedResource {
  readonly name: string;
  readonly weight: number;
}
export const cpuAndMemory: readonly WeightedResource[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

/** Resources of a plugin's arguments. Throws with a text for the user. */
export function readResources(args: Args, path = 'resources'): readonly WeightedResource[] {
  const given = list(args, path);
  if (!given?.length) return cpuAndMemory;
  return given.map(({ name, weight = 1 }, i) => {
    if (typeof name !== 'string' || name === '') throw new Error(`args.${path}[${i}].name: Required value`);
    if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 1 || weight > 100)
      throw new Error(`args.${path}[${i}].weight: Invalid value: ${JSON.stringify(weight)}: resource weight of ${name} not in valid range [1, 100]`);
    return { name, weight };
  });
}

/** What is allocatable of a resource, 0 where the node has none of it or the pod does not care for it. */
export function capacity(name: string, pod: PodInfo, node: NodeInfo): number {
  switch (name) {
    case 'cpu':
      return node.room[room.allocatableMilliCpu] as number;
    case 'memory':
      return node.room[room.allocatableMemory] as number;
    case 'ephemeral-storage':
      return node.allocatable.ephemeralStorage;
    default:
      return pod.requests.scalar?.has(name) ? (node.allocatable.scalar?.get(name) ?? 0) : 0;
  }
}
/** What would be requested with the pod there. */
export function requested(name: string, { requests }: PodInfo, node: NodeInfo): number {
  const has = node.room;
  switch (name) {
    case 'cpu':
      return (has[room.allocatableMilliCpu] as number) - (has[room.milliCpu] as number) + requests.milliCpu;
    case 'memory':
      return (has[room.allocatableMemory] as number) - (has[room.memory] as number) + requests.memory;
    case 'ephemeral-storage':
      return node.allocatable.ephemeralStorage - (has[room.ephemeralStorage] as number) + requests.ephemeralStorage;
    default:
      return (node.allocatable.scalar?.get(name) ?? 0) - node.freeOf(name) + (requests.scalar?.get(name) ?? 0);
  }
}
/** The same, where containers that ask for no cpu or memory count with a default. */
export function requestedWithDefaults(name: string, pod: PodInfo, node: NodeInfo): number {
  if (name === 'cpu') return (node.room[room.scoredMilliCpu] as number) + pod.scoredMilliCpu;
  if (name === 'memory') return (node.room[room.scoredMemory] as number) + pod.scoredMemory;
  return requested(name, pod, node);
}
