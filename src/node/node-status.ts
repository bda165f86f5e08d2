import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { freemem, release, version } from 'node:os';
import { formatMicroTime, formatTime, quantityToMilli, quantityToNumber, type Clock, type Logger, type Random, type Timer } from '#base';
import type { Client } from '#client';
import { Lease, Node, type V1Lease, type V1Node, type V1NodeCondition, type V1NodeStatus, type V1Taint } from '#kinds';
import { equalJson, isApiError } from '#machinery';
import { atBeat } from './beats.ts';
import type { ImageState, Runtime } from './runtime.ts';

export const kubeletVersion = 'v1.36.2';

export interface NodeConfig {
  name: string;
  labels?: { [key: string]: string };
  annotations?: { [key: string]: string };
  taints?: V1Taint[];
  podCIDR: string;
  internalIP: string;
  hostname: string;
  /** Quantities. */
  capacity: { cpu: string; memory: string; pods: string; 'ephemeral-storage': string; [extended: string]: string };
  /** Of capacity, what pods may use, where it is not told by `reserved`. */
  allocatable?: { [resource: string]: string };
  /** Kept back for the system: allocatable is capacity less this. */
  reserved?: { cpu?: string; memory?: string; 'ephemeral-storage'?: string };
  providerID?: string;
}

export interface ReporterDeps {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  runtime: Runtime;
  node: NodeConfig;
  /** File system whose free space is the node's; undefined on simulated nodes, which have no pressure. */
  dataDir: string | undefined;
  port: number;
  leaseSeconds: number;
}

export interface NodeReporter {
  /** Creates or updates the Node and the Lease, and keeps both. Resolves when the Node is Ready. */
  start(): Promise<void>;
  /** The images (or anything else that the status tells) may have changed. */
  poke(): void;
  stop(): void;
}

/** Lease renewals within the time that a lease holds (kubelet's). */
const renewals = 4;
const checkMs = 10_000;
const reportMs = 300_000;
const maxImages = 50;

export function createNodeReporter(deps: ReporterDeps): NodeReporter {
  return new Reporter(deps);
}

