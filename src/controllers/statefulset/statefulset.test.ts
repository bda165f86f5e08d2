import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet, type V1Pod, type V1StatefulSet } from '#kinds';
import { ApiError, cloneObject } from '#machinery';
import { garbageCollector } from '../gc/garbage-collector.ts';
import { isPodReady } from '../pods.ts';
import { templateOf } from '../revisions.ts';
import { createWorld, playKubelet, podOf, statefulSetOf, type World } from '../testing/world.ts';
import { statefulSetController } from './statefulset.ts';

const start = (): World => createWorld([statefulSetController]);
const get = (w: World): V1StatefulSet => w.api.all(StatefulSet)[0]!;
const pods = (w: World): V1Pod[] => w.api.all(Pod);
const names = (w: World): string[] => pods(w).map((p) => p.metadata?.name ?? '');
const images = (w: World): string[] => pods(w).map((p) => p.spec?.containers[0]?.image ?? '');
const uids = (w: World): string[] => pods(w).map((p) => p.metadata?.uid ?? '');
function change(w: World, edit: (set: V1StatefulSet) => void): Promise<unknown> {
  const next = cloneObject(get(w));
  edit(next);
  return w.api.update(StatefulSet, next);
}
const setImage = (w: World, image: string): Promise<unknown> => change(w, (s) => void (s.spec!.template.spec!.containers[0]!.image = image));
const scale = (w: World, replicas: number): Promise<unknown> => change(w, (s) => void (s.spec!.replicas = replicas));
const claimTemplate = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
/** Order in which pods were created and deleted. */
const moves = (w: World): string[] =>
  w.api.writes.filter((x) => x.kind === 'Pod' && (x.verb === 'create' || x.verb === 'delete')).map((x) => `${x.verb} ${x.name}`);

test('pods have names, labels, host names and an order; nothing is written once it is settled', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(StatefulSet, statefulSetOf());
  await w.run(1000);
  assert.deepEqual(names(w), ['web-0', 'web-1', 'web-2']);
  const { metadata, spec } = pods(w)[1]!;
  const revision = w.api.all(ControllerRevision)[0]!;
  assert.deepEqual(metadata?.labels, {
    app: 'web',
    'statefulset.kubernetes.io/pod-name': 'web-1',
    'apps.kubernetes.io/pod-index': '1',
    'controller-revision-hash': revision.metadata?.name,
  });
  assert.equal(revision.metadata?.name, `web-${revision.metadata?.labels?.['controller.kubernetes.io/hash'] ?? ''}`);
  assert.deepEqual([spec?.hostname, spec?.subdomain, metadata?.generateName], ['web-1', 'web', 'web-']);
  assert.deepEqual(get(w).status, {
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    currentRevision: revision.metadata?.name,
    updateRevision: revision.metadata?.name,
    collisionCount: 0,
  });
  assert.ok(w.events().includes('SuccessfulCreate: create Pod web-2 in StatefulSet web successful'));
  w.api.writes.length = 0;
  await w.run(5000);
  assert.deepEqual(w.api.writes, []);
  await w.stop();
});

test('OrderedReady: a pod comes when all before it are ready, and goes when all after it are gone; a broken one halts both', async () => {
  const w = start();
  const broken = new Set(['web-1']);
  playKubelet(w, { ready: (pod) => !broken.has(pod.metadata?.name ?? '') });
  await w.api.create(StatefulSet, statefulSetOf());
  await w.run(1000);
  assert.deepEqual(names(w), ['web-0', 'web-1']);
  await scale(w, 1);
  await w.run(1000);
  assert.deepEqual(names(w), ['web-0']);
  broken.clear();
  await scale(w, 4);
  await w.run(1000);
  assert.deepEqual(names(w), ['web-0', 'web-1', 'web-2', 'web-3']);
  w.api.edit(Pod, 'default', 'web-0', (p) => void (p.status!.conditions![0]!.status = 'False'));
  await w.run();
  w.api.writes.length = 0;
  await scale(w, 2);
  await w.run(1000);
  assert.deepEqual(moves(w), [], 'nothing goes as long as web-0 is not ready');
  w.api.edit(Pod, 'default', 'web-0', (p) => void (p.status!.conditions![0]!.status = 'True'));
  await w.run(1000);
  assert.deepEqual(moves(w), ['delete web-3', 'delete web-2']);
  await w.stop();
});

