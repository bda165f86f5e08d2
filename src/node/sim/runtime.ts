import { hash } from 'node:crypto';
import { sleep, type Clock, type Random, type Timer } from '#base';
import { formatLine } from '../logs/format.ts';
import {
  RuntimeError,
  type ContainerSpec,
  type ContainerState,
  type ContainerStats,
  type ImageState,
  type LogSource,
  type Measured,
  type Probing,
  type Restorable,
  type RestoredPod,
  type Runtime,
  type SandboxSpec,
  type SandboxState,
} from '../runtime.ts';
import { AddressPool } from './addresses.ts';
import { behaviourOf, draw, steer, steers, type Behaviour } from './behaviour.ts';
import { usageAt, usageCurves } from './usage.ts';

export interface SimOptions {
  clock: Clock;
  random: Random;
  node: { name: string; podCIDR: string; internalIP?: string };
  /** Images that are there from the start. */
  images?: readonly string[];
  /** The machine was off: nothing that the API knows to run here does. */
  rebooted?: boolean;
}

export interface SimulatedRuntime extends Runtime, LogSource, Measured, Probing, Restorable {
  /** All is gone at once, and nobody is told. */
  powerOff(): void;
  /** An address for a pod that is no sandbox of this runtime, the same each time; `known` is the one that it has already. */
  lend(podUid: string, known?: string): string | undefined;
  giveBack(podUid: string): void;
  /** Ends the running containers of a pod (or one of them), as a crash does. Gives how many there were. */
  crash(podUid: string, how?: { container?: string; exitCode?: number; reason?: string }): number;
}

interface SimContainer extends ContainerState {
  sandbox: SimSandbox;
  timer: Timer | undefined;
  /** It ends by itself before the others start. */
  initial: boolean;
  /** 0 = none */
  memoryLimit: number;
}
/** Of the annotations only those that steer the simulation. */
interface SimSandbox extends Omit<SandboxState, 'labels' | 'containers'> {
  hostNetwork: boolean;
  containers: SimContainer[];
}

const none: Record<string, string> = Object.freeze({});
const hashAnnotation = 'io.kubernetes.container.hash';

/** Pods that exist as records only: same states, times and errors as a real runtime, no process. */
export function createSimRuntime(options: SimOptions): SimulatedRuntime {
  return new SimRuntime(options);
}

class SimRuntime implements SimulatedRuntime {
  readonly name = 'sim';
  readonly version = '1.0.0';
  readonly #options: SimOptions;
  readonly #pool: AddressPool;
  readonly #pods = new Map<string, SimSandbox[]>();
  readonly #sandboxes = new Map<string, SimSandbox>();
  readonly #containers = new Map<string, SimContainer>();
  readonly #listeners = new Set<(podUid: string | undefined) => void>();
  readonly #images = new Map<string, ImageState>();
  readonly #lent = new Map<string, string>();
  constructor(options: SimOptions) {
    this.#options = options;
    this.#pool = new AddressPool(options.node.podCIDR);
    for (const ref of options.images ?? []) this.#images.set(ref, imageOf(ref));
  }