class Reporter implements NodeReporter {
  readonly #deps: ReporterDeps;
  #node: V1Node | undefined;
  #lease: V1Lease | undefined;
  #reported: V1NodeStatus | undefined;
  #reportedAt = 0;
  #timers = new Set<Timer>();
  #renewal: Timer | undefined;
  #stopped = false;
  #busy: Promise<void> | undefined;
  constructor(deps: ReporterDeps) {
    this.#deps = deps;
  }
  async start(): Promise<void> {
    const status = await this.#status();
    this.#node = await this.#register(status);
    await Promise.all([this.#report(status, true), this.#renew()]);
    this.#nextRenewal(this.#renewMs * (0.9 + 0.1 * this.#deps.random.next()));
    const period = this.#deps.dataDir === undefined ? reportMs : checkMs;
    this.#later(period * (0.9 + 0.1 * this.#deps.random.next()), () => this.#reportLoop(period));
  }
  poke(): void {
    if (this.#stopped || !this.#node) return;
    void this.#check();
  }
  stop(): void {
    this.#stopped = true;
    this.#renewal?.cancel();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
  #later(ms: number, fn: () => void): void {
    if (this.#stopped) return;
    const timer = this.#deps.clock.after(ms, () => {
      this.#timers.delete(timer);
      fn();
    });
    this.#timers.add(timer);
  }
  get #renewMs(): number {
    return (this.#deps.leaseSeconds * 1000) / renewals;
  }
  #nextRenewal(ms: number): void {
    if (!this.#stopped) this.#renewal = atBeat(this.#deps.clock, ms, () => this.#renewLoop());
  }
  #renewLoop(): void {
    this.#renew().then(
      () => this.#nextRenewal(this.#renewMs),
      (error: unknown) => {
        this.#deps.log.warn('cannot renew the lease', { node: this.#deps.node.name, error });
        this.#lease = undefined;
        this.#nextRenewal(1000);
      },
    );
  }
  #reportLoop(period: number): void {
    void this.#check().then(() => this.#later(period, () => this.#reportLoop(period)));
  }
  #check(): Promise<void> {
    this.#busy ??= this.#status()
      .then((status) => this.#report(status, this.#deps.clock.now() - this.#reportedAt >= reportMs * 0.85))
      .catch((error: unknown) => this.#deps.log.warn('cannot report the node status', { node: this.#deps.node.name, error }))
      .finally(() => (this.#busy = undefined));
    return this.#busy;
  }

  async #register(status: V1NodeStatus): Promise<V1Node> {
    const { client, node } = this.#deps;
    const wanted: V1Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: node.name,
        labels: labelsOf(node),
        annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true', ...node.annotations },
      },
      spec: {
        podCIDR: node.podCIDR,
        podCIDRs: [node.podCIDR],
        ...(node.taints ? { taints: node.taints } : {}),
        ...(node.providerID ? { providerID: node.providerID } : {}),
      },
      status,
    };
    try {
      return await client.api.create(Node, wanted);
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
    const patch = { metadata: { labels: labelsOf(node), annotations: { ...node.annotations } } };
    return client.api.patch(Node, { name: node.name }, 'application/merge-patch+json', patch);
  }
  /** Writes the status when it differs from the last one told, or when it is time for a heartbeat. */
  async #report(status: V1NodeStatus, heartbeat: boolean): Promise<void> {
    if (this.#stopped) return;
    if (!heartbeat && this.#reported && saysTheSame(status, this.#reported)) return;
    const { client, node, clock } = this.#deps;
    for (let attempt = 0; ; attempt++) {
      const current = attempt === 0 && this.#node ? this.#node : await client.api.get(Node, { name: node.name });
      if (attempt === 0 && this.#reported === undefined && sameConditions(current.status, status)) break;
      try {
        this.#node = await client.api.update(Node, { ...current, status: mergeStatus(current.status, status) }, { subresource: 'status' });
        break;
      } catch (error) {
        if (isApiError(error, 'NotFound')) {
          this.#node = await this.#register(status);
          continue;
        }
        if (!isApiError(error, 'Conflict') || attempt >= 5) throw error;
      }
    }
    this.#reported = status;
    this.#reportedAt = clock.now();
  }
  async #status(): Promise<V1NodeStatus> {
    const { runtime, node, clock, dataDir } = this.#deps;
    const images = await runtime.images.list().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    const now = formatTime(clock.now());
    const down = images instanceof Error ? `container runtime is down: ${images.message}` : undefined;
    return {
      addresses: [
        { type: 'InternalIP', address: node.internalIP },
        { type: 'Hostname', address: node.hostname },
      ],
      capacity: { ...node.capacity },
      allocatable: allocatableOf(node),
      conditions: nodeConditions(now, pressures(dataDir), down),
      daemonEndpoints: { kubeletEndpoint: { Port: this.#deps.port } },
      ...(runtime.handlers
        ? { runtimeHandlers: ['', ...runtime.handlers].map((name) => ({ name, features: { recursiveReadOnlyMounts: false, userNamespaces: false } })) }
        : {}),
      nodeInfo: nodeInfo(runtime, dataDir === undefined),
      images: images instanceof Error ? [] : imageList(images),
    };
  }

  async #renew(): Promise<void> {
    if (this.#stopped) return;
    const { client, node, clock } = this.#deps;
    const renewTime = formatMicroTime(clock.now());
    try {
      if (this.#lease) {
        this.#lease = await client.api.update(Lease, { ...this.#lease, spec: { ...this.#lease.spec, renewTime } });
        return;
      }
    } catch (error) {
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
    }
    this.#lease = await this.#takeLease(node.name, renewTime);
  }
  async #takeLease(name: string, renewTime: string): Promise<V1Lease> {
    const { api } = this.#deps.client;
    const uid = this.#node?.metadata?.uid;
    const owner = uid ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] } : {};
    const spec = { holderIdentity: name, leaseDurationSeconds: this.#deps.leaseSeconds, renewTime };
    try {
      return await api.create(Lease, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-node-lease', ...owner }, spec });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
    const found = await api.get(Lease, { namespace: 'kube-node-lease', name });
    return api.update(Lease, { ...found, metadata: { ...found.metadata, ...owner }, spec: { ...found.spec, ...spec } });
  }
}

const arch = process.arch === 'x64' ? 'amd64' : process.arch;
function labelsOf(node: NodeConfig): { [key: string]: string } {
  return {
    'beta.kubernetes.io/arch': arch,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': arch,
    'kubernetes.io/hostname': node.hostname,
    'kubernetes.io/os': 'linux',
    ...node.labels,
  };
}

export function allocatableOf(node: NodeConfig): { [key: string]: string } {
  const { capacity, reserved = {} } = node;
  const cpu = quantityToMilli(capacity.cpu) - quantityToMilli(reserved.cpu);
  const memory = quantityToNumber(capacity.memory) - quantityToNumber(reserved.memory);
  const disk = quantityToNumber(capacity['ephemeral-storage']) - quantityToNumber(reserved['ephemeral-storage']);
  return {
    ...capacity,
    cpu: reserved.cpu ? (cpu % 1000 === 0 ? String(cpu / 1000) : `${cpu}m`) : capacity.cpu,
    memory: reserved.memory ? `${Math.floor(memory / 1024)}Ki` : capacity.memory,
    'ephemeral-storage': reserved['ephemeral-storage'] ? String(disk) : capacity['ephemeral-storage'],
    ...node.allocatable,
  };
}

/** Conditions of others (NetworkUnavailable) stay; a transition time changes with the status only. */
function mergeStatus(old: V1NodeStatus | undefined, status: V1NodeStatus): V1NodeStatus {
  const before = old?.conditions ?? [];
  const own = (status.conditions ?? []).map((c) => {
    const same = before.find((b) => b.type === c.type && b.status === c.status);
    return same?.lastTransitionTime ? { ...c, lastTransitionTime: same.lastTransitionTime } : c;
  });
  return {
    ...old,
    ...status,
    capacity: withForeign(old?.capacity, status.capacity),
    allocatable: withForeign(old?.allocatable, status.allocatable),
    conditions: [...before.filter((b) => !own.some((c) => c.type === b.type)), ...own],
  };
}
type Amounts = { [resource: string]: string };
/** Extended resources that somebody else wrote into the status stay, as the kubelet lets them. */
function withForeign(old: Amounts = {}, own: Amounts = {}): Amounts {
  return { ...Object.fromEntries(Object.entries(old).filter(([name]) => name.includes('/'))), ...own };
}
/** But for times. */
function saysTheSame(a: V1NodeStatus, b: V1NodeStatus): boolean {
  const timeless = (status: V1NodeStatus): unknown => ({ ...status, conditions: status.conditions?.map((c) => [c.type, c.status, c.reason]) });
  return equalJson(timeless(a), timeless(b));
}
const sameConditions = (a: V1NodeStatus | undefined, b: V1NodeStatus): boolean =>
  (b.conditions ?? []).every((c) => a?.conditions?.some((x) => x.type === c.type && x.status === c.status && x.lastHeartbeatTime === c.lastHeartbeatTime));

interface Pressures {
  memory: boolean;
  disk: boolean;
}
const leastMemoryBytes = 100 * 2 ** 20;
/** Kubelet's default for disks is 10–15 %; a full laptop disk is no reason to refuse work as long as 1 % is free. */
const leastDiskFraction = 0.01;
function pressures(dataDir: string | undefined): Pressures {
  if (dataDir === undefined || !existsSync(dataDir)) return { memory: false, disk: false };
  const fs = statfsSync(dataDir);
  return { memory: availableMemory() < leastMemoryBytes, disk: fs.blocks > 0 && fs.bavail / fs.blocks < leastDiskFraction };
}
function availableMemory(): number {
  try {
    const line = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    return line ? Number(line[1]) * 1024 : freemem();
  } catch {
    return freemem();
  }
}

export function nodeConditions(now: string, pressure: Pressures, down: string | undefined): V1NodeCondition[] {
  const condition = (type: string, status: boolean, reason: string, message: string): V1NodeCondition => ({
    type,
    status: status ? 'True' : 'False',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
    reason,
    message,
  });
  return [
    pressure.memory
      ? condition('MemoryPressure', true, 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available')
      : condition('MemoryPressure', false, 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    pressure.disk
      ? condition('DiskPressure', true, 'KubeletHasDiskPressure', 'kubelet has disk pressure')
      : condition('DiskPressure', false, 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    condition('PIDPressure', false, 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    down ? condition('Ready', false, 'KubeletNotReady', down) : condition('Ready', true, 'KubeletReady', 'kubelet is posting ready status'),
  ];
}

function nodeInfo(runtime: Runtime, simulated: boolean): NonNullable<V1NodeStatus['nodeInfo']> {
  return {
    architecture: arch,
    bootID: readFirst('/proc/sys/kernel/random/boot_id'),
    containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
    kernelVersion: release(),
    kubeProxyVersion: '',
    kubeletVersion,
    machineID: readFirst('/etc/machine-id'),
    operatingSystem: 'linux',
    osImage: simulated ? 'Simulated' : osImage(),
    systemUUID: readFirst('/etc/machine-id'),
  };
}
/** What the machine below is called does not change, and thousands of simulated nodes tell it. */
const facts = new Map<string, string>();
function readFirst(path: string): string {
  let text = facts.get(path);
  if (text === undefined) facts.set(path, (text = readOnce(path)));
  return text;
}
function readOnce(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
function osImage(): string {
  return /^PRETTY_NAME="?([^"\n]*)"?/m.exec(readFirst('/etc/os-release'))?.[1] ?? version();
}
/** The fifty largest, as kubelet reports them. */
function imageList(images: readonly ImageState[]): NonNullable<V1NodeStatus['images']> {
  const sorted = [...images].filter((i) => i.repoTags.length + i.repoDigests.length > 0).sort((a, b) => b.sizeBytes - a.sizeBytes);
  return sorted.slice(0, maxImages).map((i) => ({ names: [...i.repoDigests, ...i.repoTags].slice(0, 5), sizeBytes: i.sizeBytes }));
}
