import { FakeClock, formatTime, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi, type Client, type FakeApi, type KindSource } from '#client';
import {
  Event,
  Pod,
  type V1Deployment,
  type V1Pod,
  type V1ReplicaSet,
  type V1Service,
  type V1StatefulSet,
  type V1DaemonSet,
  type V1Node,
  type V1Taint,
} from '#kinds';
import type { Controller, ControllerOptions } from '../controller.ts';
import { runControllers } from '../manager.ts';

export interface World {
  api: FakeApi;
  clock: FakeClock;
  client: Client;
  /** Lets `ms` of fake time pass, and everything settle. */
  run(ms?: number): Promise<void>;
  /** The controllers end and begin anew, with empty memories; the API and the clock live on. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** `reason: message` of all Events, with counts above one. */
  events(): string[];
}

/** Controllers on a fake API and a fake clock. */
export function createWorld(controllers: readonly Controller[], options: ControllerOptions = {}, kinds?: KindSource): World {
  const clock = new FakeClock();
  const random = seededRandom(7);
  const api = createFakeApi(clock, random);
  const client = createClient(api, clock, silentLogger, kinds);
  const begin = (own: Client): ReturnType<typeof runControllers> => runControllers({ client: own, clock, random, log: silentLogger, options, controllers });
  const clients = [client];
  let running = begin(client);
  return {
    api,
    clock,
    client,
    run: (ms = 200) => clock.advance(ms),
    async restart() {
      await running.stop();
      const next = createClient(api, clock, silentLogger, kinds);
      clients.push(next);
      running = begin(next);
    },
    async stop() {
      await running.stop();
      for (const one of clients) one.close();
    },
    events: () => api.all(Event).map((e) => `${e.reason ?? ''}: ${e.message ?? ''}${(e.count ?? 1) > 1 ? ` x${e.count ?? 1}` : ''}`),
  };
}

export interface KubeletOptions {
  /** How long pods take to become ready and to end, ms. */
  latencyMs?: number;
  /** Pods for which this is false never become ready. */
  ready?: (pod: V1Pod) => boolean;
}

/** Plays scheduler and nodes: binds every pod, makes it ready after a while, and removes it when it is deleted. */
export function playKubelet(world: World, options: KubeletOptions = {}): void {
  const { latencyMs = 10, ready = () => true } = options;
  const started = new Set<string>();
  let address = 1;
  world.client.informer(Pod).onChange((pod) => {
    const { namespace, name = '', uid = '' } = pod?.metadata ?? {};
    if (!pod) return;
    if (pod.metadata?.deletionTimestamp) return void world.clock.after(latencyMs, () => stillThere(pod) && world.api.drop(Pod, namespace, name));
    if (started.has(uid)) return;
    started.add(uid);
    world.clock.after(latencyMs, () => {
      if (!stillThere(pod)) return;
      world.api.edit(Pod, namespace, name, (p) => run(p, ready(p), `10.0.${address >> 8}.${address++ & 255}`, world.clock.now()));
    });
  });
  const stillThere = (pod: V1Pod): boolean => world.api.all(Pod, pod.metadata?.namespace).some((p) => p.metadata?.uid === pod.metadata?.uid);
}
function run(pod: V1Pod, ready: boolean, ip: string, now: number): void {
  pod.spec = { containers: [], ...pod.spec, nodeName: pod.spec?.nodeName ?? meantNode(pod) ?? 'node-1' };
  pod.status = {
    ...pod.status,
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: formatTime(now) }],
  };
}

/** What a daemon's pod is bound to by its affinity. */
const meantNode = (pod: V1Pod): string | undefined =>
  pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0];

export function deploymentOf(spec: Partial<NonNullable<V1Deployment['spec']>> = {}, image = 'app:1'): V1Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image }] } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      ...spec,
    },
  };
}
export function statefulSetOf(spec: Partial<NonNullable<V1StatefulSet['spec']>> = {}, image = 'app:1'): V1StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 3,
      serviceName: 'web',
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image }] } },
      ...spec,
    },
  };
}
export function daemonSetOf(spec: Partial<NonNullable<V1DaemonSet['spec']>> = {}, image = 'app:1'): V1DaemonSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image }] } },
      ...spec,
    },
  };
}
export function nodeObject(name: string, labels: { [key: string]: string } = {}, taints: V1Taint[] = []): V1Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, ...(taints.length > 0 ? { spec: { taints } } : {}) };
}
export function replicaSetOf(replicas: number, extra: Partial<NonNullable<V1ReplicaSet['spec']>> = {}): V1ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
      ...extra,
    },
  };
}
export function podOf(name: string, extra: Partial<V1Pod> = {}): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: 'web' }, ...extra.metadata },
    spec: { containers: [{ name: 'app', image: 'app:1' }], ...extra.spec },
    ...(extra.status ? { status: extra.status } : {}),
  };
}
export function serviceOf(extra: Partial<NonNullable<V1Service['spec']>> = {}): V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }], clusterIP: '10.96.0.10', ...extra },
  };
}
