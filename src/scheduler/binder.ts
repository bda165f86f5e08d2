import type { Client } from '#client';
import { Pod } from '#kinds';
import type { Kind, KubeObject } from '#machinery';
import type { NodeInfo } from './node-info.ts';
import type { Plugin } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';

export interface BinderDeps {
  readonly client: Client;
  bound(pod: PodInfo, node: NodeInfo): void;
  /** What was reserved is given back already. `step`: for the event's text. */
  failed(pod: PodInfo, node: NodeInfo, step: string, error: unknown): void;
  /** One more binding may start. */
  free(): void;
}

/** Bindings that may be on their way at once. */
const bindingsInFlight = 64;

/** The steps from a decision to a bound pod: Reserve, PreBind, Bind; and back when one of them fails. */
export class Binder {
  readonly #deps: BinderDeps;
  readonly #running = new Set<Promise<void>>();
  readonly #preparing = new Map<string, AbortController>();
  #binding = 0;

  constructor(deps: BinderDeps) {
    this.#deps = deps;
  }
  get full(): boolean {
    return this.#binding >= bindingsInFlight;
  }
  /** Undefined, or why the pod cannot have what it needs beside the node; nothing is held then. */
  reserve({ reserving }: Profile, pod: PodInfo, node: NodeInfo): string | undefined {
    for (const [i, plugin] of reserving.entries()) {
      const problem = plugin.reserve?.(pod, node);
      if (problem === undefined) continue;
      release(reserving.slice(0, i), pod, node);
      return `running Reserve plugin "${plugin.name}": ${problem}`;
    }
    return undefined;
  }
  /** Goes on in the background: tells by `bound` or `failed`. */
  start(profile: Profile, pod: PodInfo, node: NodeInfo): void {
    const run = this.#run(profile, pod, node).finally(() => {
      this.#running.delete(run);
      this.#deps.free();
    });
    this.#running.add(run);
  }
  /** The pod is gone: what prepares its binding need not go on. */
  abandon(uid: string): void {
    this.#preparing.get(uid)?.abort();
  }
  async close(): Promise<void> {
    for (const preparing of this.#preparing.values()) preparing.abort();
    await Promise.all(this.#running);
  }

  async #run(profile: Profile, pod: PodInfo, node: NodeInfo): Promise<void> {
    let step = '';
    try {
      for (const plugin of profile.preBinding) {
        step = `running PreBind plugin "${plugin.name}"`;
        await this.#prepare(plugin, pod, node);
      }
      step = 'running Bind plugin "DefaultBinder"';
      await this.#bind(pod, node.name);
    } catch (error) {
      release(profile.reserving, pod, node);
      this.#deps.failed(pod, node, step, error);
      return;
    } finally {
      this.#preparing.delete(pod.uid);
    }
    this.#deps.bound(pod, node);
    for (const plugin of profile.postBinding) plugin.postBind?.(pod, node);
  }
  async #prepare(plugin: Plugin, pod: PodInfo, node: NodeInfo): Promise<void> {
    let controller = this.#preparing.get(pod.uid);
    if (!controller) this.#preparing.set(pod.uid, (controller = new AbortController()));
    await plugin.preBind?.(pod, node, controller.signal);
    controller.signal.throwIfAborted();
  }
  async #bind({ pod, namespace, name }: PodInfo, node: string): Promise<void> {
    const metadata = { namespace, name, ...(pod.metadata?.uid ? { uid: pod.metadata.uid } : {}) };
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    const body: KubeObject & { target: KubeObject & { name: string } } = { apiVersion: 'v1', kind: 'Binding', metadata, target };
    this.#binding++;
    try {
      await this.#deps.client.api.subresource(Pod as unknown as Kind, { namespace, name }, 'binding', body);
    } finally {
      this.#binding--;
    }
  }
}

function release(plugins: readonly Plugin[], pod: PodInfo, node: NodeInfo): void {
  for (const plugin of plugins.toReversed()) plugin.unreserve?.(pod, node);
}
