import { quantityToNumber } from '#base';
import type { V1Node, V1Taint } from '#kinds';
import type { HostPort, PodInfo } from './pod-info.ts';
import { addResources, noResources, parseResources, type Resources } from './resources.ts';

const noImages: ReadonlyMap<string, number> = new Map();
/** A name without a tag means `latest`. */
export function imageName(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}

/** Where `NodeInfo.room` has what. */
export const room = {
  pods: 0,
  milliCpu: 1,
  memory: 2,
  ephemeralStorage: 3,
  allocatableMilliCpu: 4,
  allocatableMemory: 5,
  scoredMilliCpu: 6,
  scoredMemory: 7,
} as const;

/** A node, the pods on it (assumed ones too) and what they use: kept up to date by every pod added or removed. */
export class NodeInfo {
  readonly name: string;
  labels: { readonly [key: string]: string } = {};
  allocatable: Resources = noResources();
  allowedPods = 0;
  unschedulable = false;
  /** Taints that keep pods away (NoSchedule, NoExecute), and those that only make the node less liked. */
  hardTaints: readonly V1Taint[] = [];
  softTaints: readonly V1Taint[] = [];
  /** Sizes in bytes of the images that are there, by every name they have. */
  images: ReadonlyMap<string, number> = noImages;
  readonly pods = new Map<string, PodInfo>();
  readonly used: Resources = noResources();
  scoredMilliCpu = 0;
  scoredMemory = 0;
  /**
   * What is free (pods, cpu, memory, disk) and what scores ask for, once more, side by side: a decision looks at hundreds
   * of nodes, and most of its time goes by waiting for memory.
   */
  readonly room = new Float64Array(8);
  readonly #ports = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }
  setNode(node: V1Node): void {
    this.labels = node.metadata?.labels ?? {};
    this.allocatable = parseResources(node.status?.allocatable);
    this.allowedPods = quantityToNumber(node.status?.allocatable?.pods);
    this.unschedulable = node.spec?.unschedulable === true;
    const taints = node.spec?.taints ?? [];
    this.hardTaints = taints.filter((t) => t.effect === 'NoSchedule' || t.effect === 'NoExecute');
    this.softTaints = taints.filter((t) => t.effect === 'PreferNoSchedule');
    const images = node.status?.images;
    this.images = images?.length ? new Map(images.flatMap((image) => (image.names ?? []).map((name) => [imageName(name), image.sizeBytes ?? 0]))) : noImages;
    this.#measure();
  }
  /** The node is gone; pods may outlive it for a while. */
  forgetNode(): void {
    this.labels = {};
    this.images = noImages;
    this.hardTaints = this.softTaints = [];
    this.allocatable = noResources();
    this.allowedPods = 0;
    this.#measure();
  }
  add(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    this.#account(pod, 1);
  }
  remove(pod: PodInfo): void {
    if (this.pods.delete(pod.uid)) this.#account(pod, -1);
  }
  #account(pod: PodInfo, sign: 1 | -1): void {
    addResources(this.used, pod.requests, sign);
    this.scoredMilliCpu += sign * pod.scoredMilliCpu;
    this.scoredMemory += sign * pod.scoredMemory;
    for (const port of pod.hostPorts) tally(this.#ports, portKey(port), sign);
    this.#measure();
  }
  #measure(): void {
    const { allocatable, used } = this;
    this.room[room.pods] = this.allowedPods - this.pods.size;
    this.room[room.milliCpu] = allocatable.milliCpu - used.milliCpu;
    this.room[room.memory] = allocatable.memory - used.memory;
    this.room[room.ephemeralStorage] = allocatable.ephemeralStorage - used.ephemeralStorage;
    this.room[room.allocatableMilliCpu] = allocatable.milliCpu;
    this.room[room.allocatableMemory] = allocatable.memory;
    this.room[room.scoredMilliCpu] = this.scoredMilliCpu;
    this.room[room.scoredMemory] = this.scoredMemory;
  }
  /** Whether a host port is taken: same protocol and port, and the same address or either is all addresses. */
  portTaken(wanted: HostPort): boolean {
    if (this.#ports.size === 0) return false;
    if (wanted.ip !== '0.0.0.0') return this.#ports.has(portKey(wanted)) || this.#ports.has(portKey({ ...wanted, ip: '0.0.0.0' }));
    const prefix = `${wanted.protocol}/${wanted.port}/`;
    for (const key of this.#ports.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }
  /** Everything that is counted, for comparison with a state built from scratch. */
  figures(): unknown {
    const scalar = [...(this.used.scalar ?? [])].sort();
    return {
      pods: [...this.pods.keys()].sort(),
      used: { ...this.used, scalar },
      scored: [this.scoredMilliCpu, this.scoredMemory],
      room: [...this.room],
      ports: [...this.#ports].sort(),
    };
  }
}
const portKey = (port: HostPort): string => `${port.protocol}/${port.port}/${port.ip}`;

function tally(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
