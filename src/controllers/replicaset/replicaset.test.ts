import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTime } from '#base';
import { Pod, ReplicaSet, ReplicationController, type V1Pod } from '#kinds';
import { ApiError } from '#machinery';
import { createWorld, playKubelet, podOf, replicaSetOf, type World } from '../testing/world.ts';
import { inBatches } from '../batches.ts';
import { deletionOrder } from './rank.ts';
import { replicaSetController } from './replicaset.ts';
import { replicationController } from './replication-controller.ts';

const start = (): World => createWorld([replicaSetController]);
const scale = (w: World, replicas: number): unknown => w.api.edit(ReplicaSet, 'default', 'web', (rs) => void (rs.spec!.replicas = replicas));
const count = (w: World): number => w.api.all(Pod).filter((p) => !p.metadata?.deletionTimestamp).length;

test('makes the pods of the template and tells', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(ReplicaSet, replicaSetOf(3));
  await w.run(500);
  const pods = w.api.all(Pod);
  assert.equal(pods.length, 3);
  assert.match(pods[0]?.metadata?.name ?? '', /^web-[a-z0-9]{5}$/);
  assert.equal(pods[0]?.metadata?.generateName, 'web-');
  const { uid, name } = w.api.all(ReplicaSet)[0]?.metadata ?? {};
  assert.deepEqual(pods[0]?.metadata?.ownerReferences, [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid, controller: true, blockOwnerDeletion: true }]);
  const { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas, observedGeneration } = w.api.all(ReplicaSet)[0]?.status ?? { replicas: 0 };
  assert.deepEqual([replicas, fullyLabeledReplicas, readyReplicas, availableReplicas, observedGeneration], [3, 3, 3, 3, 1]);
  assert.equal(w.events().filter((e) => e.startsWith('SuccessfulCreate: Created pod: web-')).length, 3);
  await w.stop();
});

test('a lagging cache neither doubles creations nor deletions', async () => {
  const w = start();
  const nudge = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      w.api.edit(ReplicaSet, 'default', 'web', (rs) => void (rs.metadata!.annotations = { i: `${i} ${w.clock.now()}` }));
      await w.run(50);
    }
  };
  await w.run();
  w.api.pause(Pod);
  w.api.put(ReplicaSet, replicaSetOf(20));
  await nudge();
  assert.equal(count(w), 20);
  w.api.resume();
  await w.run(500);
  assert.equal(count(w), 20);
  w.api.pause(Pod);
  await scale(w, 7);
  await nudge();
  assert.equal(count(w), 7);
  assert.equal(w.api.all(ReplicaSet)[0]?.status?.replicas, 7);
  w.api.resume();
  await w.run(500);
  assert.equal(count(w), 7);
  await w.stop();
});

test('a pod that was made and removed before the cache saw it is replaced', async () => {
  const w = start();
  await w.run();
  w.api.pause(Pod);
  w.api.put(ReplicaSet, replicaSetOf(2));
  await w.run();
  w.api.drop(Pod, 'default', w.api.all(Pod)[0]?.metadata?.name ?? '');
  assert.equal(count(w), 1);
  w.api.resume();
  await w.run();
  assert.equal(count(w), 2);
  await w.stop();
});

test('a pod that is deleted or ends is replaced', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(ReplicaSet, replicaSetOf(2));
  await w.run(500);
  w.api.drop(Pod, 'default', w.api.all(Pod)[0]?.metadata?.name ?? '');
  await w.run(500);
  assert.equal(count(w), 2);
  w.api.edit(Pod, 'default', w.api.all(Pod)[0]?.metadata?.name ?? '', (p) => void (p.status!.phase = 'Failed'));
  await w.run(500);
  assert.equal(w.api.all(Pod).filter((p) => p.status?.phase === 'Running').length, 2);
  assert.equal(w.api.all(ReplicaSet)[0]?.status?.replicas, 2);
  await w.stop();
});

test('a quota refuses: one event, ReplicaFailure, and all pods once there is room', async () => {
  const w = start();
  playKubelet(w);
  const message = 'pods "web-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2';
  w.api.refuse = (write) => (write.kind === 'Pod' && write.verb === 'create' && count(w) >= 2 ? new ApiError('Forbidden', message) : undefined);
  await w.api.create(ReplicaSet, replicaSetOf(50));
  await w.run(1000);
  assert.equal(count(w), 2);
  const condition = w.api.all(ReplicaSet)[0]?.status?.conditions?.[0];
  assert.deepEqual([condition?.type, condition?.status, condition?.reason, condition?.message], ['ReplicaFailure', 'True', 'FailedCreate', message]);
  assert.ok(w.events().some((e) => e.startsWith(`FailedCreate: Error creating: ${message}`)));
  w.api.refuse = undefined;
  await w.run(120_000);
  assert.equal(count(w), 50);
  assert.deepEqual(w.api.all(ReplicaSet)[0]?.status?.conditions ?? [], []);
  await w.stop();
});