test('Parallel: all at once', async () => {
  const w = start();
  playKubelet(w, { ready: () => false });
  await w.api.create(StatefulSet, statefulSetOf({ podManagementPolicy: 'Parallel', replicas: 5, ordinals: { start: 3 } }));
  await w.run(1000);
  assert.deepEqual(names(w), ['web-3', 'web-4', 'web-5', 'web-6', 'web-7']);
  await scale(w, 2);
  await w.run(1000);
  assert.deepEqual(names(w), ['web-3', 'web-4']);
  await w.stop();
});

test('a rolling update goes from the highest ordinal down, one at a time, and stops at the partition; then it is undone', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(StatefulSet, statefulSetOf());
  await w.run(1000);
  const first = get(w).status?.currentRevision;
  w.api.writes.length = 0;
  await change(w, (s) => void (s.spec!.updateStrategy!.rollingUpdate!.partition = 2));
  await setImage(w, 'app:2');
  for (let i = 0; i < 100; i++) {
    await w.run(10);
    assert.ok(pods(w).filter(isPodReady).length >= 2);
  }
  assert.deepEqual(images(w), ['app:1', 'app:1', 'app:2']);
  assert.deepEqual(moves(w), ['delete web-2', 'create web-2']);
  const { status } = get(w);
  assert.deepEqual([status?.currentReplicas, status?.updatedReplicas, status?.currentRevision], [2, 1, first]);
  assert.notEqual(status?.updateRevision, first);
  await w.api.delete(Pod, { namespace: 'default', name: 'web-1' });
  await w.run(1000);
  assert.deepEqual(images(w), ['app:1', 'app:1', 'app:2'], 'below the partition a pod comes back as it was');
  await change(w, (s) => void (s.spec!.updateStrategy!.rollingUpdate!.partition = 0));
  await w.run(1000);
  assert.deepEqual(images(w), ['app:2', 'app:2', 'app:2']);
  assert.equal(get(w).status?.currentRevision, status?.updateRevision);

  await setImage(w, 'app:1');
  await w.run(1000);
  assert.equal(get(w).status?.currentRevision, first, 'the old revision is used again');
  const revisions = w.api.all(ControllerRevision);
  assert.deepEqual(revisions.map((r) => r.revision).sort(), [2, 3]);
  assert.equal(templateOf(revisions.find((r) => r.revision === 3)!).spec?.containers[0]?.image, 'app:1');
  await w.stop();
});

test('a rollback in the middle restarts no pod that was not updated', async () => {
  const w = start();
  playKubelet(w, { ready: (pod) => pod.spec?.containers[0]?.image !== 'bad:1' });
  await w.api.create(StatefulSet, statefulSetOf({ podManagementPolicy: 'Parallel' }));
  await w.run(1000);
  const before = uids(w);
  await setImage(w, 'bad:1');
  await w.run(1000);
  assert.deepEqual(images(w), ['app:1', 'app:1', 'bad:1']);
  await setImage(w, 'app:1');
  await w.run(1000);
  assert.deepEqual(images(w), ['app:1', 'app:1', 'app:1']);
  assert.deepEqual(uids(w).slice(0, 2), before.slice(0, 2));
  await w.stop();
});

