import { seededRandom, systemRandom, type Clock, type Logger, type Random } from '#base';
import { createRecorder, type Client, type Informer, type Recorder } from '#client';
import { Namespace, Node, Pod, type V1Node, type V1Pod } from '#kinds';
import type { Kind, KubeObject } from '#machinery';
import { Binder } from './binder.ts';
import { ClusterState } from './cluster-state.ts';
import { makeProfiles, type SchedulerConfiguration } from './configuration.ts';
import { findNode, type Decision } from './find-node.ts';
import type { NodeInfo } from './node-info.ts';
import type { ClusterEvent, PluginContext } from './plugin.ts';
import { podInfo, podUid, type PodInfo } from './pod-info.ts';
import { PlacementReader } from './placement-reader.ts';
import type { PlacementSource } from './placements.ts';
import { PodStatusWriter } from './pod-status.ts';
import { defaultProfile, defaultSchedulerName, type Profile } from './profile.ts';
import { Preemptor, type Outcome } from './preemptor.ts';
import { SchedulingQueue } from './queue.ts';
import { sameFacts } from './sameness.ts';

export interface SchedulerOptions {
  client: Client;
  log: Logger;
  /** Default: the client's. */
  clock?: Clock;
  random?: Random;
  /** Default: one profile, with every plugin. Pods with the schedulerName of none are left alone. */
  configuration?: SchedulerConfiguration | undefined;
  /** Makes the profiles in its place. */
  profiles?(context: Omit<PluginContext, 'args'>): readonly Profile[];
}
export interface Scheduler {
  /** Why pods have no node. */
  readonly placements: PlacementSource;
  /** Takes no more pods and waits for the writes in flight. */
  stop(): Promise<void>;
}

/** Decisions between two looks at other work, for pods that end without a binding; fewer where they are dear. */
const decisionsPerTurn = 64;
const longestTurnMs = 20;

/** Starts placing pods; returns at once. */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const runner = new Runner(options);
  void runner.start();
  return { stop: () => runner.stop(), placements: runner.placements };
}

class Runner {
  readonly placements: PlacementSource;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #random: Random;
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #recorders: ReadonlyMap<string, Recorder>;
  readonly #state = new ClusterState();
  readonly #queue: SchedulingQueue;
  readonly #status: PodStatusWriter;
  readonly #binder: Binder;
  readonly #preemptor: Preemptor;
  /** Pods that count on a node before the cache shows it. */
  readonly #assumed = new Set<string>();
  #events: ClusterEvent[] = [];
  #subscriptions: { close(): void }[] = [];
  #start = 0;
  #scheduled = false;
  #stopped = false;

