import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, seededRandom, settle, silentLogger } from '#base';
import { createClient, createFakeApi, type FakeApi } from '#client';
import {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
} from '#kinds';
import { ClusterState } from '../cluster-state.ts';
import { findNode } from '../find-node.ts';
import type { NodeInfo } from '../node-info.ts';
import type { Plugin } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { defaultProfile, type Profile } from '../profile.ts';
import { info, makeNode } from '../test-objects.ts';

interface Bench {
  api: FakeApi;
  clock: FakeClock;
  state: ClusterState;
  profile: Profile;
  /** Where the pod goes, or why it goes nowhere. */
  place(pod: PodInfo): string;
  plugin(name: string): Plugin;
  node(name: string): NodeInfo;
}
async function bench(labels: { [node: string]: { [label: string]: string } } = { a: {}, b: {} }, fill: (api: FakeApi) => void = () => {}): Promise<Bench> {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  const client = createClient(api, clock, silentLogger);
  const state = new ClusterState();
  for (const [name, own] of Object.entries(labels)) state.setNode(makeNode(name, { labels: { 'kubernetes.io/hostname': name, ...own } }));
  fill(api);
  const profile = defaultProfile({ state, api, clock, log: silentLogger, random: seededRandom(1), informer: (kind) => client.informer(kind) });
  await settle();
  return {
    api,
    clock,
    state,
    profile,
    place(pod) {
      const { node, message } = findNode(state, pod, profile, 0, seededRandom(1));
      return node?.name ?? message;
    },
    plugin: (name) => profile.plugins.find((plugin) => plugin.name === name) as Plugin,
    node: (name) => state.node(name) as NodeInfo,
  };
}
const user = (name: string, ...claims: string[]): PodInfo =>
  info(name, { volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) });
