import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base';
import { Deployment, Pod, ReplicaSet, type V1Deployment, type V1Pod } from '#kinds';
import { ApiError, cloneObject } from '#machinery';
import { garbageCollector } from '../gc/garbage-collector.ts';
import { isPodActive, isPodReady } from '../pods.ts';
import { replicaSetController } from '../replicaset/replicaset.ts';
import { createWorld, deploymentOf, playKubelet, type World } from '../testing/world.ts';
import { deploymentController } from './deployment.ts';

const steps = 40;

function change(w: World, edit: (d: V1Deployment) => void): Promise<unknown> {
  const next = cloneObject(w.api.all(Deployment)[0]!);
  edit(next);
  return w.api.update(Deployment, next);
}
const container = (d: V1Deployment): { image?: string } => d.spec!.template.spec!.containers[0]!;

/** Random life of one Deployment: what may happen at any moment, in any order. */
async function live(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const pick = (n: number): number => Math.floor(random.next() * n);
  const w = createWorld([deploymentController, replicaSetController, garbageCollector]);
  playKubelet(w, { latencyMs: 7 });
  await w.api.create(
    Deployment,
    deploymentOf({ replicas: 4, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } }, revisionHistoryLimit: 2 }),
  );
  const actions: (() => unknown)[] = [
    () => change(w, (d) => void (container(d).image = `app:${pick(4)}`)),
    () => change(w, (d) => void (d.spec!.replicas = pick(8))),
    () => change(w, (d) => void (d.spec!.paused = !d.spec!.paused)),
    () =>
      change(
        w,
        (d) =>
          void (d.spec!.strategy = pick(3) === 0 ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate: { maxSurge: pick(3), maxUnavailable: 1 } }),
      ),
    () => someone(w.api.all(Pod), (p) => w.api.drop(Pod, 'default', p.metadata?.name ?? '')),
    () =>
      someone(
        w.api.all(Pod).filter((p) => p.status?.phase === 'Running'),
        (p) => w.api.edit(Pod, 'default', p.metadata?.name ?? '', (x) => void (x.status!.phase = 'Failed')),
      ),
    () => w.api.pause(),
    () => w.api.pause(Pod),
    () => w.api.pause(ReplicaSet),
    () => w.api.resume(),
    () => w.api.resume(),
    () => void (w.api.refuse = () => (pick(4) === 0 ? new ApiError('InternalError', 'not now') : undefined)),
    () => void (w.api.refuse = undefined),
  ];
  const someone = (pods: V1Pod[], act: (pod: V1Pod) => unknown): unknown => (pods.length > 0 ? act(pods[pick(pods.length)]!) : undefined);
  for (let i = 0; i < steps; i++) {
    try {
      await actions[pick(actions.length)]!();
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
    }
    await w.run(pick(60));
  }
  w.api.refuse = undefined;
  w.api.resume();
  await change(w, (d) => void (d.spec!.paused = false));
  await w.run(300_000);
  check(w, seed);
  w.api.writes.length = 0;
  await w.run(60_000);
  assert.deepEqual(w.api.writes, [], `seed ${seed}: settled means no more writes`);
  await w.stop();
}

function check(w: World, seed: number): void {
  const d = w.api.all(Deployment)[0]!;
  const active = w.api.all(Pod).filter(isPodActive);
  const where = `seed ${seed}`;
  assert.equal(active.length, d.spec?.replicas, where);
  assert.ok(
    active.every((p) => isPodReady(p) && p.spec?.containers[0]?.image === container(d).image),
    where,
  );
  assert.equal(w.api.all(ReplicaSet).filter((rs) => (rs.spec?.replicas ?? 0) > 0).length, d.spec?.replicas === 0 ? 0 : 1, where);
  assert.ok(w.api.all(ReplicaSet).length <= 3, `${where}: history is kept within its limit`);
  const images = w.api.all(ReplicaSet).map((rs) => rs.spec?.template?.spec?.containers[0]?.image);
  assert.equal(new Set(images).size, images.length, `${where}: one ReplicaSet per template`);
  assert.deepEqual(
    [d.status?.replicas ?? 0, d.status?.availableReplicas ?? 0, d.status?.observedGeneration],
    [d.spec?.replicas, d.spec?.replicas, d.metadata?.generation],
    where,
  );
}

for (let seed = 1; seed <= 10; seed++) test(`a random life of a Deployment ends where it should, seed ${seed}`, () => live(seed));
