import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi, type Client, type FakeApi } from '#client';
import { Namespace, Node, NodeGroup, Pod, type NodeGroupSpec, type V1Node } from '#kinds';
import { startAdoptedNodes } from './adopted.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { startNodeGroups } from './groups.ts';
import { NodeRanges } from './ranges.ts';

let clock: FakeClock;
let api: FakeApi;
let client: Client;
let fleet: Fleet;
let stop: () => Promise<void>;

/** A process begins, or begins again, over the same API. */
function begin(): void {
  client = createClient(api, clock, silentLogger);
  const random = seededRandom(clock.now());
  const agent = { dataDir: '/nonexistent', logDir: '/nonexistent', clusterDNS: '', clusterDomain: 'cluster.local' };
  fleet = createFleet({ client, clock, random, log: silentLogger, agent });
  const ranges = new NodeRanges();
  const groups = startNodeGroups({ client, clock, random, log: silentLogger, fleet, ranges });
  const adopted = startAdoptedNodes({ client, log: silentLogger, fleet, ranges });
  stop = async () => {
    adopted.stop();
    await groups.stop();
    await fleet.stop();
    client.close();
  };
}
beforeEach(() => {
  clock = new FakeClock();
  api = createFakeApi(clock);
  api.put(Namespace, { metadata: { name: 'default' } });
  begin();
});
afterEach(() => stop());

const group = (spec: NodeGroupSpec): unknown => api.put(NodeGroup, { metadata: { name: 'web' }, spec });
const resize = (replicas: number): unknown => api.edit(NodeGroup, undefined, 'web', (g) => void (g.spec = { ...g.spec, replicas }));
const nodes = (): V1Node[] => api.all(Node);
const zones = (): string =>
  nodes()
    .map((n) => n.metadata?.labels?.['topology.kubernetes.io/zone'] ?? '')
    .toSorted()
    .join();
const status = (): unknown => api.all(NodeGroup)[0]?.status;
const tell = (name: string, change: (node: V1Node) => void): unknown => api.edit(Node, undefined, name, change);
const nameOf = (i: number): string => nodes()[i]?.metadata?.name ?? '';

