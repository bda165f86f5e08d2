import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createApiServer, standardParts } from '#apiserver';
import { createClient, kindSource } from '#client';
import { startControllers } from '#controllers';
import { allKinds, Deployment, Event, HorizontalPodAutoscaler, Namespace, Node, NodeGroup, Pod, schemas } from '#kinds';
import type { Api, UsageMeter } from '#machinery';
import { createMetrics } from '#metrics';
import { createFleet, NodeRanges, startNodeGroups } from '#node';
import { startScheduler, WhatIf } from '#scheduler';
import { createMemoryStore } from '#store';
import { ensurePriorityClasses } from './bootstrap.ts';

const minute = 60_000;

/** Load, autoscaler of pods, scheduler, autoscaler of nodes and machines, all of them as they are, on fake time. */
describe('autoscaling as a whole', () => {
  const clock = new FakeClock();
  const random = seededRandom(3);
  const log = silentLogger;
  let api: Api;
  const stops: (() => unknown)[] = [];

  before(async () => {
    const metrics = createMetrics({ clock, log });
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const parts = standardParts({ clock, random, serviceCidr: '10.96.0.0/16', tokenKey: key });
    const store = createMemoryStore();
    const server = createApiServer({ ...parts, store, kinds: allKinds, schemas, clock, random, log, computed: metrics.groups });
    await server.ready();
    api = server.api({ username: 'system:batuta', groups: ['system:masters'] });
    const client = createClient(
      api,
      clock,
      log,
      kindSource(
        () => server.kinds,
        (changed) => server.onKinds(changed),
      ),
    );
    const meters = new Map<string, UsageMeter>();
    metrics.start({ client, nodes: () => meters, meter: (node) => meters.get(node) });
    const options = { clusterAutoscaler: { placement: () => new WhatIf({ client, clock, log }) } };
    const controllers = startControllers({ client, clock, random, log, options });
    const scheduler = startScheduler({ client, clock, random, log });
    const agent = { dataDir: '/nonexistent', logDir: '/nonexistent', clusterDNS: '10.96.0.10', clusterDomain: 'cluster.local' };
    const fleet = createFleet({ client, clock, random, log, agent, onStreams: (node, { usage }) => usage && meters.set(node, usage) });
    const groups = startNodeGroups({ client, clock, random, log, fleet, ranges: new NodeRanges() });
    stops.push(
      () => metrics.stop(),
      () => groups.stop(),
      () => fleet.stop(),
      () => controllers.stop(),
      () => scheduler.stop(),
      () => client.close(),
      () => server.close(),
      () => store.close(),
    );
    await clock.leap(1000);
    await ensurePriorityClasses(api);
  });
  after(async () => {
    for (const stop of stops) {
      const stopped = Promise.resolve(stop());
      // What waits for a time ends only when that time comes.
      await clock.leap(minute);
      await stopped;
    }
  });
  const size = async (): Promise<number | undefined> => (await api.get(NodeGroup, { name: 'general' })).spec?.replicas;
  const replicas = async (): Promise<number | undefined> => (await api.get(Deployment, { namespace: 'default', name: 'web' })).spec?.replicas;
  const running = async (): Promise<number> =>
    (await api.list(Pod)).items.filter(({ status, metadata }) => status?.phase === 'Running' && !metadata?.deletionTimestamp).length;
  const reasons = async (): Promise<Set<string | undefined>> => new Set((await api.list(Event)).items.map(({ reason }) => reason));

  it('load makes pods, pods make nodes', async () => {
    await api.create(Namespace, { metadata: { name: 'default' } }).catch(() => {});
    await api.create(NodeGroup, {
      metadata: { name: 'general', annotations: { 'batuta.dev/autoscaled': 'true' } },
      spec: { replicas: 1, min: 1, max: 10, template: { instanceType: 'm5.large', startDelaySeconds: 30 } },
    });
    const template = {
      metadata: { labels: { app: 'web' }, annotations: { 'batuta.dev/sim-usage': 'cpu=steps(0s=800m,10m=20m)' } },
      spec: { containers: [{ name: 'app', image: 'i', resources: { requests: { cpu: '500m' } } }] },
    };
    await clock.leap(5000);
    await api.create(Deployment, {
      metadata: { name: 'web', namespace: 'default' },
      spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template },
    });
    await api.create(HorizontalPodAutoscaler, {
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        maxReplicas: 12,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
      },
    });
    await clock.leap(9 * minute);
    assert.equal(await replicas(), 12);
    assert.equal(await running(), 12);
    // Three pods of half a core fit on a machine of two, less what its system keeps.
    assert.equal(await size(), 4);
    assert.equal((await api.list(Node)).items.length, 4);
    const told = await reasons();
    for (const reason of ['SuccessfulRescale', 'FailedScheduling', 'TriggeredScaleUp', 'ScaledUpGroup']) assert.ok(told.has(reason), reason);
  });
  it('and without load there are fewer of both', async () => {
    await clock.leap(40 * minute);
    assert.equal(await replicas(), 1);
    assert.equal(await size(), 1);
    assert.equal((await api.list(Node)).items.length, 1);
    assert.equal(await running(), 1);
    assert.ok((await reasons()).has('ScaleDown'));
  });
});
