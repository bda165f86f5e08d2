import type { Clock, Logger } from '#base';
import {
  RuntimeError,
  type ContainerSpec,
  type ContainerState,
  type ImageState,
  type Measured,
  type Runtime,
  type SandboxSpec,
  type SandboxState,
  type Streaming,
} from '../runtime.ts';
import { CriError, grpcCode, type CriClient } from './client.ts';
import { asRuntimeError, runtimeError, unlessGone } from './errors.ts';
import { TaskEvents } from './events.ts';
import { imageState, listImages } from './images.ts';
import type { ContainerItem, ContainerStatusMessage, Message, SandboxItem, SandboxStatus } from './messages.ts';
import { containerConfig, givenLabels, linuxResources, nodeLabel, sandboxConfig } from './specs.ts';
import { createCriStreams } from './streaming/streams.ts';

export interface CriRuntimeOptions {
  client: CriClient;
  /** Shared by all nodes of this containerd. */
  events: TaskEvents;
  node: string;
  /** The node's CRI runtime handler: it carries the node's network. */
  runtimeHandler: string;
  /** Parent of the cgroups of pods that name none, for example /batuta-ab12. */
  cgroupRoot: string;
  /** containerd's version. */
  version: string;
  clock: Clock;
  log: Logger;
  /** Before an image is asked of its registry: the owner may say where containerd finds that. */
  beforePull?(image: string): void | Promise<void> | undefined;
}

/** One node's view of a containerd. */
export function createCriRuntime(options: CriRuntimeOptions): Runtime & Streaming & Measured {
  const { client, events, node, clock } = options;
  const sandboxes = new Sandboxes(options);
  const states = new States(options);
  return {
    name: 'containerd',
    version: options.version,
    handlers: ['runc'],
    list: () => asRuntimeError('unavailable', states.list()),
    subscribe: (changed) => events.subscribe(node, changed),
    sandboxes,
    containers: {
      create: (sandboxId, spec) => createContainer(options, sandboxes, sandboxId, spec),
      start: async (id) => void (await asRuntimeError('start', client.call('StartContainer', { container_id: id }, 240_000))),
      stop: (id, graceSeconds) => {
        const timeout = Math.max(0, Math.ceil(graceSeconds));
        return unlessGone('unavailable', client.call('StopContainer', { container_id: id, timeout }, timeout * 1000 + 120_000));
      },
      remove: async (id) => {
        await unlessGone('unavailable', client.call('RemoveContainer', { container_id: id }));
        states.forget(id);
      },
      update: async (id, resources) =>
        void (await asRuntimeError('unavailable', client.call('UpdateContainerResources', { container_id: id, linux: linuxResources(resources) }))),
      exec: (id, command, timeoutMs) => execSync(client, clock, id, command, timeoutMs),
      reopenLog: (id) => unlessGone('unavailable', client.call('ReopenContainerLog', { container_id: id })),
    },
    images: {
      status: (ref) => imageStatus(client, ref),
      pull: async (ref, auth) => {
        await options.beforePull?.(ref);
        return pullImage(client, ref, auth);
      },
      list: () => asRuntimeError('unavailable', listImages(client)),
    },
    streams: createCriStreams({ client, log: options.log }),
    stats: async (containerId) => {
      const { stats } = await asRuntimeError('unavailable', client.call('ContainerStats', { container_id: containerId }, 10_000));
      return { cpuNanoseconds: stats?.cpu?.usage_core_nano_seconds?.value ?? 0, memoryWorkingSetBytes: stats?.memory?.working_set_bytes?.value ?? 0 };
    },
  };
}

class Sandboxes {
  readonly #options: CriRuntimeOptions;
  /** The configuration of each sandbox: CreateContainer wants it again. */
  readonly #configs = new Map<string, Message>();
  readonly #starting = new Map<string, Promise<{ id: string; ips: string[] }>>();

  constructor(options: CriRuntimeOptions) {
    this.#options = options;
  }