const claim = (name: string, volumeName = '', more: Partial<NonNullable<V1PersistentVolumeClaim['spec']>> = {}): V1PersistentVolumeClaim => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}`, ...(volumeName ? { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } } : {}) },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...(volumeName ? { volumeName } : {}), ...more },
  status: { phase: volumeName ? 'Bound' : 'Pending' },
});
const volume = (name: string, spec: V1PersistentVolume['spec'] = {}, labels: { [label: string]: string } = {}): V1PersistentVolume => ({
  metadata: { name, labels },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, ...spec },
});
const only = (node: string): V1PersistentVolume['spec'] => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] } },
});

test('bound volumes: where they can be used, and what is said where they cannot', async () => {
  const b = await bench({ a: {}, b: {} }, (api) => {
    api.put(PersistentVolume, volume('v', only('b')));
    api.put(PersistentVolumeClaim, claim('c', 'v'));
    api.put(PersistentVolumeClaim, claim('dangling', 'none'));
    api.put(PersistentVolumeClaim, { ...claim('lost', 'none'), status: { phase: 'Lost' } });
    api.put(PersistentVolumeClaim, claim('immediate'));
    api.put(PersistentVolumeClaim, { ...claim('going', 'v'), metadata: { ...claim('going', 'v').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
  });
  assert.equal(b.place(user('p', 'c')), 'b');
  b.state.removeNode('b');
  assert.equal(b.place(user('p', 'c')), '0/1 nodes are available: 1 node(s) had volume node affinity conflict.');
  assert.equal(b.place(user('p', 'dangling')), '0/1 nodes are available: 1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).');
  assert.equal(b.place(user('p', 'lost')), '0/1 nodes are available: persistentvolumeclaim "lost" bound to non-existent persistentvolume "none".');
  assert.equal(b.place(user('p', 'immediate')), '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.');
  assert.equal(b.place(user('p', 'going')), '0/1 nodes are available: persistentvolumeclaim "going" is being deleted.');
  assert.equal(b.place(user('p', 'nowhere')), '0/1 nodes are available: persistentvolumeclaim "nowhere" not found.');
  const ephemeral = info('e', { volumes: [{ name: 'x', ephemeral: {} }] });
  assert.equal(b.place(ephemeral), '0/1 nodes are available: waiting for ephemeral volume controller to create the persistentvolumeclaim "e-x".');
});

const waiting = { volumeBindingMode: 'WaitForFirstConsumer' };
test('claims that wait: a free volume, or a class that can make one there', async () => {
  const b = await bench({ a: { zone: 'x' }, b: { zone: 'y' } }, (api) => {
    api.put(StorageClass, { metadata: { name: 'disks' }, provisioner: 'kubernetes.io/no-provisioner', ...waiting });
    const allowedTopologies = [{ matchLabelExpressions: [{ key: 'zone', values: ['y'] }] }];
    api.put(StorageClass, { metadata: { name: 'zonal' }, provisioner: 'p', ...waiting, allowedTopologies });
    api.put(PersistentVolume, volume('v', { ...only('a'), storageClassName: 'disks' }));
    api.put(PersistentVolumeClaim, claim('disk', '', { storageClassName: 'disks' }));
    api.put(PersistentVolumeClaim, claim('disk2', '', { storageClassName: 'disks' }));
    api.put(PersistentVolumeClaim, claim('zonal', '', { storageClassName: 'zonal' }));
  });
  assert.equal(b.place(user('p', 'disk')), 'a');
  assert.equal(b.place(user('p', 'zonal')), 'b');
  assert.equal(
    b.place(user('p', 'disk', 'disk2')),
    "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.",
    'one volume is not two',
  );
  assert.match(b.place(user('p', 'disk', 'zonal')), /didn't find available persistent volumes to bind/);
});

test('what is reserved for one pod is not given to another, and comes back', async () => {
  const b = await bench({ a: {} }, (api) => {
    api.put(StorageClass, { metadata: { name: 'disks' }, provisioner: 'kubernetes.io/no-provisioner', ...waiting });
    api.put(PersistentVolume, volume('v', { storageClassName: 'disks' }));
    for (const name of ['one', 'two']) api.put(PersistentVolumeClaim, claim(name, '', { storageClassName: 'disks' }));
  });
  const binding = b.plugin('VolumeBinding');
  assert.equal(binding.reserve?.(user('p', 'one'), b.node('a')), undefined);
  assert.match(b.place(user('q', 'two')), /didn't find available persistent volumes to bind/);
  assert.equal(binding.reserve?.(user('q', 'two'), b.node('a')), "node(s) didn't find available persistent volumes to bind");
  binding.unreserve?.(user('p', 'one'), b.node('a'));
  assert.equal(b.place(user('q', 'two')), 'a');
});

test('two pods with one claim go to one node even before the claim says so', async () => {
  const b = await bench({ a: {}, b: {} }, (api) => {
    api.put(StorageClass, { metadata: { name: 'dynamic' }, provisioner: 'p', ...waiting });
    api.put(PersistentVolumeClaim, claim('shared', '', { storageClassName: 'dynamic' }));
  });
  assert.equal(b.plugin('VolumeBinding').reserve?.(user('p', 'shared'), b.node('b')), undefined);
  for (let i = 0; i < 5; i++) assert.equal(b.place(user(`q${i}`, 'shared')), 'b');
});

test('PreBind names the node, waits until the claim is bound, and fails when the node is given back', async () => {
  const b = await bench({ a: {} }, (api) => {
    api.put(StorageClass, { metadata: { name: 'dynamic' }, provisioner: 'p', ...waiting });
    for (const name of ['good', 'bad', 'slow']) api.put(PersistentVolumeClaim, claim(name, '', { storageClassName: 'dynamic' }));
  });
  const binding = b.plugin('VolumeBinding');
  const outcomes: string[] = [];
  const abort = new AbortController();
  for (const name of ['good', 'bad', 'slow']) {
    const pod = user(name, name);
    assert.equal(binding.reserve?.(pod, b.node('a')), undefined);
    void binding.preBind?.(pod, b.node('a'), name === 'slow' ? new AbortController().signal : abort.signal)?.then(
      () => outcomes.push(`${name} bound`),
      (error: Error) => outcomes.push(`${name}: ${error.message}`),
    );
  }
  await b.clock.advance(10);
  const chosen = b.api.all(PersistentVolumeClaim).map((c) => c.metadata?.annotations?.['volume.kubernetes.io/selected-node']);
  assert.deepEqual(chosen, ['a', 'a', 'a']);
  assert.deepEqual(outcomes, []);
  b.api.put(PersistentVolume, volume('v', { claimRef: { namespace: 'default', name: 'good', uid: 'uid-good' } }));
  b.api.edit(PersistentVolumeClaim, 'default', 'good', (c) => {
    c.spec = { ...c.spec, volumeName: 'v' };
    c.metadata = { ...c.metadata, annotations: { ...c.metadata?.annotations, 'pv.kubernetes.io/bind-completed': 'yes' } };
  });
  b.api.edit(PersistentVolumeClaim, 'default', 'bad', (c) => void (c.metadata = { ...c.metadata, annotations: {} }));
  await b.clock.advance(10);
  assert.deepEqual(outcomes, ['good bound', 'bad: binding volumes: provisioning failed for PVC "bad"']);
  await b.clock.advance(600_000);
  assert.deepEqual(outcomes.slice(2), ['slow: binding volumes: context deadline exceeded']);
});

test('a pod that goes while it waits ends the wait', async () => {
  const b = await bench({ a: {} }, (api) => {
    api.put(StorageClass, { metadata: { name: 'dynamic' }, provisioner: 'p', ...waiting });
    api.put(PersistentVolumeClaim, claim('c', '', { storageClassName: 'dynamic' }));
  });
  const abort = new AbortController();
  const binding = b.plugin('VolumeBinding');
  binding.reserve?.(user('p', 'c'), b.node('a'));
  const wait = binding.preBind?.(user('p', 'c'), b.node('a'), abort.signal);
  const ended = assert.rejects(wait ?? Promise.resolve(), /the pod is gone/);
  await b.clock.advance(10);
  abort.abort();
  await ended;
});

test('room: drivers that tell how much there is are believed', async () => {
  const b = await bench({ a: { zone: 'x' }, b: { zone: 'y' } }, (api) => {
    api.put(StorageClass, { metadata: { name: 'told' }, provisioner: 'csi.example.com', ...waiting });
    api.put(CSIDriver, { metadata: { name: 'csi.example.com' }, spec: { storageCapacity: true } });
    for (const [zone, capacity] of [
      ['x', '500Mi'],
      ['y', '5Gi'],
    ] as const)
      api.put(CSIStorageCapacity, {
        metadata: { name: zone, namespace: 'kube-system' },
        storageClassName: 'told',
        nodeTopology: { matchLabels: { zone } },
        capacity,
      });
    api.put(PersistentVolumeClaim, claim('c', '', { storageClassName: 'told' }));
    api.put(PersistentVolumeClaim, claim('huge', '', { storageClassName: 'told', resources: { requests: { storage: '1Ti' } } }));
  });
  assert.equal(b.place(user('p', 'c')), 'b');
  assert.equal(b.place(user('p', 'huge')), '0/2 nodes are available: 2 node(s) did not have enough free storage.');
});

test('zones of volumes', async () => {
  const zone = 'topology.kubernetes.io/zone';
  const b = await bench({ a: { [zone]: 'x' }, b: { [zone]: 'y' } }, (api) => {
    api.put(PersistentVolume, volume('one', {}, { [zone]: 'y' }));
    api.put(PersistentVolume, volume('two', {}, { 'failure-domain.beta.kubernetes.io/zone': 'z__x' }));
    api.put(PersistentVolume, volume('none', {}, { [zone]: 'w' }));
    for (const name of ['one', 'two', 'none']) api.put(PersistentVolumeClaim, claim(name, name));
  });
  assert.equal(b.place(user('p', 'one')), 'b');
  assert.equal(b.place(user('p', 'two')), 'a');
  assert.equal(b.place(user('p', 'none')), '0/2 nodes are available: 2 node(s) had no available volume zone.');
  b.state.setNode(makeNode('c'));
  assert.equal(b.place(user('p', 'none')), 'c', 'a node that tells no zone takes all');
});

test('volumes of a driver are limited per node, each counted once', async () => {
  const csi = (n: number): V1PersistentVolume['spec'] => ({ csi: { driver: 'csi.example.com', volumeHandle: `vol-${n}` } });
  const b = await bench({ a: {} }, (api) => {
    api.put(CSINode, { metadata: { name: 'a' }, spec: { drivers: [{ name: 'csi.example.com', nodeID: 'a', allocatable: { count: 2 } }] } });
    for (let n = 0; n < 4; n++) {
      api.put(PersistentVolume, volume(`v${n}`, csi(n)));
      api.put(PersistentVolumeClaim, claim(`c${n}`, `v${n}`));
    }
  });
  b.state.addPod(user('p', 'c0'), 'a');
  assert.equal(b.place(user('q', 'c0', 'c1')), 'a');
  assert.equal(b.place(user('q', 'c1', 'c2')), '0/1 nodes are available: 1 node(s) exceed max volume count.');
  b.api.put(VolumeAttachment, { metadata: { name: 'x' }, spec: { attacher: 'csi.example.com', nodeName: 'a', source: { persistentVolumeName: 'v3' } } });
  await settle();
  assert.match(b.place(user('q', 'c1')), /exceed max volume count/, 'what is attached counts too');
  assert.equal(b.place(user('q', 'c0')), 'a', 'a full node takes pods that bring nothing new');
});
