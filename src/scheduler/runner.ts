import { isDeepStrictEqual } from 'node:util';
import { seededRandom, systemRandom, type Clock, type Logger, type Random } from '#base';
import { createRecorder, type Client, type Recorder } from '#client';
import { Namespace, Node, Pod, type V1Node, type V1Pod } from '#kinds';
import type { Kind, KubeObject } from '#machinery';
import { ClusterState } from './cluster-state.ts';
import { findNode } from './find-node.ts';
import type { ClusterEvent } from './plugin.ts';
import { plugins as allPlugins, type Plugins } from './plugins/index.ts';
import { podInfo, podUid, type PodInfo } from './pod-info.ts';
import { PodStatusWriter } from './pod-status.ts';
import { SchedulingQueue } from './queue.ts';

export interface SchedulerOptions {
  client: Client;
  log: Logger;
  /** Default: the client's. */
  clock?: Clock;
  random?: Random;
  /** Pods with another spec.schedulerName are left alone. Default: default-scheduler. */
  schedulerName?: string;
  plugins?: Plugins;
}
export interface Scheduler {
  /** Takes no more pods and waits for the writes in flight. */
  stop(): Promise<void>;
}

/** Bindings that may be on their way at once. */
const bindingsInFlight = 64;
/** Decisions between two looks at other work, for pods that end without a binding. */
const decisionsPerTurn = 64;

/** Starts placing pods; returns at once. */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const runner = new Runner(options);
  void runner.start();
  return { stop: () => runner.stop() };
}

class Runner {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #random: Random;
  readonly #name: string;
  readonly #plugins: Plugins;
  readonly #state = new ClusterState();
  readonly #queue: SchedulingQueue;
  readonly #status: PodStatusWriter;
  readonly #recorder: Recorder;
  readonly #bindings = new Set<Promise<void>>();
  /** Pods that count on a node before the cache shows it. */
  readonly #assumed = new Set<string>();
  #events: ClusterEvent[] = [];
  #subscriptions: { close(): void }[] = [];
  #start = 0;
  #scheduled = false;
  #stopped = false;

  constructor(options: SchedulerOptions) {
    const random = options.random ?? systemRandom;
    this.#client = options.client;
    this.#clock = options.clock ?? options.client.clock;
    this.#log = options.log;
    // Ties are broken a hundred times per pod: one draw from the real source is enough.
    this.#random = seededRandom(Math.floor(random.next() * 2 ** 32));
    this.#name = options.schedulerName ?? 'default-scheduler';
    this.#plugins = options.plugins ?? allPlugins;
    this.#queue = new SchedulingQueue(this.#clock, () => this.#kick());
    this.#status = new PodStatusWriter(options.client.api, this.#clock, options.log);
    this.#recorder = createRecorder({ api: options.client.api, clock: this.#clock, random, log: options.log }, this.#name);
  }