  async list(podUid?: string): Promise<SandboxState[]> {
    const found = podUid === undefined ? [...this.#sandboxes.values()] : (this.#pods.get(podUid) ?? []);
    return found.map(stateOf);
  }
  subscribe(changed: (podUid: string | undefined) => void): { close(): void } {
    this.#listeners.add(changed);
    return { close: () => void this.#listeners.delete(changed) };
  }
  readonly sandboxes = {
    run: async (spec: SandboxSpec): Promise<{ id: string; ips: string[] }> => {
      const present = this.#pods.get(spec.podUid)?.find((s) => s.attempt === spec.attempt);
      if (present) return { id: present.id, ips: present.ips };
      const ip = spec.hostNetwork ? this.#options.node.internalIP : this.#pool.take();
      if (ip === undefined && !spec.hostNetwork) throw new RuntimeError('sandbox', `no IP addresses left in ${this.#options.node.podCIDR}`);
      const sandbox: SimSandbox = {
        id: this.#id(),
        podUid: spec.podUid,
        namespace: spec.namespace,
        name: spec.name,
        attempt: spec.attempt,
        ready: true,
        ips: ip === undefined ? [] : [ip],
        hostNetwork: spec.hostNetwork,
        createdAt: this.#options.clock.now(),
        annotations: steering(spec.annotations),
        containers: [],
      };
      this.#addSandbox(sandbox);
      return { id: sandbox.id, ips: sandbox.ips };
    },
    stop: async (id: string): Promise<void> => {
      const sandbox = this.#sandboxes.get(id);
      if (!sandbox?.ready) return;
      for (const c of sandbox.containers) this.#exit(c, 137, 'Error');
      sandbox.ready = false;
      for (const ip of sandbox.ips) if (!sandbox.hostNetwork) this.#pool.release(ip);
      this.#changed(sandbox);
    },
    remove: async (id: string): Promise<void> => {
      const sandbox = this.#sandboxes.get(id);
      if (!sandbox) return;
      await this.sandboxes.stop(id);
      for (const c of sandbox.containers) this.#containers.delete(c.id);
      this.#sandboxes.delete(id);
      const left = (this.#pods.get(sandbox.podUid) ?? []).filter((s) => s !== sandbox);
      if (left.length > 0) this.#pods.set(sandbox.podUid, left);
      else this.#pods.delete(sandbox.podUid);
    },
  };
  readonly containers = {
    create: async (sandboxId: string, spec: ContainerSpec): Promise<string> => {
      const sandbox = this.#sandboxes.get(sandboxId);
      if (!sandbox) throw new RuntimeError('not-found', `sandbox "${sandboxId}" not found`);
      if (!sandbox.ready) throw new RuntimeError('create', `sandbox "${sandboxId}" is not running`);
      const image = this.#images.get(spec.image) ?? imageOf(spec.image);
      const hash = spec.annotations[hashAnnotation];
      const container: SimContainer = {
        id: this.#id(),
        name: spec.name,
        attempt: spec.attempt,
        state: 'created',
        createdAt: this.#options.clock.now(),
        startedAt: 0,
        finishedAt: 0,
        exitCode: 0,
        reason: '',
        message: '',
        image: spec.image,
        imageId: image.id,
        labels: none,
        annotations: hash === undefined ? none : { [hashAnnotation]: hash },
        sandbox,
        timer: undefined,
        initial: spec.initial === true,
        memoryLimit: spec.resources.memoryLimitBytes,
      };
      sandbox.containers.push(container);
      this.#containers.set(container.id, container);
      return container.id;
    },
    start: async (id: string): Promise<void> => {
      const container = this.#find(id);
      const behaviour = this.#behaviour(container);
      const delay = draw(behaviour.startDelay, this.#options.random);
      if (delay > 0) await sleep(this.#options.clock, delay);
      if (container.state !== 'created') throw new RuntimeError('start', `container "${id}" is not in created state`);
      container.state = 'running';
      container.startedAt = this.#options.clock.now();
      this.#expire(container, behaviour);
      this.#changed(container.sandbox);
    },
    stop: async (id: string, graceSeconds: number): Promise<void> => {
      const container = this.#containers.get(id);
      if (!container || (container.state !== 'running' && container.state !== 'created')) return;
      const { stopDelay, exitCode } = this.#behaviour(container);
      const stopDelayMs = draw(stopDelay, this.#options.random);
      const wait = Math.min(stopDelayMs, graceSeconds * 1000);
      if (wait > 0) await sleep(this.#options.clock, wait);
      const killed = stopDelayMs > graceSeconds * 1000;
      this.#exit(container, killed ? 137 : exitCode, killed || exitCode !== 0 ? 'Error' : 'Completed');
    },
    remove: async (id: string): Promise<void> => {
      const container = this.#containers.get(id);
      if (!container) return;
      if (container.state === 'running') throw new RuntimeError('create', `container "${id}" is running: stop it first`);
      this.#containers.delete(id);
      container.sandbox.containers = container.sandbox.containers.filter((c) => c !== container);
    },
    update: async (id: string, resources: ContainerSpec['resources']): Promise<void> => {
      const container = this.#find(id);
      if (container.state !== 'running') throw new RuntimeError('unavailable', `container "${id}" is not running`);
      container.memoryLimit = resources.memoryLimitBytes;
      container.timer?.cancel();
      this.#expire(container, this.#behaviour(container));
    },
    exec: async (id: string, command: readonly string[], _timeoutMs: number): Promise<{ exitCode: number; output: string; timedOut: boolean }> => {
      const container = this.#find(id);
      if (container.state !== 'running') throw new RuntimeError('exec', `container "${id}" is not running`);
      const failed = this.#behaviour(container).failing.includes('exec');
      return { exitCode: failed ? 1 : 0, output: `simulated: ${command.join(' ')}\n`, timedOut: false };
    },
  };
  readonly images = {
    status: async (ref: string): Promise<ImageState | undefined> => this.#images.get(ref),
    pull: async (ref: string): Promise<ImageState> => {
      const image = imageOf(ref);
      if (ref.includes('does-not-exist'))
        throw new RuntimeError('image-pull', `failed to pull and unpack image "${ref}": failed to resolve reference "${ref}": ${ref}: not found`);
      this.#images.set(ref, image);
      return image;
    },
    list: async (): Promise<ImageState[]> => [...this.#images.values()],
    remove: async (id: string): Promise<void> => {
      for (const [ref, image] of this.#images) if (image.id === id) this.#images.delete(ref);
    },
  };
  probe(containerId: string, kind: 'startup' | 'readiness' | 'liveness' | 'hook'): { ok: boolean; output: string } {
    const container = this.#containers.get(containerId);
    if (container?.state !== 'running' && kind !== 'hook') return { ok: false, output: 'container is not running' };
    const failed = container !== undefined && this.#fails(container, kind);
    return failed ? { ok: false, output: `simulated ${kind} failure` } : { ok: true, output: '' };
  }
  async stats(containerId: string): Promise<ContainerStats> {
    const { sandbox, name, startedAt } = this.#find(containerId);
    const { cpuSeconds, memory } = usageAt(usageCurves(sandbox.annotations, name), (this.#options.clock.now() - startedAt) / 1000);
    return { cpuNanoseconds: cpuSeconds * 1e9, memoryWorkingSetBytes: Math.round(memory) };
  }
  async logs(containerId: string): Promise<string> {
    const container = this.#find(containerId);
    return formatLine(
      new Date(container.startedAt || container.createdAt).toISOString(),
      'stdout',
      `simulated container ${container.name} of pod ${container.sandbox.namespace}/${container.sandbox.name}: nothing runs, so there is no output`,
    );
  }
  lend(podUid: string, known?: string): string | undefined {
    const ip = this.#lent.get(podUid) ?? known ?? this.#pool.take();
    if (ip === undefined) return undefined;
    this.#pool.claim(ip);
    this.#lent.set(podUid, ip);
    return ip;
  }
  giveBack(podUid: string): void {
    const ip = this.#lent.get(podUid);
    if (ip !== undefined) this.#pool.release(ip);
    this.#lent.delete(podUid);
  }
  powerOff(): void {
    this.#listeners.clear();
    for (const container of this.#containers.values()) container.timer?.cancel();
    for (const map of [this.#pods, this.#sandboxes, this.#containers]) map.clear();
  }
  crash(podUid: string, { container, exitCode = 137, reason = 'Error' }: { container?: string; exitCode?: number; reason?: string } = {}): number {
    const running = (this.#pods.get(podUid) ?? [])
      .flatMap((sandbox) => sandbox.containers)
      .filter((c) => c.state === 'running' && (container === undefined || c.name === container));
    for (const one of running) this.#exit(one, exitCode, reason);
    return running.length;
  }
  restore(pods: readonly RestoredPod[]): void {
    if (this.#options.rebooted) return;
    for (const pod of pods) {
      if (this.#pods.has(pod.podUid)) continue;
      const sandbox: SimSandbox = {
        id: this.#id(),
        podUid: pod.podUid,
        namespace: pod.namespace,
        name: pod.name,
        attempt: 0,
        ready: true,
        ips: pod.ips,
        hostNetwork: false,
        createdAt: pod.startedAt,
        annotations: steering(pod.annotations),
        containers: [],
      };
      for (const ip of pod.ips) this.#pool.claim(ip);
      this.#addSandbox(sandbox);
      for (const c of pod.containers) {
        const container: SimContainer = {
          ...c,
          state: 'running',
          createdAt: c.startedAt,
          finishedAt: 0,
          exitCode: 0,
          reason: '',
          message: '',
          labels: none,
          sandbox,
          timer: undefined,
        };
        sandbox.containers.push(container);
        this.#containers.set(c.id, container);
        this.#images.set(c.image, imageOf(c.image));
        this.#expire(container, this.#behaviour(container));
      }
    }
  }

  /** Sets when it ends by itself, or is killed for the memory that it uses. */
  #expire(container: SimContainer, behaviour: Behaviour): void {
    const { clock, random } = this.#options;
    const exit = behaviour.exitAfter === undefined ? Infinity : draw(behaviour.exitAfter, random);
    const outOfMemory = this.#outOfMemory(container);
    const first = Math.min(exit, outOfMemory);
    if (first === Infinity) return;
    const killed = outOfMemory < exit;
    const left = Math.max(0, container.startedAt + first - clock.now());
    container.timer = clock.after(left, () => this.#exit(container, killed ? 137 : behaviour.exitCode, killed ? 'OOMKilled' : behaviour.exitReason));
  }
  /** ms after the start when it uses more memory than it may; Infinity = never. */
  #outOfMemory({ sandbox, name, memoryLimit }: SimContainer): number {
    if (memoryLimit <= 0 || steer(sandbox.annotations, 'usage', name) === undefined) return Infinity;
    return usageCurves(sandbox.annotations, name).memory.above(memoryLimit) * 1000;
  }
  #fails(container: SimContainer, kind: 'startup' | 'readiness' | 'liveness' | 'hook'): boolean {
    const behaviour = this.#behaviour(container);
    const age = this.#options.clock.now() - container.startedAt;
    if (behaviour.failing.includes(kind)) return true;
    if (kind === 'startup') return age < behaviour.startupAfterMs;
    if (kind === 'readiness') return age < behaviour.readyAfterMs || age >= behaviour.readyUntilMs;
    return kind === 'liveness' && age >= behaviour.aliveUntilMs;
  }
  #exit(container: SimContainer, exitCode: number, reason: string): void {
    container.timer?.cancel();
    container.timer = undefined;
    if (container.state === 'exited') return;
    container.state = 'exited';
    container.exitCode = exitCode;
    container.reason = reason;
    container.finishedAt = this.#options.clock.now();
    this.#changed(container.sandbox);
  }
  #behaviour(container: SimContainer): Behaviour {
    return behaviourOf(container.sandbox.annotations, container.name, container);
  }
  #addSandbox(sandbox: SimSandbox): void {
    this.#sandboxes.set(sandbox.id, sandbox);
    this.#pods.set(sandbox.podUid, [...(this.#pods.get(sandbox.podUid) ?? []), sandbox]);
  }
  #find(id: string): SimContainer {
    const container = this.#containers.get(id);
    if (!container) throw new RuntimeError('not-found', `container "${id}" not found`);
    return container;
  }
  #changed(sandbox: SimSandbox): void {
    for (const listener of this.#listeners) listener(sandbox.podUid);
  }
  #id(): string {
    return this.#options.random.uuid().replaceAll('-', '');
  }
}

function steering(annotations: Record<string, string>): Record<string, string> {
  const own = Object.entries(annotations).filter(([key]) => steers(key));
  return own.length > 0 ? Object.fromEntries(own) : none;
}
function imageOf(ref: string): ImageState {
  const id = `sha256:${hash('sha256', ref, 'hex')}`;
  return { id, repoTags: ref.includes('@') ? [] : [ref], repoDigests: [], sizeBytes: 1_000_000 };
}
function stateOf(sandbox: SimSandbox): SandboxState {
  const { hostNetwork: _, containers, ...state } = sandbox;
  return { ...state, labels: none, containers: containers.map(({ sandbox: _s, timer: _t, initial: _i, memoryLimit: _m, ...c }) => c) };
}
