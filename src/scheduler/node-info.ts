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
  /**
   * What is free (pods, cpu, memory, disk; less than nothing when too much is asked for), allocatable, and asked for as far
   * as scores are concerned. Side by side: a decision looks at hundreds of nodes, and most of its time goes by waiting for
   * memory; and changed in place: preemption takes thousands of pods away in thought, and puts them back.
   */
  readonly room = new Float64Array(8);
  readonly #extended = noResources();
  readonly #ports = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }
  /** What the pods ask for; `room` is for those who look at many nodes. */
  get used(): Resources {
    const { allocatable, room: has } = this;
    return {
      milliCpu: allocatable.milliCpu - (has[room.milliCpu] as number),
      memory: allocatable.memory - (has[room.memory] as number),
      ephemeralStorage: allocatable.ephemeralStorage - (has[room.ephemeralStorage] as number),
      scalar: this.#extended.scalar,
    };
  }
  /** What is free of an extended resource. */
  freeOf(name: string): number {
    return (this.allocatable.scalar?.get(name) ?? 0) - (this.#extended.scalar?.get(name) ?? 0);
  }
  setNode(node: V1Node): void {
    this.labels = node.metadata?.labels ?? {};
    this.#allot(parseResources(node.status?.allocatable), quantityToNumber(node.status?.allocatable?.pods));
    this.unschedulable = node.spec?.unschedulable === true;
    const taints = node.spec?.taints ?? [];
    this.hardTaints = taints.filter((t) => t.effect === 'NoSchedule' || t.effect === 'NoExecute');
    this.softTaints = taints.filter((t) => t.effect === 'PreferNoSchedule');
    const images = node.status?.images;
    this.images = images?.length ? new Map(images.flatMap((image) => (image.names ?? []).map((name) => [imageName(name), image.sizeBytes ?? 0]))) : noImages;
  }
  /** The node is gone; pods may outlive it for a while. */
  forgetNode(): void {
    this.labels = {};
    this.images = noImages;
    this.hardTaints = this.softTaints = [];
    this.#allot(noResources(), 0);
  }
  add(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    this.#account(pod, 1);
  }
  remove(pod: PodInfo): void {
    if (this.pods.delete(pod.uid)) this.#account(pod, -1);
  }
  #account(pod: PodInfo, sign: 1 | -1): void {
    const { requests } = pod;
    const has = this.room;
    has[room.pods] = this.allowedPods - this.pods.size;
    has[room.milliCpu] = (has[room.milliCpu] as number) - sign * requests.milliCpu;
    has[room.memory] = (has[room.memory] as number) - sign * requests.memory;
    has[room.ephemeralStorage] = (has[room.ephemeralStorage] as number) - sign * requests.ephemeralStorage;
    has[room.scoredMilliCpu] = (has[room.scoredMilliCpu] as number) + sign * pod.scoredMilliCpu;
    has[room.scoredMemory] = (has[room.scoredMemory] as number) + sign * pod.scoredMemory;
    if (requests.scalar) addResources(this.#extended, requests, sign);
    for (const port of pod.hostPorts) tally(this.#ports, portKey(port), sign);
  }
  /** There is so much of everything from now on; what is used stays. */
  #allot(allocatable: Resources, pods: number): void {
    const { used, room: has } = this;
    this.allocatable = allocatable;
    this.allowedPods = pods;
    has[room.pods] = pods - this.pods.size;
    has[room.milliCpu] = allocatable.milliCpu - used.milliCpu;
    has[room.memory] = allocatable.memory - used.memory;
    has[room.ephemeralStorage] = allocatable.ephemeralStorage - used.ephemeralStorage;
    has[room.allocatableMilliCpu] = allocatable.milliCpu;
    has[room.allocatableMemory] = allocatable.memory;
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
    return {
      pods: [...this.pods.keys()].sort(),
      extended: [...(this.#extended.scalar ?? [])].sort(),
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
