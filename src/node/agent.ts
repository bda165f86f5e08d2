import { readFileSync } from 'node:fs';
import { quantityToNumber, WorkQueue, type Clock, type Logger, type Random } from '#base';
import { createRecorder, type Client } from '#client';
import { ConfigMap, Node, PersistentVolumeClaim, Secret, type V1Pod } from '#kinds';
import type { Kind, KubeObject, NodeStreams } from '#machinery';
import { refusal, type NodeRoom, type Refusal } from './admission.ts';
import type { CgroupManager } from './cgroups.ts';
import type { AgentContext } from './context.ts';
import { podFeed, type PodFeed } from './feed.ts';
import { Housekeeping } from './housekeeping.ts';
import { envReferences } from './env.ts';
import { createImageManager } from './images.ts';
import { allocatableOf, createNodeReporter, type NodeConfig, type NodeReporter } from './node-status.ts';
import { createObjectSource } from './objects.ts';
import { namespaceOf, podRef, uidOf } from './pod.ts';
import { objection } from './resize/judge.ts';
import type { Restorable, Runtime, SandboxState } from './runtime.ts';
import { createReadApi } from './read-api.ts';
import { restoredPod } from './restore.ts';
import { parseResolvConf } from './sandbox-spec.ts';
import { createStreams } from './streams.ts';
import { createMeter } from './stats/meter.ts';
import { RateKeeper } from './stats/rates.ts';
import { createVolumeManager } from './volumes/manager.ts';
import { hostMounter } from './volumes/mounter.ts';
import type { Mounter } from './volumes/plugin.ts';
import { PodWorker } from './worker.ts';

export interface NodeAgentOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  runtime: Runtime;
  node: NodeConfig;
  /** Root of the pods' volumes and files. */
  dataDir: string;
  /** Root of the containers' logs. */
  logDir: string;
  cgroups?: CgroupManager;
  /** Address of the cluster's DNS; '' = pods get the host's resolv.conf. */
  clusterDNS: string;
  clusterDomain: string;
  /** What KUBERNETES_SERVICE_HOST and _PORT say. Default: the Service default/kubernetes. */
  kubernetesService?: { host: string; port: number };
  /** Resolves when nothing sends new traffic to the pod any more. Called before its containers are signalled. */
  beforeStop?(pod: V1Pod): Promise<void>;
  /** A node without files: no volumes, no logs on disk, no cgroups, no events, no pressure. */
  simulated?: boolean;
  /** Default: not for simulated nodes. */
  events?: boolean;
  mounts?: Mounter;
  /** How long the node counts as alive without a word, told in its Lease; renewed four times as often. Default 40. */
  leaseSeconds?: number;
  /** Whether somebody else plays the life of a pod. */
  yields?(pod: V1Pod): boolean;
  /** Told as node status daemonEndpoints. */
  port?: number;
}

export interface NodeAgent {
  /** Stops acting. Containers go on running, to be adopted by the next agent; `stopPods` ends them (in order, keeping the objects), each in `graceSeconds` at most. */
  stop(options?: { stopPods?: boolean; graceSeconds?: number }): Promise<void>;
  streams: NodeStreams;
  /** Resolves when the node is registered and Ready and its present pods are taken over. */
  ready: Promise<void>;
}

/** A kubelet: takes the pods that are bound to this node from the API, runs them, and tells what became of them. */
export function startNodeAgent(options: NodeAgentOptions): NodeAgent {
  const agent = new Agent(options);
  const ready = agent.start();
  ready.catch((error: unknown) => options.log.error('the node agent cannot start', { node: options.node.name, error }));
  return { ready, streams: agent.streams, stop: (how) => agent.stop(how ?? {}) };
}

const retryStartMs = 250;
/** Kinds that pods refer to by name. */
const referable: { readonly [kind: string]: Kind } = {
  ConfigMap: ConfigMap as Kind,
  Secret: Secret as Kind,
  PersistentVolumeClaim: PersistentVolumeClaim as Kind,
};