  run(spec: SandboxSpec): Promise<{ id: string; ips: string[] }> {
    const key = `${spec.podUid}/${spec.attempt}`;
    const running = this.#starting.get(key) ?? this.#run(spec).finally(() => this.#starting.delete(key));
    this.#starting.set(key, running);
    return running;
  }
  async #run(spec: SandboxSpec): Promise<{ id: string; ips: string[] }> {
    const { client, events, node, runtimeHandler, cgroupRoot } = this.#options;
    const config = sandboxConfig(spec, node, cgroupRoot);
    const id = await this.#existingOrNew(spec, () => client.call('RunPodSandbox', { config, runtime_handler: runtimeHandler }, 240_000));
    this.#configs.set(id, config);
    events.learn(id, { node, podUid: spec.podUid }, true);
    const { status } = await asRuntimeError('sandbox', client.call('PodSandboxStatus', { pod_sandbox_id: id, verbose: false }));
    return { id, ips: sandboxIps(status) };
  }
  async #existingOrNew(spec: SandboxSpec, run: () => Promise<{ pod_sandbox_id: string }>): Promise<string> {
    try {
      return (await run()).pod_sandbox_id;
    } catch (error) {
      // The name (pod, uid, attempt) is reserved: an earlier call made it, perhaps in an earlier life of this process.
      const taken = error instanceof CriError && /is reserved for/.test(error.message) ? await this.#find(spec) : undefined;
      if (taken) return taken;
      throw runtimeError(error, 'sandbox');
    }
  }
  async #find(spec: SandboxSpec): Promise<string | undefined> {
    const { client, node } = this.#options;
    const { items } = await client.call('ListPodSandbox', { filter: { label_selector: { [nodeLabel]: node } } });
    return items.find((s) => s.state === 'SANDBOX_READY' && s.metadata?.uid === spec.podUid && s.metadata.attempt === spec.attempt)?.id;
  }

  async stop(id: string): Promise<void> {
    await unlessGone('sandbox', this.#options.client.call('StopPodSandbox', { pod_sandbox_id: id }));
  }
  async remove(id: string): Promise<void> {
    await unlessGone('sandbox', this.#options.client.call('RemovePodSandbox', { pod_sandbox_id: id }));
    this.#configs.delete(id);
    this.#options.events.forget(id);
  }

  /** PodSandboxConfig as it was given; after a restart of this process, as containerd keeps it. */
  async config(id: string): Promise<Message> {
    const known = this.#configs.get(id);
    if (known) return known;
    const { info } = await asRuntimeError('not-found', this.#options.client.call('PodSandboxStatus', { pod_sandbox_id: id, verbose: true }));
    const { config } = JSON.parse(info['info'] ?? '{}') as { config?: Message };
    if (!config) throw new RuntimeError('sandbox', `containerd does not tell the configuration of sandbox ${id}`);
    this.#configs.set(id, config);
    return config;
  }
}

async function createContainer(options: CriRuntimeOptions, sandboxes: Sandboxes, sandboxId: string, spec: ContainerSpec): Promise<string> {
  const config = await sandboxes.config(sandboxId);
  const request = { pod_sandbox_id: sandboxId, config: containerConfig(spec, options.node), sandbox_config: config };
  const { container_id: id } = await asRuntimeError('create', options.client.call('CreateContainer', request, 240_000));
  options.events.learn(id, { node: options.node, podUid: (config['metadata'] as { uid: string }).uid }, false);
  return id;
}

const maxOutput = 64 << 10;
async function execSync(
  client: CriClient,
  clock: Clock,
  id: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
  const started = clock.now();
  try {
    const deadlineMs = timeoutMs > 0 ? timeoutMs + 30_000 : 0;
    const result = await client.call('ExecSync', { container_id: id, cmd: command, timeout: Math.ceil(timeoutMs / 1000) }, deadlineMs);
    return { exitCode: result.exit_code, output: Buffer.concat([result.stdout, result.stderr]).subarray(0, maxOutput).toString('utf8'), timedOut: false };
  } catch (error) {
    const timedOut = timeoutMs > 0 && error instanceof CriError && clock.now() - started >= timeoutMs && /timeout|deadline/i.test(error.message);
    if (timedOut) return { exitCode: -1, output: `command ${JSON.stringify(command.join(' '))} timed out`, timedOut: true };
    throw runtimeError(error, 'exec');
  }
}

async function imageStatus(client: CriClient, ref: string): Promise<ImageState | undefined> {
  const { image } = await asRuntimeError('unavailable', client.call('ImageStatus', { image: { image: ref } }));
  return image ? imageState(image) : undefined;
}
async function pullImage(client: CriClient, ref: string, auth?: { username: string; password: string }): Promise<ImageState> {
  const request = { image: { image: ref }, ...(auth ? { auth } : {}) };
  const { image_ref: id } = await asRuntimeError('image-pull', client.call('PullImage', request, 0));
  const image = await imageStatus(client, id);
  if (!image) throw new RuntimeError('image-pull', `containerd pulled ${ref} but does not list it`);
  return image;
}

const containerStates = { CONTAINER_CREATED: 'created', CONTAINER_RUNNING: 'running', CONTAINER_EXITED: 'exited', CONTAINER_UNKNOWN: 'unknown' } as const;
/** The reason of an exit may still change to OOMKilled for this long. */
const reasonSettlesMs = 5000;
const milliseconds = (nanoseconds: number): number => Math.floor(nanoseconds / 1e6);

/** Lists sandboxes with their containers. Lists carry no addresses and exit codes: those are asked for once per change. */
class States {
  readonly #options: CriRuntimeOptions;
  readonly #containers = new Map<string, ContainerState>();
  readonly #ips = new Map<string, string[]>();

  constructor(options: CriRuntimeOptions) {
    this.#options = options;
  }
  forget(containerId: string): void {
    this.#containers.delete(containerId);
    this.#options.events.forget(containerId);
  }

  async list(): Promise<SandboxState[]> {
    const { client, node } = this.#options;
    const filter = { label_selector: { [nodeLabel]: node } };
    const [{ items }, { containers }] = await Promise.all([client.call('ListPodSandbox', { filter }), client.call('ListContainers', { filter })]);
    this.#prune(new Set(items.map((s) => s.id)), new Set(containers.map((c) => c.id)));
    const bySandbox = Map.groupBy(containers, (c) => c.pod_sandbox_id);
    const states = await Promise.all(items.map((item) => this.#sandbox(item, bySandbox.get(item.id) ?? [])));
    return states.filter((state) => state !== undefined);
  }
  #prune(sandboxes: ReadonlySet<string>, containers: ReadonlySet<string>): void {
    for (const id of this.#ips.keys()) if (!sandboxes.has(id)) this.#ips.delete(id);
    for (const id of this.#containers.keys()) if (!containers.has(id)) this.forget(id);
  }

  async #sandbox(item: SandboxItem, containers: ContainerItem[]): Promise<SandboxState | undefined> {
    const { events, node } = this.#options;
    const podUid = item.metadata?.uid ?? '';
    events.learn(item.id, { node, podUid }, true);
    for (const container of containers) events.learn(container.id, { node, podUid }, false);
    const ips = await this.#sandboxIps(item);
    if (!ips) return undefined;
    const states = await Promise.all(containers.map((container) => this.#container(container)));
    return {
      id: item.id,
      podUid,
      namespace: item.metadata?.namespace ?? '',
      name: item.metadata?.name ?? '',
      attempt: item.metadata?.attempt ?? 0,
      ready: item.state === 'SANDBOX_READY',
      ips,
      createdAt: milliseconds(item.created_at),
      labels: givenLabels(item.labels),
      annotations: item.annotations,
      containers: states.filter((state) => state !== undefined),
    };
  }
  /** Undefined when the sandbox went away meanwhile. */
  async #sandboxIps(item: SandboxItem): Promise<string[] | undefined> {
    const known = this.#ips.get(item.id);
    if (known) return known;
    const answer = await orGone(this.#options.client.call('PodSandboxStatus', { pod_sandbox_id: item.id, verbose: false }));
    if (!answer) return undefined;
    const ips = sandboxIps(answer.status);
    if (ips.length > 0) this.#ips.set(item.id, ips);
    return ips;
  }
  async #container(item: ContainerItem): Promise<ContainerState | undefined> {
    const known = this.#containers.get(item.id);
    if (known && known.state === containerStates[item.state] && !this.#mayChange(known)) return known;
    const answer = await orGone(this.#options.client.call('ContainerStatus', { container_id: item.id, verbose: false }));
    if (!answer?.status) return undefined;
    const state = containerState(answer.status);
    this.#containers.set(item.id, state);
    return state;
  }
  #mayChange(state: ContainerState): boolean {
    return state.state === 'exited' && state.reason === 'Error' && this.#options.clock.now() - state.finishedAt < reasonSettlesMs;
  }
}

async function orGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof CriError && error.code === grpcCode.notFound) return undefined;
    throw error;
  }
}
function sandboxIps(status: SandboxStatus | null): string[] {
  const network = status?.network;
  return network?.ip ? [network.ip, ...network.additional_ips.map((more) => more.ip)] : [];
}
function containerState(status: ContainerStatusMessage): ContainerState {
  return {
    id: status.id,
    name: status.metadata?.name ?? '',
    attempt: status.metadata?.attempt ?? 0,
    state: containerStates[status.state],
    createdAt: milliseconds(status.created_at),
    startedAt: milliseconds(status.started_at),
    // containerd notes the start when its own call returns, which may be after a short program's end.
    finishedAt: status.finished_at === 0 ? 0 : milliseconds(Math.max(status.finished_at, status.started_at)),
    exitCode: status.exit_code,
    // containerd notes a memory kill before the exit.
    reason: status.state === 'CONTAINER_EXITED' ? status.reason : '',
    message: status.message,
    image: status.image?.image ?? '',
    imageId: status.image_ref,
    labels: givenLabels(status.labels),
    annotations: status.annotations,
  };
}
