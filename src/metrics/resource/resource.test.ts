import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock, formatTime, silentLogger } from '#base';
import { createClient, createFakeApi, type FakeApi } from '#client';
import { Node, Pod } from '#kinds';
import { isApiError, type ComputedGroup, type KubeObject, type NodeUsage, type PodUsage, type UsageMeter } from '#machinery';
import { createMetrics } from '../metrics.ts';
import type { NodeMetrics, PodMetrics } from './group.ts';

const mega = 2 ** 20;

describe('metrics.k8s.io', () => {
  let clock: FakeClock;
  let api: FakeApi;
  let group: ComputedGroup;
  let meters: Map<string, UsageMeter>;
  /** Core seconds by container id; undefined: cannot be measured. */
  let counters: Map<string, number>;
  const start = 1000;
  const podUsage = (): PodUsage => ({
    namespace: 'default',
    name: 'a',
    uid: 'a',
    containers: [...counters].map(([id, cpuSeconds]) => ({ id, name: id, cpuSeconds, memoryBytes: 10 * mega, startedAt: clock.now() - start })),
  });
  const measured: UsageMeter = {
    measure: async (): Promise<NodeUsage> => ({
      time: clock.now(),
      pods: [podUsage()],
      node: { cpuSeconds: [...counters.values()].reduce((a, b) => a + b, 0), memoryBytes: 20 * mega, startedAt: 0 },
    }),
  };
  const read = async (plural: string, { name = '', namespace = '', query = '' } = {}): Promise<KubeObject & { items: (NodeMetrics & PodMetrics)[] }> =>
    (await group.read({ plural, namespace, name, subresource: '', query: new URLSearchParams(query) })) as never;
  const pod = (name: string, labels: Record<string, string> = {}, phase = 'Running', nodeName = 'n1'): void =>
    void api.put(Pod, { metadata: { name, namespace: 'default', uid: name, labels }, spec: { nodeName, containers: [] }, status: { phase } });

  beforeEach(async () => {
    clock = new FakeClock();
    api = createFakeApi(clock);
    counters = new Map([['main', 1]]);
    meters = new Map([['n1', measured]]);
    api.put(Node, { metadata: { name: 'n1', labels: { zone: 'a' } } });
    const metrics = createMetrics({ clock, log: silentLogger });
    group = metrics.groups[0] as ComputedGroup;
    await assert.rejects(read('nodes'), (error) => isApiError(error, 'ServiceUnavailable'));
    metrics.start({ client: createClient(api, clock, silentLogger), nodes: () => meters, meter: (name) => meters.get(name) });
    await clock.advance(0);
  });

  it('gives rates between two measurements', async () => {
    pod('a', { app: 'web' });
    assert.deepEqual((await read('nodes')).items, []);
    counters.set('main', 3.5);
    await clock.advance(10_000);
    const timestamp = formatTime(clock.now());
    assert.deepEqual((await read('nodes')).items, [
      {
        kind: 'NodeMetrics',
        apiVersion: 'metrics.k8s.io/v1beta1',
        metadata: { name: 'n1', creationTimestamp: timestamp, labels: { zone: 'a' } },
        timestamp,
        window: '10s',
        usage: { cpu: '250m', memory: '20Mi' },
      },
    ]);
    const one = (await read('pods', { namespace: 'default', name: 'a' })) as KubeObject as PodMetrics;
    assert.deepEqual(one.containers, [{ name: 'main', usage: { cpu: '250m', memory: '10Mi' } }]);
    assert.deepEqual(
      group.columns?.map((column) => column.value(one, 0)),
      ['a', '250m', '10Mi', '10s'],
    );
  });
  it('says nothing of a pod with a container that is too young, of ended ones and of those that nobody measures', async () => {
    for (const [name, phase, node] of [
      ['a', 'Running', 'n1'],
      ['b', 'Succeeded', 'n1'],
      ['c', 'Running', 'n2'],
    ] as const)
      pod(name, {}, phase, node);
    await clock.advance(10_000);
    assert.equal((await read('pods')).items.length, 1);
    counters.set('second', 0.1);
    await clock.advance(10_000);
    assert.equal((await read('pods')).items.length, 0);
    await assert.rejects(read('pods', { namespace: 'default', name: 'a' }), { message: 'podmetrics.metrics.k8s.io "default/a" not found' });
    await assert.rejects(read('nodes', { name: 'n2' }), { message: 'nodemetrics.metrics.k8s.io "n2" not found' });
    await clock.advance(10_000);
    assert.deepEqual(
      (await read('pods')).items[0]?.containers.map(({ name }) => name),
      ['main', 'second'],
    );
  });
  it('picks by labels and fields', async () => {
    pod('a', { app: 'web', tier: 'x' });
    await clock.advance(10_000);
    const count = async (query: object, namespace = 'default'): Promise<number> =>
      (await read('pods', { namespace, query: new URLSearchParams(query as Record<string, string>).toString() })).items.length;
    assert.equal(await count({ labelSelector: 'app=web' }), 1);
    assert.equal(await count({ labelSelector: 'app=web,tier in (y)' }), 0);
    assert.equal(await count({ labelSelector: 'tier' }, ''), 1);
    assert.equal(await count({ labelSelector: 'app=db' }), 0);
    assert.equal(await count({ fieldSelector: 'metadata.name=b' }), 0);
    await assert.rejects(count({ labelSelector: 'a=b=c' }), (error) => isApiError(error, 'BadRequest'));
  });
  it('forgets a node that cannot be measured', async () => {
    await clock.advance(10_000);
    assert.equal((await read('nodes')).items.length, 1);
    meters.set('n1', { measure: () => Promise.reject(new Error('containerd is down')) });
    await clock.advance(10_000);
    assert.equal((await read('nodes')).items.length, 0);
  });
  it('asks nodes whose usage is a function of time when it is asked itself', async () => {
    const at = (time: number): NodeUsage => ({
      time,
      node: { cpuSeconds: time / 1000 / 4, memoryBytes: mega, startedAt: 0 },
      pods: [{ namespace: 'default', name: 'a', uid: 'a', containers: [{ id: 'x', name: 'x', cpuSeconds: time / 1000 / 2, memoryBytes: mega, startedAt: 0 }] }],
    });
    const fail = (): never => assert.fail('measured');
    meters.set('n1', { at, podAt: (_uid, time) => at(time).pods[0], measure: fail });
    pod('a');
    await clock.advance(10_000);
    assert.equal((await read('nodes')).items[0]?.usage.cpu, '250m');
    assert.deepEqual((await read('pods')).items[0]?.containers, [{ name: 'x', usage: { cpu: '500m', memory: '1Mi' } }]);
  });
});