class Agent {
  readonly streams: NodeStreams;
  readonly #options: NodeAgentOptions;
  readonly #context: AgentContext;
  readonly #feed: PodFeed;
  readonly #workers = new Map<string, PodWorker>();
  readonly #queue: WorkQueue;
  readonly #looks: WorkQueue;
  readonly #reporter: NodeReporter;
  readonly #subscriptions: { close(): void }[] = [];
  readonly #references = new Map<string, Set<string>>();
  readonly #watched = new Set<string>();
  readonly #housekeeping: Housekeeping | undefined;
  #snapshot = new Map<string, SandboxState[]>();
  #running = false;
  #stopped = false;

  constructor(options: NodeAgentOptions) {
    const { clock, log, client } = options;
    this.#options = options;
    this.#feed = podFeed(client);
    const onError = (uid: string, error: unknown): void => log.warn('pod sync failed', { pod: this.#name(uid), error });
    this.#queue = new WorkQueue({
      clock,
      handle: (uid) => this.#workers.get(uid)?.sync() ?? Promise.resolve(),
      onError,
      concurrency: Infinity,
      backoff: { firstMs: 500, capMs: 30_000 },
    });
    this.#looks = new WorkQueue({ clock, handle: (uid) => this.#look(uid), onError, concurrency: Infinity, backoff: { firstMs: 500, capMs: 10_000 } });
    this.#context = this.#makeContext();
    this.#reporter = createNodeReporter({
      client,
      clock,
      random: options.random,
      log,
      runtime: options.runtime,
      node: options.node,
      dataDir: options.simulated ? undefined : options.dataDir,
      port: options.port ?? 10250,
      leaseSeconds: options.leaseSeconds ?? 40,
    });
    const streams = createStreams({ context: this.#context, worker: (target) => this.#find(target) });
    const workers = (): PodWorker[] => [...this.#workers.values()];
    const meter = createMeter({
      clock,
      runtime: options.runtime,
      simulated: options.simulated === true,
      workers: () => (this.#stopped ? [] : workers()),
      worker: (uid) => (this.#stopped ? undefined : this.#workers.get(uid)),
    });
    const rates = meter && new RateKeeper(meter);
    const http = createReadApi({ context: this.#context, workers, logs: streams.logs, meter, rates });
    this.streams = { ...streams, http, ...(meter ? { usage: meter } : {}) };
    this.#housekeeping = options.simulated
      ? undefined
      : new Housekeeping({ context: this.#context, workers, known: (uid) => this.#known(uid), dataDir: options.dataDir });
  }

  /** The node is Ready as soon as the runtime answers; pods are touched only when both the runtime's list and the API's are in. */
  async start(): Promise<void> {
    await this.#retrying(() => this.#options.runtime.images.list());
    await Promise.all([this.#retrying(() => this.#reporter.start()), this.#takeOver()]);
  }
  async #retrying<T>(work: () => Promise<T>): Promise<T | undefined> {
    for (let wait = retryStartMs; !this.#stopped; wait = Math.min(5000, wait * 2)) {
      try {
        return await work();
      } catch (error) {
        this.#options.log.warn('the node is not up yet', { node: this.#options.node.name, error });
        await new Promise<void>((resolve) => this.#options.clock.after(wait, resolve));
      }
    }
    return undefined;
  }
  async #takeOver(): Promise<void> {
    const { runtime, node } = this.#options;
    await this.#feed.informer.ready();
    const restorable = runtime as Runtime & Partial<Restorable>;
    restorable.restore?.(
      this.#feed
        .pods(node.name)
        .map(restoredPod)
        .filter((p) => p !== undefined),
    );
    this.#subscriptions.push(runtime.subscribe((uid) => this.#runtimeChanged(uid)));
    const list = (await this.#retrying(() => runtime.list())) ?? [];
    if (this.#stopped) return;
    for (const sandbox of list) this.#snapshot.set(sandbox.podUid, [...(this.#snapshot.get(sandbox.podUid) ?? []), sandbox]);
    this.#running = true;
    this.#subscriptions.push(this.#feed.follow(node.name, (pod, last) => this.#podChanged(pod, last)));
    const orphans = [...this.#snapshot].filter(([uid]) => !this.#workers.has(uid)).map(([, sandboxes]) => sandboxes);
    this.#snapshot = new Map();
    if (this.#housekeeping) this.#housekeeping.start(orphans);
    else await Promise.all(orphans.flat().map((sandbox) => runtime.sandboxes.remove(sandbox.id)));
  }

  #podChanged(pod: V1Pod | undefined, last: V1Pod): void {
    const uid = uidOf(last);
    const worker = this.#workers.get(uid);
    if (worker) {
      worker.update(pod);
      if (pod) this.#note(pod);
      return;
    }
    if (!pod || this.#stopped || this.#options.yields?.(pod)) return;
    const sandboxes = this.#snapshot.get(uid) ?? [];
    const fresh = new PodWorker(this.#context, pod, sandboxes);
    this.#workers.set(uid, fresh);
    this.#note(pod);
    if (sandboxes.length > 0 && this.#context.volumes)
      void fresh.adopt().then(
        () => this.#queue.add(uid),
        () => this.#queue.add(uid),
      );
    else this.#queue.add(uid);
  }
  #runtimeChanged(uid: string | undefined): void {
    if (!this.#running) return;
    if (uid !== undefined) return this.#looks.add(uid);
    for (const known of this.#workers.keys()) this.#looks.add(known);
  }
  /** Something changed in the runtime: look, report and plan. A worker in the middle of a start looks itself when it is done. */
  async #look(uid: string): Promise<void> {
    const worker = this.#workers.get(uid);
    if (!worker || worker.finished || worker.starting) return;
    await worker.refresh();
    if (worker.finished) return;
    worker.publish();
    this.#queue.add(uid);
  }

  /** Remembers which ConfigMaps, Secrets and claims the pod refers to, to bring its files up to date when they change. */
  #note(pod: V1Pod): void {
    for (const reference of this.#context.volumes ? [...this.#context.volumes.references(pod), ...envReferences(pod)] : []) {
      const [kind, name] = reference.split('/') as [string, string];
      const key = `${kind}/${namespaceOf(pod)}/${name}`;
      let uids = this.#references.get(key);
      if (!uids) this.#references.set(key, (uids = new Set()));
      uids.add(uidOf(pod));
      this.#watch(kind);
    }
  }
  #watch(name: string): void {
    const kind = referable[name];
    if (!kind || this.#watched.has(name)) return;
    this.#watched.add(name);
    const touch = (object: KubeObject | undefined, old: KubeObject | undefined): void => {
      const meta = (object ?? old)?.metadata;
      for (const uid of this.#references.get(`${name}/${meta?.namespace}/${meta?.name}`) ?? []) this.#workers.get(uid)?.sourceChanged();
    };
    let replay = true;
    this.#subscriptions.push(this.#options.client.informer(kind).onChange((object, old) => void (replay || touch(object, old))));
    replay = false;
  }

  #makeContext(): AgentContext {
    const { client, clock, random, log, runtime, node, simulated, ...options } = this.#options;
    const objects = createObjectSource(client);
    const recorder = (options.events ?? !simulated) ? createRecorder({ api: client.api, clock, random, log }, 'kubelet', node.name) : undefined;
    const allocatable = allocatableOf(node);
    return {
      client,
      clock,
      random,
      log,
      runtime,
      objects,
      nodeName: node.name,
      hostname: node.hostname,
      hostIPs: [node.internalIP],
      allocatable: {
        cpu: quantityToNumber(allocatable['cpu']),
        memory: quantityToNumber(allocatable['memory']),
        'ephemeral-storage': quantityToNumber(allocatable['ephemeral-storage']),
      },
      maxPods: quantityToNumber(node.capacity.pods),
      logDir: options.logDir,
      clusterDNS: options.clusterDNS,
      clusterDomain: options.clusterDomain,
      kubernetesService: options.kubernetesService,
      hostResolv: simulated ? { servers: [], searches: [], options: [] } : parseResolvConf(readText('/etc/resolv.conf')),
      hostsFile: simulated ? '' : readText('/etc/hosts'),
      images: createImageManager({ runtime, clock, objects, pulled: () => simulated || this.#reporter.poke() }),
      volumes: simulated
        ? undefined
        : createVolumeManager({ dataDir: options.dataDir, clock, random, api: client.api, objects, mounts: options.mounts ?? hostMounter }),
      cgroups: simulated ? undefined : options.cgroups,
      emit: (pod, type, reason, message, fieldPath) =>
        recorder?.event({ apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata ?? {} }, type, reason, message, fieldPath),
      beforeStop: options.beforeStop && ((pod) => options.beforeStop?.(pod) ?? Promise.resolve()),
      admit: (pod) => this.#admit(pod),
      judge: (pod) => objection(pod, () => this.#others(pod), this.#room()),
      freed: () => this.#freed(),
      enqueue: (uid, afterMs) => (afterMs ? this.#queue.addAfter(uid, afterMs) : this.#queue.add(uid)),
      finished: (uid) => this.#forget(uid),
    };
  }
  #forget(uid: string): void {
    this.#workers.delete(uid);
    this.#freed();
    for (const [key, uids] of this.#references) if (uids.delete(uid) && uids.size === 0) this.#references.delete(key);
  }

  #admit(pod: V1Pod): Refusal | undefined {
    return refusal(pod, this.#others(pod), this.#room());
  }
  /** The other pods of the node, with what they hold of it. */
  #others(pod: V1Pod): V1Pod[] {
    return [...this.#workers.values()].filter((w) => w.uid !== uidOf(pod) && !w.over).map((w) => w.resize.held(w.pod));
  }
  #room(): NodeRoom {
    const { allocatable, maxPods, client } = this.#context;
    const { name } = this.#options.node;
    return { name, maxPods, allocatable, object: () => client.informer(Node).get(undefined, name) };
  }
  /** Pods whose resize waits for room, the most important first. */
  #freed(): void {
    if (this.#stopped) return;
    const waiting = [...this.#workers.values()].filter((w) => w.resize.pending?.reason === 'Deferred');
    for (const worker of waiting.sort((a, b) => (b.pod.spec?.priority ?? 0) - (a.pod.spec?.priority ?? 0))) this.#queue.add(worker.uid);
  }
  #find(target: { namespace: string; name: string; uid: string }): PodWorker | undefined {
    const byUid = this.#workers.get(target.uid);
    if (byUid) return byUid;
    return [...this.#workers.values()].find((w) => w.pod.metadata?.name === target.name && namespaceOf(w.pod) === target.namespace && target.uid === '');
  }
  #known(uid: string): boolean {
    return this.#workers.has(uid) || this.#feed.informer.list().some((p) => uidOf(p) === uid);
  }
  #name(uid: string): string {
    const worker = this.#workers.get(uid);
    return worker ? podRef(worker.pod) : uid;
  }

  async stop({ stopPods = false, graceSeconds }: { stopPods?: boolean; graceSeconds?: number }): Promise<void> {
    this.#stopped = true;
    this.#running = false;
    for (const subscription of this.#subscriptions) subscription.close();
    this.#reporter.stop();
    await this.#housekeeping?.stop();
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.detach();
    // A pod that was being deleted must not hold the queue for all of its own grace period.
    if (stopPods && graceSeconds !== undefined) for (const worker of workers) worker.hasten(graceSeconds);
    await Promise.all([this.#queue.close(), this.#looks.close()]);
    if (stopPods)
      await Promise.all(
        workers.map((w) => w.halt(graceSeconds).catch((error: unknown) => this.#options.log.warn('cannot stop pod', { pod: podRef(w.pod), error }))),
      );
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
