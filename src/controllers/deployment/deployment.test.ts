import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployment, Pod, ReplicaSet, type V1Deployment } from '#kinds';
import { ApiError, cloneObject } from '#machinery';
import { isPodActive, isPodReady } from '../pods.ts';
import { replicaSetController } from '../replicaset/replicaset.ts';
import { createWorld, deploymentOf, playKubelet, type World } from '../testing/world.ts';
import { buildReplicaSet } from './revision.ts';
import { deploymentController } from './deployment.ts';

const start = (): World => createWorld([deploymentController, replicaSetController]);
const get = (w: World): V1Deployment => w.api.all(Deployment)[0]!;
const setImage = (w: World, image: string): unknown => w.api.update(Deployment, withImage(get(w), image));
function withImage(d: V1Deployment, image: string): V1Deployment {
  const next = cloneObject(d);
  next.spec!.template.spec!.containers[0]!.image = image;
  return next;
}
const images = (w: World): string[] =>
  w.api
    .all(Pod)
    .filter(isPodActive)
    .map((p) => p.spec?.containers[0]?.image ?? '')
    .sort();
const sizes = (w: World): string[] =>
  w.api
    .all(ReplicaSet)
    .map((rs) => `${rs.spec?.template?.spec?.containers[0]?.image ?? ''}=${rs.spec?.replicas ?? 0}`)
    .sort();
const progress = (w: World): string => get(w).status?.conditions?.find((c) => c.type === 'Progressing')?.reason ?? '';

async function rollout(w: World, limits: { most: number; leastReady: number }): Promise<void> {
  for (let i = 0; i < 200; i++) {
    await w.run(5);
    const active = w.api.all(Pod).filter(isPodActive);
    assert.ok(active.length <= limits.most, `${active.length} pods, at most ${limits.most}`);
    assert.ok(active.filter(isPodReady).length >= limits.leastReady, `${active.filter(isPodReady).length} ready, at least ${limits.leastReady}`);
  }
}

test('rollout, update, history and rollback, never below or above the limits', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(Deployment, deploymentOf());
  await w.run(500);
  assert.deepEqual(images(w), ['app:1', 'app:1', 'app:1']);
  assert.equal(progress(w), 'NewReplicaSetAvailable');
  assert.equal(get(w).metadata?.annotations?.['deployment.kubernetes.io/revision'], '1');
  const { replicas, updatedReplicas, readyReplicas, availableReplicas, observedGeneration } = get(w).status ?? {};
  assert.deepEqual([replicas, updatedReplicas, readyReplicas, availableReplicas, observedGeneration], [3, 3, 3, 3, 1]);

  await setImage(w, 'app:2');
  await rollout(w, { most: 4, leastReady: 3 });
  assert.deepEqual(images(w), ['app:2', 'app:2', 'app:2']);
  assert.deepEqual(sizes(w), ['app:1=0', 'app:2=3']);
  assert.equal(get(w).metadata?.annotations?.['deployment.kubernetes.io/revision'], '2');

  await setImage(w, 'app:1');
  await rollout(w, { most: 4, leastReady: 3 });
  assert.deepEqual(sizes(w), ['app:1=3', 'app:2=0']);
  assert.equal(get(w).metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
  assert.ok(
    w
      .events()
      .includes(`ScalingReplicaSet: Scaled up replica set ${w.api.all(ReplicaSet).find((r) => r.spec?.replicas === 3)?.metadata?.name ?? ''} from 0 to 3`),
  );
  await w.stop();
});

test('a settled deployment writes nothing more', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(Deployment, deploymentOf());
  await w.run(1000);
  w.api.writes.length = 0;
  await w.run(5000);
  assert.deepEqual(w.api.writes, []);
  await w.stop();
});

test('pods that never become ready stop the rollout and the deadline tells; a rollback heals it', async () => {
  const w = start();
  playKubelet(w, { ready: (pod) => pod.spec?.containers[0]?.image !== 'bad:1' });
  await w.api.create(Deployment, deploymentOf({ progressDeadlineSeconds: 60 }));
  await w.run(500);
  await setImage(w, 'bad:1');
  await rollout(w, { most: 4, leastReady: 3 });
  assert.deepEqual(sizes(w), ['app:1=3', 'bad:1=1']);
  assert.equal(progress(w), 'ReplicaSetUpdated');
  await w.run(70_000);
  assert.equal(progress(w), 'ProgressDeadlineExceeded');
  await setImage(w, 'app:1');
  await rollout(w, { most: 4, leastReady: 3 });
  assert.deepEqual(sizes(w), ['app:1=3', 'bad:1=0']);
  assert.equal(progress(w), 'NewReplicaSetAvailable');
  await w.stop();
});

