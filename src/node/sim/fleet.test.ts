import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi, type FakeApi } from '#client';
import { Lease, Namespace, Node, Pod, type V1Pod } from '#kinds';
import { createFleet, type Fleet } from './fleet.ts';

let clock: FakeClock;
let api: FakeApi;
let fleet: Fleet;
const capacity = { cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '10Gi', 'example.com/fpga': '2' };
const config = (name: string) => ({ name, hostname: name, podCIDR: '10.244.1.0/24', internalIP: '192.0.2.1', capacity });

beforeEach(() => {
  clock = new FakeClock();
  api = createFakeApi(clock);
  const client = createClient(api, clock, silentLogger);
  api.put(Namespace, { metadata: { name: 'default' } });
  const agent = { dataDir: '/nonexistent', logDir: '/nonexistent', clusterDNS: '', clusterDomain: 'cluster.local' };
  fleet = createFleet({ client, clock, random: seededRandom(1), log: silentLogger, agent });
});
const bound = (name: string): V1Pod =>
  api.put(Pod, { metadata: { name, namespace: 'default' }, spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'app:1' }] } });
const pod = (name: string): V1Pod | undefined => api.all(Pod).find((p) => p.metadata?.name === name);
const renewed = (): string | undefined => api.all(Lease)[0]?.spec?.renewTime;
const restarts = (name: string): number | undefined => pod(name)?.status?.containerStatuses?.[0]?.restartCount;

describe('simulated machines', () => {
  test('boot after a while, and tell of all that they have', async () => {
    fleet.add(config('n1'), { delayMs: 30_000, images: ['app:1'] });
    await clock.advance(29_000);
    assert.equal(api.all(Node).length, 0);
    assert.equal(fleet.state('n1'), 'booting');
    await clock.advance(2000);
    await fleet.ready();
    const [node] = api.all(Node);
    assert.equal(node?.status?.allocatable?.['example.com/fpga'], '2');
    assert.deepEqual(node?.status?.images, [{ names: ['app:1'], sizeBytes: 1_000_000 }]);
    assert.equal(fleet.state('n1'), 'running');
  });
  test('killed: no word any more, and after healing the containers start anew', async () => {
    fleet.add(config('n1'));
    await clock.advance(1000);
    bound('a');
    await clock.advance(1000);
    assert.equal(pod('a')?.status?.phase, 'Running');
    assert.ok(fleet.kill('n1'));
    const last = renewed();
    await clock.advance(120_000);
    assert.equal(renewed(), last);
    assert.equal((await fleet.runtime('n1')?.list())?.length, 0);
    assert.ok(fleet.heal('n1'));
    await clock.advance(30_000);
    assert.notEqual(renewed(), last);
    assert.equal(pod('a')?.status?.phase, 'Running');
    assert.equal(restarts('a'), 1);
  });
  test('silent: the containers go on, and what was deleted meanwhile ends with the network back', async () => {
    fleet.add(config('n1'));
    await clock.advance(1000);
    bound('stays');
    bound('goes');
    await clock.advance(1000);
    assert.ok(fleet.silence('n1'));
    const last = renewed();
    api.drop(Pod, 'default', 'goes');
    bound('new');
    await clock.advance(120_000);
    assert.equal(renewed(), last);
    assert.equal((await fleet.runtime('n1')?.list())?.length, 2);
    assert.equal(pod('new')?.status?.phase, undefined);
    assert.ok(fleet.heal('n1'));
    await clock.advance(1000);
    assert.deepEqual((await fleet.runtime('n1')?.list())?.map((s) => s.name).toSorted(), ['new', 'stays']);
    assert.equal(restarts('stays'), 0);
    assert.equal(pod('new')?.status?.phase, 'Running');
  });
  test('a crash restarts the container', async () => {
    fleet.add(config('n1'));
    await clock.advance(1000);
    const { metadata } = bound('a');
    await clock.advance(1000);
    assert.equal(fleet.runtime('n1')?.crash(metadata?.uid ?? '', { exitCode: 139 }), 1);
    await clock.advance(30_000);
    assert.equal(restarts('a'), 1);
    assert.equal(pod('a')?.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 139);
    assert.equal(fleet.runtime('n1')?.crash('nobody'), 0);
  });
  test('what is not there is not done', async () => {
    assert.deepEqual([fleet.kill('x'), fleet.silence('x'), fleet.heal('x'), fleet.remove('x')], [false, false, false, false]);
    fleet.add(config('n1'));
    fleet.add(config('n1'));
    await clock.advance(1000);
    fleet.kill('n1');
    assert.equal(fleet.silence('n1'), false, 'a dead machine has no network to lose');
    assert.ok(fleet.remove('n1'));
    assert.deepEqual(fleet.names(), []);
    await fleet.stop();
  });
});
