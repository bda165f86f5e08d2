import { generateKeyPairSync } from 'node:crypto';
import { FakeClock, seededRandom, silentLogger, type Logger, type Random } from '#base';
import { createApiServer, standardParts, type ApiServer } from '#apiserver';
import { createClient, kindSource, type Client } from '#client';
import { startControllers, type ControllerOptions } from '#controllers';
import { allKinds, allocatableOfTemplate, capacityOf, labelsOfTemplate, schemas, type NodeTemplate } from '#kinds';
import type { Api, UsageMeter } from '#machinery';
import { createMetrics } from '#metrics';
import { createFleet, NodeRanges, startNodeGroups, type Fleet } from '#node';
import { startScheduler, WhatIf } from '#scheduler';
import { createMemoryStore, startCompactor, type EmbeddedStore } from '#store';
import { ensurePriorityClasses } from '../bootstrap.ts';
import { Digest } from './digest.ts';
import { Model } from './model.ts';
import { ScalingModel } from './scaling-model.ts';

/** What a controller's work for a key takes at least, in a cluster where it takes no time: bursts of changes are one piece of work. */
const gatherMs = 50;

/** How much history the store keeps: nobody watches from long ago. */
const keepEvents = 10_000;

export interface SimulationOptions {
  seed: number;
  nodes: number;
  template?: NodeTemplate;
  /** How long a node counts as alive without a word. Longer ones make hours of many nodes cheaper. Default 40. */
  leaseSeconds?: number;
  controllers?: ControllerOptions;
  /** Metrics of pods, an autoscaler of nodes, and node groups. Default: none. */
  autoscaling?: boolean;
  log?: Logger;
}

/**
 * A whole cluster without HTTP, disk and real time: API server, controllers, scheduler and simulated nodes on one
 * fake clock and one seed. The same seed gives the same commits, and every commit is held against the invariants.
 */
export class SimulatedCluster {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly model: Model;
  readonly scaling: ScalingModel;
  readonly options: SimulationOptions;
  readonly zones: readonly string[];
  #api: Api | undefined;
  #client: Client | undefined;
  #fleet: Fleet | undefined;
  #server: ApiServer | undefined;
  readonly #store: EmbeddedStore = createMemoryStore();
  readonly #digest = new Digest();
  readonly #meters = new Map<string, UsageMeter>();
  #loops: (() => Promise<unknown>)[] = [];

  constructor(options: SimulationOptions) {
    this.options = options;
    this.random = seededRandom(options.seed);
    this.zones = options.template?.zones ?? ['zone-a', 'zone-b', 'zone-c'];
    this.model = new Model(() => this.clock.now());
    this.scaling = new ScalingModel(() => this.clock.now(), this.model.wrong);
  }
  get api(): Api {
    return this.#api as Api;
  }
  get client(): Client {
    return this.#client as Client;
  }
  get fleet(): Fleet {
    return this.#fleet as Fleet;
  }
  /** Hash of everything that was committed so far, in order. */
  digest(): string {
    return this.#digest.hex();
  }
  async start(): Promise<void> {
    const { clock, random } = this;
    const log = this.options.log ?? silentLogger;
    this.#store.watch('/registry/', 0, {
      events: (events) => {
        for (const event of events) {
          this.#digest.add(event.key, event.revision, event.entry?.value);
          this.model.commit(event.key, event.entry?.value);
          if (this.options.autoscaling) this.scaling.commit(event.key, event.entry?.value);
        }
      },
      end: () => {},
    });
    const metrics = this.options.autoscaling ? createMetrics({ clock, log }) : undefined;
    const parts = standardParts({ clock, random, serviceCidr: '10.96.0.0/16', tokenKey: tokenKey() });
    this.#server = createApiServer({
      ...parts,
      store: this.#store,
      kinds: allKinds,
      schemas,
      clock,
      random,
      log,
      ...(metrics ? { computed: metrics.groups } : {}),
    });
    await this.#server.ready();
    const server = this.#server;
    this.#api = server.api({ username: 'system:batuta', groups: ['system:masters'] });
    const kinds = kindSource(
      () => server.kinds,
      (changed) => server.onKinds(changed),
    );
    this.#client = createClient(this.#api, clock, log, kinds);
    if (metrics) metrics.start({ client: this.#client, nodes: () => this.#meters, meter: (node) => this.#meters.get(node) });
    this.#startLoops(log);
    const compactor = startCompactor(this.#store, clock, { log, keepEvents });
    this.#loops.push(async () => compactor.close());
    if (metrics) this.#loops.push(async () => metrics.stop());
    await this.run(1000);
    await ensurePriorityClasses(this.#api);
  }
  /** Lets so much time pass. */
  async run(ms: number): Promise<void> {
    await this.clock.leap(ms);
  }
  async stop(): Promise<void> {
    await this.fleet.stop();
    // What waits for a time ends only when that time comes.
    const stopping = Promise.all(this.#loops.map((stop) => stop()));
    await this.run(60_000);
    await stopping;
    this.client.close();
    await this.#server?.close();
    await this.#store.close();
  }

  #startLoops(log: Logger): void {
    const { clock, random, client, options } = this;
    const { leaseSeconds = 40, autoscaling = false } = options;
    const clusterAutoscaler = autoscaling ? { clusterAutoscaler: { placement: () => new WhatIf({ client, clock, log }) } } : {};
    const controllers = startControllers({
      client,
      clock,
      random,
      log: log.named('controllers'),
      options: { nodeMonitorGraceMs: leaseSeconds * 1000, gatherMs, ...clusterAutoscaler, ...options.controllers },
    });
    const scheduler = startScheduler({ client, clock, random, log: log.named('scheduler') });
    this.#loops = [() => controllers.stop(), () => scheduler.stop()];
    const agent = { dataDir: '/nonexistent', logDir: '/nonexistent', clusterDNS: '10.96.0.10', clusterDomain: 'cluster.local', leaseSeconds };
    const onStreams = (node: string, { usage }: { usage?: UsageMeter }): void => void (usage && this.#meters.set(node, usage));
    this.#fleet = createFleet({ client, clock, random, log: log.named('node'), agent, ...(autoscaling ? { onStreams } : {}) });
    for (let i = 0; i < options.nodes; i++) this.#addNode(i);
    if (autoscaling) this.#startGroups(log);
  }
  #startGroups(log: Logger): void {
    const ranges = new NodeRanges();
    for (const name of this.fleet.names()) ranges.claim(this.fleet.config(name)?.podCIDR ?? '');
    const groups = startNodeGroups({ client: this.client, clock: this.clock, random: this.random, log: log.named('groups'), fleet: this.fleet, ranges });
    this.#loops.push(() => groups.stop());
  }
  #addNode(i: number): void {
    const template = this.options.template ?? {};
    const name = `node-${String(i + 1).padStart(4, '0')}`;
    const net = `100.${64 + (i >> 8)}.${i & 255}`;
    this.fleet.add({
      name,
      hostname: name,
      podCIDR: `${net}.0/24`,
      internalIP: `${net}.1`,
      capacity: capacityOf(template) as ReturnType<typeof capacityOf> & { cpu: string; memory: string; pods: string; 'ephemeral-storage': string },
      allocatable: allocatableOfTemplate(template),
      labels: labelsOfTemplate(template, this.zones[i % this.zones.length]),
      ...(template.taints ? { taints: template.taints } : {}),
    });
  }
}

const tokenKey = (): string => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