test('OnDelete replaces only what is deleted by hand', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(StatefulSet, statefulSetOf({ updateStrategy: { type: 'OnDelete' } }));
  await w.run(1000);
  await setImage(w, 'app:2');
  await w.run(1000);
  assert.deepEqual(images(w), ['app:1', 'app:1', 'app:1']);
  await w.api.delete(Pod, { namespace: 'default', name: 'web-1' });
  await w.run(1000);
  assert.deepEqual(images(w), ['app:1', 'app:2', 'app:1']);
  await w.stop();
});

test('maxUnavailable pods are updated at a time', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(StatefulSet, statefulSetOf({ replicas: 7, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '43%' } } }));
  await w.run(1000);
  await setImage(w, 'app:2');
  let least = 7;
  for (let i = 0; i < 200; i++) {
    await w.run(5);
    least = Math.min(least, pods(w).filter((p) => isPodReady(p) && !p.metadata?.deletionTimestamp).length);
  }
  assert.deepEqual(new Set(images(w)), new Set(['app:2']));
  assert.equal(least, 4);
  await w.stop();
});

test('minReadySeconds: the next one waits until the last has been ready that long', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(StatefulSet, statefulSetOf({ minReadySeconds: 10 }));
  await w.run(5000);
  assert.deepEqual([names(w).length, get(w).status?.readyReplicas, get(w).status?.availableReplicas], [1, 1, 0]);
  await w.run(60_000);
  assert.deepEqual([get(w).status?.readyReplicas, get(w).status?.availableReplicas], [3, 3]);
  await w.stop();
});

test('failed, evicted and lost pods come back under their names', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(StatefulSet, statefulSetOf());
  await w.run(1000);
  const before = uids(w);
  w.api.edit(Pod, 'default', 'web-1', (p) => void (p.status!.phase = 'Failed'));
  w.api.drop(Pod, 'default', 'web-2');
  await w.run(1000);
  assert.deepEqual(names(w), ['web-0', 'web-1', 'web-2']);
  assert.deepEqual(
    uids(w).map((uid, i) => uid === before[i]),
    [true, false, false],
  );
  await w.stop();
});

test('a pod that its node refuses is made again, more and more slowly', async () => {
  const w = start();
  w.client.informer(Pod).onChange((pod, old) => {
    const { namespace, name = '', uid, deletionTimestamp } = pod?.metadata ?? {};
    if (!pod) return;
    w.clock.after(1, () => {
      if (!pods(w).some((p) => p.metadata?.uid === uid)) return;
      if (deletionTimestamp) w.api.drop(Pod, namespace, name);
      else if (!old) w.api.edit(Pod, namespace, name, (p) => void (p.status = { phase: 'Failed', reason: 'NodePorts' }));
    });
  });
  await w.api.create(StatefulSet, statefulSetOf({ replicas: 1 }));
  await w.run(60_000);
  const made = moves(w).filter((move) => move === 'create web-0').length;
  assert.ok(made >= 5 && made <= 8, `${made} in a minute`);
  await w.stop();
});

test('a pod that is ending keeps its name until it is gone, whatever the cache says', async () => {
  const w = start();
  await w.api.create(StatefulSet, statefulSetOf({ replicas: 1 }));
  await w.run(1000);
  w.api.edit(Pod, 'default', 'web-0', (p) => {
    p.spec = { ...p.spec!, nodeName: 'node-1' };
    p.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  });
  await w.run(1000);
  w.api.writes.length = 0;
  w.api.pause(Pod);
  await setImage(w, 'app:2');
  await w.run(60_000);
  assert.deepEqual(moves(w), ['delete web-0']);
  w.api.resume();
  await w.run(60_000);
  assert.deepEqual(moves(w), ['delete web-0']);
  w.api.drop(Pod, 'default', 'web-0');
  await w.run(1000);
  assert.deepEqual(images(w), ['app:2']);
  await w.stop();
});