  async start(): Promise<void> {
    const nodes = this.#client.informer(Node);
    const pods = this.#client.informer(Pod);
    const namespaces = this.#client.informer(Namespace);
    await Promise.all([nodes.ready(), pods.ready(), namespaces.ready()]);
    if (this.#stopped) return;
    // Bound pods first: a pending pod must not be placed on a node that only looks empty.
    this.#subscriptions.push(
      namespaces.onChange((now, old) => this.#state.setNamespace((now ?? old)?.metadata?.name ?? '', now && (now.metadata?.labels ?? {}))),
    );
    this.#subscriptions.push(nodes.onChange((node, old) => this.#nodeChanged(node, old)));
    for (const pod of pods.list()) if (pod.spec?.nodeName) this.#podChanged(pod, undefined);
    this.#subscriptions.push(pods.onChange((pod, old) => this.#podChanged(pod, old)));
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const subscription of this.#subscriptions) subscription.close();
    this.#queue.close();
    await Promise.all([...this.#bindings, this.#status.close()]);
    await this.#recorder.flush();
  }

  // ---- what the caches say ----

  #nodeChanged(node: V1Node | undefined, old: V1Node | undefined): void {
    if (!node) return this.#state.removeNode(old?.metadata?.name ?? '');
    const change = this.#state.setNode(node);
    if (!change) return;
    const info = this.#state.node(node.metadata?.name ?? '');
    if (info) this.#happened(change === 'added' ? { type: 'NodeAdded', node: info } : { type: 'NodeChanged', node: info, change });
  }
  #podChanged(pod: V1Pod | undefined, old: V1Pod | undefined): void {
    // Deleted and made again under the same name between two looks.
    if (old && pod && podUid(old) !== podUid(pod)) this.#podGone(podUid(old));
    if (!pod) return old ? this.#podGone(podUid(old)) : undefined;
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return this.#podGone(podUid(pod));
    if (pod.spec?.nodeName) return this.#podBound(pod, old);
    if (pod.spec?.schedulerName !== undefined && pod.spec.schedulerName !== this.#name) return;
    if (pod.metadata?.deletionTimestamp) return this.#podGone(podUid(pod));
    if (!this.#assumed.has(podUid(pod))) this.#podWaits(pod, old);
  }
  #podBound(pod: V1Pod, old: V1Pod | undefined): void {
    const uid = podUid(pod);
    const node = pod.spec?.nodeName as string;
    this.#queue.remove(uid);
    this.#assumed.delete(uid);
    const known = this.#state.nodeOf(uid)?.name === node;
    // Status updates of running pods are most of the traffic: what they use is the same.
    if (known && (!old || sameFacts(old, pod))) return;
    const before = this.#state.pod(uid);
    const info = podInfo(pod);
    this.#state.addPod(info, node);
    if (before) this.#happened({ type: 'PodRemoved', pod: before });
    this.#happened({ type: 'PodPlaced', pod: info });
  }
  #podWaits(pod: V1Pod, old: V1Pod | undefined): void {
    const uid = podUid(pod);
    if (pod.spec?.schedulingGates?.length) {
      this.#queue.remove(uid);
      return this.#status.waiting(pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates');
    }
    const changed = !old || !sameFacts(old, pod);
    if (changed || !this.#queue.has(uid)) this.#queue.add(podInfo(pod));
    else this.#queue.refresh({ ...(this.#queue.get(uid) as PodInfo), pod });
  }
  #podGone(uid: string): void {
    this.#queue.remove(uid);
    this.#assumed.delete(uid);
    const pod = this.#state.removePod(uid);
    if (pod) this.#happened({ type: 'PodRemoved', pod });
  }
  #happened(event: ClusterEvent): void {
    if (!this.#queue.anyUnschedulable) return;
    this.#events.push(event);
    this.#kick();
  }

  // ---- placing ----

  /** Runs soon, once for everything that happens in this turn. */
  #kick(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#work());
  }
  #work(): void {
    this.#scheduled = false;
    if (this.#stopped) return;
    this.#queue.notify(this.#events.splice(0));
    for (let decisions = 0; this.#bindings.size < bindingsInFlight; decisions++) {
      if (decisions >= decisionsPerTurn) {
        this.#scheduled = true;
        this.#clock.after(0, () => this.#work(), true);
        return;
      }
      const pod = this.#queue.take();
      if (!pod) return;
      this.#place(pod);
    }
  }
  #place(pod: PodInfo): void {
    const decision = findNode(this.#state, pod, this.#plugins, this.#start, this.#random);
    this.#start = (this.#start + decision.examined) % Math.max(1, this.#state.nodes.length);
    if (!decision.node) return this.#cannot(pod, decision.message, decision.rejectedBy);
    const { name } = decision.node;
    this.#state.addPod(pod, name);
    this.#assumed.add(pod.uid);
    this.#happened({ type: 'PodPlaced', pod });
    const binding = this.#bind(pod, name).finally(() => {
      this.#bindings.delete(binding);
      this.#kick();
    });
    this.#bindings.add(binding);
  }
  #cannot(pod: PodInfo, message: string, rejectedBy: Parameters<SchedulingQueue['park']>[1]): void {
    this.#queue.park(pod.uid, rejectedBy);
    this.#status.waiting(pod.pod, 'Unschedulable', message);
    this.#recorder.event(asPod(pod.pod), 'Warning', 'FailedScheduling', message);
  }
  async #bind(pod: PodInfo, node: string): Promise<void> {
    const { namespace, name } = pod;
    const metadata = { namespace, name, ...(pod.pod.metadata?.uid ? { uid: pod.pod.metadata.uid } : {}) };
    const body: KubeObject & { target: KubeObject & { name: string } } = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata,
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    try {
      await this.#client.api.subresource(Pod as unknown as Kind, { namespace, name }, 'binding', body);
      this.#queue.remove(pod.uid);
      this.#recorder.event(asPod(pod.pod), 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
    } catch (error) {
      this.#forget(pod, node, error);
    }
  }
  /** The binding was not written: what was assumed is taken back. */
  #forget(pod: PodInfo, node: string, error: unknown): void {
    if (!this.#assumed.delete(pod.uid)) return; // the cache knows better by now: bound or gone
    this.#state.removePod(pod.uid);
    this.#happened({ type: 'PodRemoved', pod });
    const now = this.#client.informer(Pod).get(pod.namespace, pod.name);
    if (!now || podUid(now) !== pod.uid || now.metadata?.deletionTimestamp) return this.#queue.remove(pod.uid);
    this.#queue.refresh(podInfo(now));
    this.#log.warn('binding failed', { pod: `${pod.namespace}/${pod.name}`, node, error });
    this.#recorder.event(
      asPod(pod.pod),
      'Warning',
      'FailedScheduling',
      `running Bind plugin "DefaultBinder": ${error instanceof Error ? error.message : String(error)}`,
    );
    this.#queue.retry(pod.uid);
  }
}

/** Whether nothing changed that placing this pod or others looks at. */
function sameFacts(old: V1Pod, pod: V1Pod): boolean {
  return (
    sameSpec(old, pod) && old.metadata?.deletionTimestamp === pod.metadata?.deletionTimestamp && isDeepStrictEqual(old.metadata?.labels, pod.metadata?.labels)
  );
}
/** The generation tells, where the server counts it; comparing is the dear way. */
function sameSpec(old: V1Pod, pod: V1Pod): boolean {
  if (old.spec === pod.spec) return true;
  const generation = pod.metadata?.generation;
  if (generation !== undefined && old.metadata?.generation !== undefined) return generation === old.metadata.generation;
  return isDeepStrictEqual(old.spec, pod.spec);
}
/** Events need the kind, which objects from lists do not always carry. */
const asPod = (pod: V1Pod): KubeObject => ({ ...pod, apiVersion: 'v1', kind: 'Pod' }) as KubeObject;