test('paused changes wait, and go out together on resume', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(Deployment, deploymentOf());
  await w.run(500);
  await w.api.update(Deployment, { ...get(w), spec: { ...get(w).spec!, paused: true } });
  await w.run();
  await setImage(w, 'app:2');
  await w.run(500);
  assert.deepEqual(images(w), ['app:1', 'app:1', 'app:1']);
  assert.equal(progress(w), 'DeploymentPaused');
  await w.api.update(Deployment, { ...get(w), spec: { ...get(w).spec!, paused: false } });
  await rollout(w, { most: 4, leastReady: 3 });
  assert.deepEqual(images(w), ['app:2', 'app:2', 'app:2']);
  await w.stop();
});

test('Recreate never runs old and new pods together', async () => {
  const w = start();
  playKubelet(w, { latencyMs: 30 });
  await w.api.create(Deployment, deploymentOf({ strategy: { type: 'Recreate' } }));
  await w.run(500);
  await setImage(w, 'app:2');
  for (let i = 0; i < 100; i++) {
    await w.run(5);
    assert.ok(new Set(w.api.all(Pod).map((p) => p.spec?.containers[0]?.image)).size <= 1);
  }
  assert.deepEqual(images(w), ['app:2', 'app:2', 'app:2']);
  await w.stop();
});

test('minReadySeconds: a pod counts only after it was ready for so long', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(Deployment, deploymentOf({ minReadySeconds: 10 }));
  await w.run(1000);
  assert.equal(get(w).status?.readyReplicas, 3);
  assert.equal(get(w).status?.availableReplicas ?? 0, 0);
  await w.run(11_000);
  assert.equal(get(w).status?.availableReplicas, 3);
  await w.stop();
});

test('a name taken by another template counts as a hash collision and gets another hash', async () => {
  const w = start();
  playKubelet(w);
  const stored = deploymentOf();
  Deployment.defaults?.(stored);
  const foreign = buildReplicaSet(stored, 1);
  foreign.spec!.template!.spec!.containers[0]!.image = 'other:1';
  w.api.put(ReplicaSet, { ...foreign, metadata: { ...foreign.metadata, ownerReferences: [], labels: {} } });
  await w.api.create(Deployment, deploymentOf());
  await w.run(2000);
  assert.equal(get(w).status?.collisionCount, 1);
  assert.equal(images(w).length, 3);
  assert.equal(w.api.all(ReplicaSet).length, 2);
  await w.stop();
});

test('a ReplicaSet that may not be created is reported and tried again', async () => {
  const w = start();
  playKubelet(w);
  w.api.refuse = (write) => (write.kind === 'ReplicaSet' && write.verb === 'create' ? new ApiError('Forbidden', 'exceeded quota: sets') : undefined);
  await w.api.create(Deployment, deploymentOf());
  await w.run(1000);
  assert.equal(progress(w), 'ReplicaSetCreateError');
  assert.ok(w.events().some((e) => /^ReplicaSetCreateError: Failed to create new replica set "web-\w+": exceeded quota: sets/.test(e)));
  w.api.refuse = undefined;
  await w.run(60_000);
  assert.equal(images(w).length, 3);
  assert.equal(progress(w), 'NewReplicaSetAvailable');
  await w.stop();
});

test('matching orphans are adopted; ReplicaSets that no longer match are let go', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(Deployment, deploymentOf());
  await w.run(500);
  const name = w.api.all(ReplicaSet)[0]?.metadata?.name ?? '';
  w.api.edit(ReplicaSet, 'default', name, (rs) => void (rs.metadata!.ownerReferences = []));
  await w.run(500);
  assert.equal(w.api.all(ReplicaSet)[0]?.metadata?.ownerReferences?.[0]?.name, 'web');
  w.api.edit(ReplicaSet, 'default', name, (rs) => void (rs.metadata!.labels = { app: 'other' }));
  await w.run(500);
  assert.equal(w.api.all(ReplicaSet).find((rs) => rs.metadata?.name === name)?.metadata?.ownerReferences?.length ?? 0, 0);
  await w.stop();
});

test('a lagging cache of ReplicaSets or of Deployments leads to no second ReplicaSet and no lost limit', async () => {
  for (const kind of [ReplicaSet, Deployment] as const) {
    const w = start();
    playKubelet(w);
    await w.api.create(Deployment, deploymentOf());
    await w.run(500);
    if (kind === ReplicaSet) w.api.pause(ReplicaSet);
    await setImage(w, 'app:2');
    if (kind === Deployment) w.api.pause(Deployment);
    for (let i = 0; i < 5; i++) {
      w.api.edit(Deployment, 'default', 'web', (d) => void (d.metadata!.annotations = { ...d.metadata?.annotations, i: String(i) }));
      await w.run(100);
    }
    w.api.resume();
    await rollout(w, { most: 4, leastReady: 3 });
    assert.deepEqual(sizes(w), ['app:1=0', 'app:2=3']);
    await w.stop();
  }
});