test('a lagging cache makes no pod, claim or revision twice', async () => {
  const w = start();
  w.api.pause();
  await w.api.create(StatefulSet, statefulSetOf({ podManagementPolicy: 'Parallel', volumeClaimTemplates: [claimTemplate] }));
  w.api.resume();
  w.api.pause(Pod);
  w.api.pause(PersistentVolumeClaim);
  w.api.pause(ControllerRevision);
  await w.run(30_000);
  await change(w, (s) => void (s.metadata!.labels = { a: 'b' }));
  await w.run(30_000);
  const refused = w.events().filter((e) => e.startsWith('Failed'));
  assert.deepEqual(refused, []);
  assert.deepEqual(
    w.api.writes.filter((x) => x.verb === 'create' && x.kind !== 'Event').map((x) => x.kind),
    ['StatefulSet', 'ControllerRevision', 'PersistentVolumeClaim', 'Pod', 'PersistentVolumeClaim', 'PersistentVolumeClaim', 'Pod', 'Pod'],
  );
  await w.stop();
});

test('claims are made before pods, kept by default, and follow the retention policy', async () => {
  const w = createWorld([statefulSetController, garbageCollector]);
  playKubelet(w);
  const claims = (): string[] =>
    w.api.all(PersistentVolumeClaim).map((c) => `${c.metadata?.name ?? ''}${(c.metadata?.ownerReferences ?? []).map((r) => ` ${r.kind}`).join('')}`);
  await w.api.create(StatefulSet, statefulSetOf({ volumeClaimTemplates: [claimTemplate] }));
  await w.run(1000);
  assert.deepEqual(claims(), ['data-web-0', 'data-web-1', 'data-web-2']);
  assert.deepEqual(pods(w)[0]!.spec?.volumes, [{ name: 'data', persistentVolumeClaim: { claimName: 'data-web-0' } }]);
  assert.deepEqual(w.api.all(PersistentVolumeClaim)[0]!.metadata?.labels, { app: 'web' });
  assert.ok(w.events().includes('SuccessfulCreate: create Claim data-web-0 Pod web-0 in StatefulSet web success'));
  await scale(w, 2);
  await w.run(1000);
  assert.deepEqual(claims(), ['data-web-0', 'data-web-1', 'data-web-2']);

  const policy = (whenDeleted: string, whenScaled: string): Promise<unknown> =>
    change(w, (s) => void (s.spec!.persistentVolumeClaimRetentionPolicy = { whenDeleted, whenScaled }));
  await policy('Delete', 'Retain');
  await w.run(1000);
  assert.deepEqual(claims(), ['data-web-0 StatefulSet', 'data-web-1 StatefulSet', 'data-web-2']);
  await policy('Retain', 'Delete');
  await w.run(1000);
  assert.deepEqual(claims(), ['data-web-0', 'data-web-1', 'data-web-2']);
  await scale(w, 1);
  await w.run(1000);
  assert.deepEqual(claims(), ['data-web-0', 'data-web-2'], 'the claim goes with its pod');
  await scale(w, 2);
  await w.run(1000);
  assert.deepEqual(claims(), ['data-web-0', 'data-web-1', 'data-web-2']);
  await policy('Delete', 'Delete');
  await w.run(1000);
  await w.api.delete(StatefulSet, { namespace: 'default', name: 'web' });
  await w.run(1000);
  assert.deepEqual(claims(), ['data-web-2']);
  await w.stop();
});

