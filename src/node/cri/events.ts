import { sleep, type Clock, type Logger } from '#base';
import { CriError, grpcCode, type CriClient, type TaskEvent } from './client.ts';

/** What a task event was about, for the nodes that listen. */
export interface Owner {
  node: string;
  podUid: string;
}
type Listener = (podUid: string | undefined) => void;

const filters = ['namespace==k8s.io,topic=="/tasks/exit"', 'namespace==k8s.io,topic=="/tasks/oom"'];
const settleTimeoutMs = 3000;

/**
 * One subscription to containerd's task events for all nodes. Maps container and sandbox ids to pods, and tells the
 * node's listeners. After a gap (containerd restarted) everyone is told to look at everything.
 */
export class TaskEvents {
  readonly #client: CriClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #owners = new Map<string, Owner & { sandbox: boolean }>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #stream: { close(): void } | undefined;
  #generation = 0;

  constructor(client: CriClient, clock: Clock, log: Logger) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  learn(id: string, owner: Owner, sandbox: boolean): void {
    this.#owners.set(id, { ...owner, sandbox });
  }
  forget(id: string): void {
    this.#owners.delete(id);
  }

  subscribe(node: string, listener: Listener): { close(): void } {
    const listeners = this.#listeners.get(node) ?? new Set();
    this.#listeners.set(node, listeners.add(listener));
    if (!this.#stream) this.#open();
    return {
      close: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(node);
        if (this.#listeners.size === 0) this.#close();
      },
    };
  }

  #open(): void {
    const generation = ++this.#generation;
    this.#stream = this.#client.taskEvents(
      filters,
      (event) => void this.#handle(event),
      (error) => {
        if (generation !== this.#generation) return;
        this.#log.debug('the stream of task events ended; opening it again', { error });
        void this.#reopen(generation);
      },
    );
  }
  /** Opens before everyone looks, so that nothing falls between. */
  async #reopen(generation: number): Promise<void> {
    for (let waitMs = 50; !this.#client.closed; waitMs = Math.min(waitMs * 2, 1000)) {
      await sleep(this.#clock, waitMs);
      if (generation !== this.#generation) return;
      if (
        await this.#client.call('Status', {}, 2000).then(
          () => true,
          () => false,
        )
      )
        break;
    }
    if (this.#client.closed) return;
    this.#open();
    this.#tellAll();
  }
  #close(): void {
    this.#generation++;
    this.#stream?.close();
    this.#stream = undefined;
  }

  async #handle(event: TaskEvent): Promise<void> {
    // The end of an exec changes nothing of the pod.
    if (event.processId !== event.containerId) return;
    const owner = this.#owners.get(event.containerId);
    if (!owner) return this.#tellAll();
    await this.#settled(event, owner.sandbox);
    for (const listener of this.#listeners.get(owner.node) ?? []) listener(owner.podUid);
  }
  #tellAll(): void {
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(undefined);
  }

  /** The event is published before containerd's CRI service has noted it: wait until its answer agrees. */
  async #settled(event: TaskEvent, sandbox: boolean): Promise<void> {
    const deadline = this.#clock.now() + settleTimeoutMs;
    for (let waitMs = 2; this.#clock.now() < deadline; waitMs = Math.min(waitMs * 2, 100)) {
      try {
        if (await (sandbox ? this.#sandboxEnded(event.containerId) : this.#containerAgrees(event))) return;
      } catch (error) {
        if (!(error instanceof CriError) || error.code !== grpcCode.notFound) this.#log.debug('no status after an event', { id: event.containerId, error });
        return;
      }
      await sleep(this.#clock, waitMs);
    }
  }
  async #sandboxEnded(id: string): Promise<boolean> {
    const { status } = await this.#client.call('PodSandboxStatus', { pod_sandbox_id: id, verbose: false });
    return status?.state !== 'SANDBOX_READY';
  }
  /** A killed container that ran out of memory has both events, in either order. */
  async #containerAgrees(event: TaskEvent): Promise<boolean> {
    const { status } = await this.#client.call('ContainerStatus', { container_id: event.containerId, verbose: false });
    if (status?.state !== 'CONTAINER_EXITED') return event.topic === '/tasks/oom';
    return event.topic !== '/tasks/oom' || status.reason === 'OOMKilled';
  }
}