describe('node groups', () => {
  test('make nodes of the template, spread over the zones, and tell how many are Ready', async () => {
    group({ replicas: 4, template: { instanceType: 'm5.large', zones: ['a', 'b', 'c'], taints: [{ key: 'x', effect: 'NoSchedule' }] } });
    await clock.advance(1000);
    assert.equal(zones(), 'a,a,b,c');
    const [node] = nodes();
    assert.match(node?.metadata?.name ?? '', /^web-[a-z0-9]{5}$/);
    assert.equal(node?.status?.allocatable?.['cpu'], '1930m');
    assert.deepEqual(node?.spec?.taints, [{ key: 'x', effect: 'NoSchedule' }]);
    assert.equal(node?.metadata?.labels?.['batuta.dev/nodegroup'], 'web');
    assert.match(node?.spec?.providerID ?? '', /^batuta:\/\/[abc]\/web-/);
    assert.equal(new Set(nodes().map((n) => n.spec?.podCIDR)).size, 4);
    assert.deepEqual(status(), { replicas: 4, ready: 4, observedGeneration: 1 });
  });
  test('machines take their time', async () => {
    group({ replicas: 1, template: { startDelaySeconds: 30 } });
    await clock.advance(20_000);
    assert.deepEqual([nodes().length, status()], [0, { replicas: 1, ready: 0, observedGeneration: 1 }]);
    await clock.advance(11_000);
    assert.deepEqual([nodes().length, status()], [1, { replicas: 1, ready: 1, observedGeneration: 1 }]);
  });
  test('getting smaller: the marked one goes first, then those of the fullest zone', async () => {
    group({ replicas: 5, template: { zones: ['a', 'b'] } });
    await clock.advance(1000);
    const marked = nodes().find((n) => n.metadata?.labels?.['topology.kubernetes.io/zone'] === 'b')?.metadata?.name ?? '';
    tell(marked, (node) => void (node.metadata = { ...node.metadata, annotations: { 'batuta.dev/remove-first': 'true' } }));
    resize(4);
    await clock.advance(1000);
    assert.ok(!nodes().some((n) => n.metadata?.name === marked));
    assert.equal(zones(), 'a,a,a,b');
    resize(2);
    await clock.advance(1000);
    assert.equal(zones(), 'a,b');
    assert.equal(fleet.names().length, 2);
  });
  test('a node whose object is deleted is a machine that is gone: there comes another', async () => {
    group({ replicas: 2 });
    await clock.advance(1000);
    const gone = nameOf(0);
    api.drop(Node, undefined, gone);
    await clock.advance(1000);
    assert.equal(nodes().length, 2);
    assert.ok(!nodes().some((n) => n.metadata?.name === gone));
  });
  test('a dead machine still counts, until somebody deletes its node', async () => {
    group({ replicas: 1 });
    await clock.advance(1000);
    fleet.kill(nameOf(0));
    await clock.advance(60_000);
    assert.deepEqual(fleet.names(), [nameOf(0)]);
  });
  test('with its group they all go', async () => {
    group({ replicas: 3 });
    await clock.advance(1000);
    api.drop(NodeGroup, undefined, 'web');
    await clock.advance(1000);
    assert.deepEqual([nodes().length, fleet.names().length], [0, 0]);
  });
  test('a new process takes its nodes up again, and drops those of a group that is gone', async () => {
    group({ replicas: 2 });
    await clock.advance(1000);
    const before = nodes().map((n) => [n.metadata?.name, n.spec?.podCIDR]);
    await stop();
    begin();
    await clock.advance(1000);
    assert.deepEqual(
      nodes().map((n) => [n.metadata?.name, n.spec?.podCIDR]),
      before,
    );
    assert.equal(fleet.names().length, 2);
    await stop();
    api.drop(NodeGroup, undefined, 'web');
    begin();
    await clock.advance(1000);
    assert.equal(nodes().length, 0);
  });
  test('a node with the label that is none of its machines is left alone', async () => {
    api.put(Node, { metadata: { name: 'real', labels: { 'batuta.dev/nodegroup': 'web' } } });
    group({ replicas: 1 });
    await stop();
    begin();
    await clock.advance(1000);
    assert.equal(nodes().length, 2);
    assert.ok(!fleet.names().includes('real'));
  });
  test('Drain: cordoned, and kept as long as a pod may not go', async () => {
    group({ replicas: 1, scaleDown: 'Drain' });
    await clock.advance(1000);
    api.put(Pod, { metadata: { name: 'p', namespace: 'default' }, spec: { nodeName: nameOf(0), containers: [{ name: 'c', image: 'i:1' }] } });
    await clock.advance(1000);
    resize(0);
    await clock.advance(12_000);
    assert.equal(nodes()[0]?.spec?.unschedulable, true);
    api.drop(Pod, 'default', 'p');
    await clock.advance(6000);
    assert.equal(nodes().length, 0);
  });
});

describe('nodes with the annotation of kwok', () => {
  test('become Ready with what they say they have, and go with their object', async () => {
    api.put(Node, {
      metadata: { name: 'kwok-0', annotations: { 'kwok.x-k8s.io/node': 'fake' }, labels: { type: 'kwok', 'kubernetes.io/arch': 'arm64' } },
      spec: { taints: [{ key: 'kwok.x-k8s.io/node', value: 'fake', effect: 'NoSchedule' }] },
      status: { allocatable: { cpu: '3', memory: '1Gi', pods: '7' }, capacity: { cpu: '4', memory: '2Gi', pods: '7' } },
    });
    await clock.advance(1000);
    const [node] = nodes();
    assert.equal(node?.status?.conditions?.find((c) => c.type === 'Ready')?.status, 'True');
    assert.deepEqual([node?.status?.allocatable?.['cpu'], node?.status?.capacity?.['cpu'], node?.status?.allocatable?.['pods']], ['3', '4', '7']);
    assert.equal(node?.spec?.podCIDR, '100.64.0.0/24');
    assert.deepEqual([node?.metadata?.labels?.['type'], node?.metadata?.labels?.['kubernetes.io/arch']], ['kwok', 'arm64']);
    api.drop(Node, undefined, 'kwok-0');
    await clock.advance(1000);
    assert.deepEqual([fleet.names(), nodes().length], [[], 0]);
  });
  test('others are left alone', async () => {
    api.put(Node, { metadata: { name: 'real' } });
    await clock.advance(1000);
    assert.deepEqual(fleet.names(), []);
  });
});