test('adopts matching pods, releases those that do not match any more', async () => {
  const w = start();
  w.api.put(Pod, podOf('alone'));
  await w.api.create(ReplicaSet, replicaSetOf(2));
  await w.run(500);
  assert.equal(w.api.all(Pod).length, 2);
  assert.equal(w.api.all(Pod).find((p) => p.metadata?.name === 'alone')?.metadata?.ownerReferences?.[0]?.name, 'web');
  w.api.edit(Pod, 'default', 'alone', (p) => void (p.metadata!.labels = { app: 'debug' }));
  await w.run(500);
  assert.equal(w.api.all(Pod).find((p) => p.metadata?.name === 'alone')?.metadata?.ownerReferences, undefined);
  assert.equal(w.api.all(Pod).length, 3);
  await w.stop();
});

test('hundreds of pods are made in a handful of turns, and events stay few', async () => {
  const w = start();
  await w.api.create(ReplicaSet, replicaSetOf(3000));
  await w.run(2000);
  assert.equal(count(w), 3000);
  assert.ok(w.events().length <= 25, `${w.events().length} events`);
  await scale(w, 0);
  await w.run(2000);
  assert.equal(count(w), 0);
  await w.stop();
});

test('deletion order: unassigned, pending, not ready, cheap, doubled up, restarted, young', () => {
  const now = Date.UTC(2026, 0, 1);
  const make = (name: string, change: (p: V1Pod) => void): V1Pod => {
    const pod = podOf(name, { metadata: { name, namespace: 'default', uid: name, creationTimestamp: formatTime(now - 1e7) } });
    pod.spec = { containers: [], nodeName: 'n1' };
    pod.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: formatTime(now - 1e7) }] };
    change(pod);
    return pod;
  };
  const pods = [
    make('a-stays', () => {}),
    make('b-young', (p) => void (p.metadata!.creationTimestamp = formatTime(now - 1000))),
    make('c-restarted', (p) => void (p.status!.containerStatuses = [{ name: 'a', image: '', imageID: '', ready: true, restartCount: 3 }])),
    make('d-ready-shortly', (p) => void (p.status!.conditions![0]!.lastTransitionTime = formatTime(now - 2000))),
    make('e-doubled', (p) => void (p.spec!.nodeName = 'n2')),
    make('f-cheap', (p) => void (p.metadata!.annotations = { 'controller.kubernetes.io/pod-deletion-cost': '-5' })),
    make('g-not-ready', (p) => void (p.status!.conditions![0]!.status = 'False')),
    make('h-pending', (p) => void (p.status = { phase: 'Pending' })),
    make('i-unassigned', (p) => {
      p.spec = { containers: [] };
      p.status = { phase: 'Pending' };
    }),
  ];
  const order = deletionOrder(pods, (p) => (p.spec?.nodeName === 'n2' ? 2 : 1), now).map((p) => p.metadata?.name?.slice(0, 1));
  assert.deepEqual(order, ['i', 'h', 'g', 'f', 'e', 'd', 'c', 'b', 'a']);
});

test('batches double, and end at the first failure', async () => {
  const seen: number[] = [];
  assert.equal(await inBatches(600, async (i) => void seen.push(i)), undefined);
  assert.equal(seen.length, 600);
  let tried = 0;
  const error = await inBatches(600, async () => {
    if (++tried >= 3) throw new Error('no');
  });
  assert.equal((error as Error).message, 'no');
  assert.equal(tried, 3);
});

test('a ReplicationController is kept the same way, by its plain selector', async () => {
  const w = createWorld([replicationController]);
  playKubelet(w);
  const labels = { app: 'old' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
  await w.api.create(ReplicationController, { metadata: { name: 'old', namespace: 'default' }, spec: { replicas: 2, selector: labels, template } });
  await w.run(500);
  const pods = w.api.all(Pod);
  assert.equal(pods.length, 2);
  const [reference] = pods[0]!.metadata!.ownerReferences!;
  assert.deepEqual([reference!.apiVersion, reference!.kind, reference!.name], ['v1', 'ReplicationController', 'old']);
  assert.deepEqual(w.api.all(ReplicationController)[0]!.status, {
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    observedGeneration: 1,
  });
  // An orphan that fits is adopted, and what is too much goes.
  w.api.put(Pod, { metadata: { name: 'stray', namespace: 'default', labels }, spec: { containers: [] }, status: { phase: 'Running' } });
  await w.run(500);
  assert.equal(count(w), 2);
  await w.stop();
});