  constructor(options: SchedulerOptions) {
    const { client, log } = options;
    const random = options.random ?? systemRandom;
    const clock = options.clock ?? client.clock;
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    // Ties are broken a hundred times per pod: one draw from the real source is enough.
    this.#random = seededRandom(Math.floor(random.next() * 2 ** 32));
    const context = {
      state: this.#state,
      api: client.api,
      clock,
      log,
      random: this.#random,
      informer: <T extends KubeObject>(kind: Kind<T>): Informer<T> => client.informer(kind),
    };
    const { configuration } = options;
    const profiles = options.profiles?.(context) ?? (configuration ? makeProfiles(configuration, context) : [defaultProfile(context)]);
    this.#profiles = new Map(profiles.map((profile) => [profile.schedulerName, profile]));
    this.#recorders = new Map(profiles.map(({ schedulerName: name }) => [name, createRecorder({ api: client.api, clock, random, log }, name)]));
    this.#queue = new SchedulingQueue(
      clock,
      () => this.#kick(),
      configuration && { first: configuration.podInitialBackoffSeconds * 1000, longest: configuration.podMaxBackoffSeconds * 1000 },
    );
    this.#status = new PodStatusWriter(client.api, clock, log);
    this.placements = new PlacementReader({ pods: client.informer(Pod), state: this.#state, queue: this.#queue, profileOf: (pod) => this.#profileOf(pod) });
    this.#binder = new Binder({
      client,
      bound: (pod, node) => this.#bound(pod, node),
      failed: (pod, node, step, error) => this.#forget(pod, node, step, error),
      free: () => this.#kick(),
    });
    this.#preemptor = new Preemptor({
      client,
      state: this.#state,
      clock,
      random: this.#random,
      log,
      evicted: (victim, message, preemptor) => this.#recorderOf(preemptor.pod)?.event(asPod(victim.pod), 'Normal', 'Preempted', message),
      done: (pod, victims, failed) => this.#victimsTold(pod, victims, failed),
    });
  }

  async start(): Promise<void> {
    const nodes = this.#client.informer(Node);
    const pods = this.#client.informer(Pod);
    const namespaces = this.#client.informer(Namespace);
    const watched = this.#watched();
    await Promise.all([nodes, pods, namespaces, this.#preemptor, ...watched].map((informer) => informer.ready()));
    if (this.#stopped) return;
    // Bound pods first: a pending pod must not be placed on a node that only looks empty.
    this.#subscriptions.push(
      namespaces.onChange((now, old) => this.#state.setNamespace((now ?? old)?.metadata?.name ?? '', now && (now.metadata?.labels ?? {}))),
    );
    this.#subscriptions.push(nodes.onChange((node, old) => this.#nodeChanged(node, old)));
    for (const pod of pods.list()) if (pod.spec?.nodeName) this.#podChanged(pod, undefined);
    this.#subscriptions.push(pods.onChange((pod, old) => this.#podChanged(pod, old)));
    for (const informer of watched) {
      const { kind } = informer.kind;
      this.#subscriptions.push(informer.onChange((object, old) => this.#happened({ type: 'ObjectChanged', kind, object, old })));
    }
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const subscription of this.#subscriptions) subscription.close();
    this.#queue.close();
    await Promise.all([this.#binder.close(), this.#preemptor.close(), this.#status.close()]);
    await Promise.all([...this.#recorders.values()].map((recorder) => recorder.flush()));
  }
  /** Caches of what plugins follow beside pods and nodes. */
  #watched(): Informer<KubeObject>[] {
    const kinds = new Set([...this.#profiles.values()].flatMap((profile) => profile.plugins.flatMap((plugin) => plugin.watches ?? [])));
    return [...kinds].map((kind) => this.#client.informer(kind));
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
    if (!this.#profileOf(pod)) return;
    if (pod.metadata?.deletionTimestamp) return this.#podGone(podUid(pod));
    if (!this.#assumed.has(podUid(pod))) this.#podWaits(pod, old);
  }
  #podBound(pod: V1Pod, old: V1Pod | undefined): void {
    const uid = podUid(pod);
    const node = pod.spec?.nodeName as string;
    this.#queue.remove(uid);
    this.#assumed.delete(uid);
    this.#state.nominations.delete(uid);
    this.#preemptor.forget(uid);
    const known = this.#state.nodeOf(uid)?.name === node;
    const before = this.#state.pod(uid);
    // Status updates of running pods are most of the traffic: what they use is the same.
    if (known && before && (!old || sameFacts(old, pod))) {
      before.pod = pod; // preemption asks since when it runs, and a former state need not be kept
      return;
    }
    const info = podInfo(pod);
    this.#state.addPod(info, node);
    const on = this.#state.node(node);
    if (before) this.#happened({ type: 'PodRemoved', pod: before, node: on });
    this.#happened({ type: 'PodPlaced', pod: info, node: on });
  }
  #podWaits(pod: V1Pod, old: V1Pod | undefined): void {
    const uid = podUid(pod);
    this.#promise(pod, old);
    const changed = !old || !sameFacts(old, pod);
    if (!changed && this.#queue.has(uid)) return this.#queue.refresh({ ...(this.#queue.get(uid) as PodInfo), pod });
    const info = podInfo(pod);
    const profile = this.#profileOf(pod) as Profile;
    for (const plugin of profile.gates) {
      const gate = plugin.gate?.(info);
      if (!gate) continue;
      this.#queue.remove(uid);
      return this.#status.waiting(pod, gate.reason, gate.message);
    }
    this.#queue.add(info);
  }
  /** Takes over a promise that stands in the status: ours of before a restart, or somebody else's. */
  #promise(pod: V1Pod, old: V1Pod | undefined): void {
    const { nominatedNodeName: node } = pod.status ?? {};
    if (node === old?.status?.nominatedNodeName) return;
    if (node) this.#state.nominations.set(podInfo(pod), node);
    else this.#breakPromise(podUid(pod));
  }
  /** Others may have what was kept for the pod. */
  #breakPromise(uid: string): void {
    const promise = this.#state.nominations.delete(uid);
    if (promise) this.#happened({ type: 'PodRemoved', pod: promise.pod, node: this.#state.present(promise.node) });
  }
  #podGone(uid: string): void {
    this.#breakPromise(uid);
    this.#queue.remove(uid);
    this.#assumed.delete(uid);
    this.#binder.abandon(uid);
    this.#preemptor.forget(uid);
    const node = this.#state.nodeOf(uid);
    const pod = this.#state.removePod(uid);
    if (pod) this.#happened({ type: 'PodRemoved', pod, node });
  }
  #happened(event: ClusterEvent): void {
    if (!this.#queue.anyUnschedulable) return;
    this.#events.push(event);
    this.#kick();
  }
  #profileOf({ spec }: V1Pod): Profile | undefined {
    return this.#profiles.get(spec?.schedulerName ?? defaultSchedulerName);
  }
  #record({ pod }: PodInfo, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#recorderOf(pod)?.event(asPod(pod), type, reason, message);
  }
  #recorderOf({ spec }: V1Pod): Recorder | undefined {
    return this.#recorders.get(spec?.schedulerName ?? defaultSchedulerName);
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
    const from = this.#clock.now();
    for (let decisions = 0; !this.#binder.full; decisions++) {
      if (decisions >= decisionsPerTurn || this.#clock.now() - from > longestTurnMs) {
        this.#scheduled = true;
        this.#clock.after(0, () => this.#work(), true);
        return;
      }
      const pod = this.#queue.take();
      if (!pod) return;
      this.#place(pod, this.#profileOf(pod.pod) as Profile);
    }
  }
  #place(pod: PodInfo, profile: Profile): void {
    const decision = findNode(this.#state, pod, profile, this.#start, this.#random);
    this.#start = (this.#start + decision.examined) % Math.max(1, this.#state.nodes.length);
    const { node } = decision;
    if (!node) return this.#cannot(pod, profile, decision);
    this.#state.addPod(pod, node.name);
    const problem = this.#binder.reserve(profile, pod, node);
    if (problem !== undefined) {
      this.#state.removePod(pod.uid);
      return this.#tryLater(pod, problem);
    }
    this.#assumed.add(pod.uid);
    this.#happened({ type: 'PodPlaced', pod, node });
    this.#binder.start(profile, pod, node);
  }
  #cannot(pod: PodInfo, profile: Profile, decision: Decision): void {
    const { nominations } = this.#state;
    const tries = profile.preemption && this.#state.nodes.length > 0 && !this.#preemptor.busy(pod.uid);
    const outcome = tries ? this.#preemptor.preempt(profile, pod, decision, nominations.nodeOf(pod.uid)) : nothing;
    const message = outcome.message === '' ? decision.message : `${decision.message} ${outcome.message}`;
    if (outcome.nominate === '') this.#breakPromise(pod.uid);
    else if (outcome.nominate !== undefined) this.#nominate(pod, outcome.nominate);
    this.#queue.park(pod.uid, decision.rejectedBy);
    this.#status.waiting(pod.pod, 'Unschedulable', message, outcome.nominate);
    this.#record(pod, 'Warning', 'FailedScheduling', message);
  }
  /** Pods that matter less have no claim on a node any more that a more important one will get. */
  #nominate(pod: PodInfo, node: string): void {
    const { nominations } = this.#state;
    const lesser = [...(nominations.on(node)?.values() ?? [])].filter((other) => other.priority < pod.priority);
    for (const other of lesser) {
      nominations.delete(other.uid);
      const waiting = this.#queue.get(other.uid);
      const condition = waiting?.pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
      if (!waiting || !condition) continue;
      this.#status.waiting(waiting.pod, condition.reason ?? '', condition.message ?? '', '');
      this.#queue.release(other.uid, true);
    }
    nominations.set(pod, node);
  }
  /** The victims of a pod are told to go; those that went at once are missed by nobody. */
  #victimsTold(pod: PodInfo, victims: readonly PodInfo[], failed: boolean): void {
    if (failed) this.#breakPromise(pod.uid);
    if (failed || victims.every((victim) => !this.#state.nodeOf(victim.uid))) this.#queue.release(pod.uid, !failed);
  }
  #bound(pod: PodInfo, node: NodeInfo): void {
    this.#queue.remove(pod.uid);
    this.#record(pod, 'Normal', 'Scheduled', `Successfully assigned ${pod.namespace}/${pod.name} to ${node.name}`);
  }
  /** The binding was not written: what was assumed is taken back. */
  #forget(pod: PodInfo, node: NodeInfo, step: string, error: unknown): void {
    if (!this.#assumed.delete(pod.uid)) return; // the cache knows better by now: bound or gone
    this.#state.removePod(pod.uid);
    this.#happened({ type: 'PodRemoved', pod, node });
    const now = this.#client.informer(Pod).get(pod.namespace, pod.name);
    if (!now || podUid(now) !== pod.uid || now.metadata?.deletionTimestamp) return this.#queue.remove(pod.uid);
    this.#queue.refresh(podInfo(now));
    this.#log.warn('binding failed', { pod: `${pod.namespace}/${pod.name}`, node: node.name, error });
    this.#tryLater(pod, `${step}: ${error instanceof Error ? error.message : String(error)}`);
  }
  #tryLater(pod: PodInfo, message: string): void {
    this.#record(pod, 'Warning', 'FailedScheduling', message);
    this.#queue.retry(pod.uid);
  }
}

const nothing: Outcome = { message: '', nominate: undefined };
/** Events need the kind, which objects from lists do not always carry. */
const asPod = (pod: V1Pod): KubeObject => ({ ...pod, apiVersion: 'v1', kind: 'Pod' }) as KubeObject;