test('a claim that is being deleted is waited for; a stale one too', async () => {
  const w = start();
  playKubelet(w);
  const claim = (finalizers: string[], ref?: string): Parameters<typeof w.api.put>[1] => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: 'data-web-0',
      namespace: 'default',
      finalizers,
      ...(ref ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'web-0', uid: ref }] } : {}),
    },
  });
  w.api.put(PersistentVolumeClaim, claim(['kubernetes.io/pvc-protection']) as never);
  await w.api.delete(PersistentVolumeClaim, { namespace: 'default', name: 'data-web-0' });
  await w.api.create(StatefulSet, statefulSetOf({ replicas: 1, volumeClaimTemplates: [claimTemplate] }));
  await w.run(1000);
  assert.deepEqual(names(w), []);
  assert.ok(w.events().some((e) => e.startsWith('FailedCreate: create Pod web-0 in StatefulSet web failed error: pvc data-web-0 is being deleted')));
  w.api.drop(PersistentVolumeClaim, 'default', 'data-web-0');
  w.api.put(PersistentVolumeClaim, claim([], 'gone') as never);
  await w.run(10_000);
  assert.deepEqual(names(w), []);
  w.api.drop(PersistentVolumeClaim, 'default', 'data-web-0');
  await w.run(1000);
  assert.deepEqual(names(w), ['web-0']);
  await w.stop();
});

test('pods are adopted and released, strangers of the same name are not touched, identity is repaired', async () => {
  const w = start();
  playKubelet(w);
  w.api.put(Pod, podOf('web-0'));
  w.api.put(Pod, podOf('other-0'));
  await w.api.create(StatefulSet, statefulSetOf({ replicas: 2, updateStrategy: { type: 'OnDelete' } }));
  await w.run(1000);
  const [other, zero] = pods(w);
  assert.equal(other?.metadata?.ownerReferences, undefined);
  assert.equal(zero?.metadata?.ownerReferences?.[0]?.uid, get(w).metadata?.uid);
  assert.equal(zero?.metadata?.labels?.['statefulset.kubernetes.io/pod-name'], 'web-0');
  assert.ok(w.events().includes('SuccessfulUpdate: update Pod web-0 in StatefulSet web successful'));
  w.api.edit(Pod, 'default', 'web-1', (p) => void (p.metadata!.labels = { app: 'mine' }));
  await w.run(1000);
  const one = pods(w)[2]!;
  assert.equal(one.metadata?.ownerReferences, undefined, 'released');
  await w.run(60_000);
  assert.equal(pods(w)[2]!.metadata?.uid, one.metadata?.uid, 'its name stays taken');
  w.api.drop(Pod, 'default', 'web-1');
  await w.run(600_000);
  assert.equal(pods(w)[2]?.metadata?.labels?.['app'], 'web');
  await w.stop();
});

test('what is refused is told and tried again', async () => {
  const w = start();
  playKubelet(w);
  w.api.refuse = (write) => (write.kind === 'Pod' && write.verb === 'create' ? new ApiError('Forbidden', 'exceeded quota') : undefined);
  await w.api.create(StatefulSet, statefulSetOf({ replicas: 1 }));
  await w.run(1000);
  assert.ok(w.events().some((e) => e.startsWith('FailedCreate: create Pod web-0 in StatefulSet web failed error: exceeded quota')));
  assert.equal(get(w).status?.observedGeneration, 1);
  w.api.refuse = undefined;
  await w.run(60_000);
  assert.deepEqual(names(w), ['web-0']);
  await w.stop();
});

test('history is kept up to its limit, never what a pod still has; a taken name is evaded', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(StatefulSet, statefulSetOf({ replicas: 1, revisionHistoryLimit: 1 }));
  await w.run(1000);
  for (const image of ['app:2', 'app:3', 'app:4']) {
    await setImage(w, image);
    await w.run(1000);
  }
  assert.deepEqual(
    w.api
      .all(ControllerRevision)
      .map((r) => r.revision)
      .sort(),
    [3, 4],
  );
  await setImage(w, 'app:5');
  await w.run(1000);
  const name = get(w).status!.updateRevision!;
  w.api.drop(ControllerRevision, 'default', name);
  w.api.put(ControllerRevision, { metadata: { name, namespace: 'default' }, data: { not: 'ours' }, revision: 1 });
  await w.run(1000);
  assert.equal(get(w).status?.collisionCount, 1);
  assert.notEqual(get(w).status?.updateRevision, name);
  await w.stop();
});
