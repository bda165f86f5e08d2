import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployment, Pod, ReplicaSet, type V1Deployment } from '#kinds';
import { cloneObject } from '#machinery';
import { createWorld, deploymentOf, playKubelet, type World } from '../../testing/world.ts';
import { replicaSetController } from '../../replicaset/replicaset.ts';
import { deploymentController } from '../deployment.ts';
import { autoRollbackController } from './auto-rollback.ts';
import { policyOf, recordOf, rollbackAnnotation } from './policy.ts';

const get = (w: World): V1Deployment => w.api.all(Deployment)[0]!;
const image = (w: World): string => get(w).spec?.template.spec?.containers[0]?.image ?? '';
const told = (w: World): string[] => w.events().filter((e) => e.startsWith('AutoRollback'));
function change(w: World, edit: (d: V1Deployment) => void): Promise<unknown> {
  const next = cloneObject(get(w));
  edit(next);
  return w.api.update(Deployment, next);
}
const setImage = (w: World, to: string): Promise<unknown> => change(w, (d) => void (d.spec!.template.spec!.containers[0]!.image = to));

/** A Deployment of app:1 that is rolled out; images that begin with bad never become ready. */
async function start(annotations: Record<string, string>, spec: Partial<NonNullable<V1Deployment['spec']>> = {}): Promise<World> {
  const w = createWorld([deploymentController, replicaSetController, autoRollbackController]);
  playKubelet(w, { ready: (pod) => pod.spec?.containers[0]?.image?.startsWith('bad') !== true });
  const d = deploymentOf({ progressDeadlineSeconds: 60, ...spec });
  d.metadata!.annotations = annotations;
  await w.api.create(Deployment, d);
  await w.run(1000);
  return w;
}
/** All pods of an image crash: they are down after so many restarts. */
function crash(w: World, of: string, restarts: number): void {
  for (const pod of w.api.all(Pod).filter((p) => p.spec?.containers[0]?.image === of))
    w.api.edit(Pod, 'default', pod.metadata?.name ?? '', (p) => {
      const state = { waiting: { reason: 'CrashLoopBackOff' } };
      const lastState = { terminated: { exitCode: 7 } };
      p.status!.containerStatuses = [{ name: 'app', image: of, imageID: '', ready: false, restartCount: restarts, state, lastState }];
      p.status!.conditions![0]!.status = 'False';
    });
}

test('a rollout that misses its deadline goes back to the last revision that was complete, and says why', async () => {
  const w = await start({ [rollbackAnnotation.policy]: 'true' });
  await setImage(w, 'app:2');
  await w.run(1000);
  await setImage(w, 'bad:1');
  await w.run(30_000);
  assert.equal(image(w), 'bad:1');
  await w.run(60_000);
  assert.equal(image(w), 'app:2');
  assert.equal(told(w).length, 1);
  assert.match(
    told(w)[0]!,
    /^AutoRollback: Rolled back to revision 2, because revision 3 failed: ReplicaSet "web-\w+" has timed out progressing \(web-\w+-\w+: not ready\)$/,
  );
  assert.equal(recordOf(get(w))?.toRevision, 2);
  assert.equal(get(w).metadata?.annotations?.['deployment.kubernetes.io/revision'], '4');
  assert.equal(get(w).status?.availableReplicas, 3);
  w.api.writes.length = 0;
  await w.run(600_000);
  assert.deepEqual(w.api.writes, []);
  await w.stop();
});

test('what failed and is applied again is left alone; something else is tried anew', async () => {
  const w = await start({ [rollbackAnnotation.policy]: 'progress' });
  await setImage(w, 'bad:1');
  await w.run(100_000);
  assert.equal(image(w), 'app:1');
  await setImage(w, 'bad:1');
  await w.run(600_000);
  assert.equal(image(w), 'bad:1');
  assert.equal(told(w).length, 2);
  assert.match(told(w)[1]!, /^AutoRollbackSkipped: Not rolled back, because this template was rolled back before and was applied again: /);
  await setImage(w, 'bad:2');
  await w.run(100_000);
  assert.equal(image(w), 'app:1', 'another template that fails is rolled back');
  await setImage(w, 'app:2');
  await w.run(10_000);
  assert.equal(recordOf(get(w)), undefined, 'a rollout that succeeds ends the matter');
  await setImage(w, 'bad:1');
  await w.run(100_000);
  assert.equal(image(w), 'app:2');
  await w.stop();
});

test('crash: pods that keep crashing are enough, before the deadline and shortly after the rollout', async () => {
  const w = await start({ [rollbackAnnotation.policy]: 'progress,crash', [rollbackAnnotation.restarts]: '2' });
  await w.run(130_000);
  await setImage(w, 'app:2');
  await w.run(5000);
  assert.equal(get(w).status?.conditions?.find((c) => c.type === 'Progressing')?.reason, 'NewReplicaSetAvailable');
  crash(w, 'app:2', 1);
  await w.run(1000);
  assert.equal(image(w), 'app:2');
  crash(w, 'app:2', 2);
  await w.run(5000);
  assert.equal(image(w), 'app:1');
  assert.match(told(w)[0]!, /keep crashing \(web-\w+-\w+: CrashLoopBackOff \(2 restarts, exit code 7\), .*/);
  await setImage(w, 'app:3');
  await w.run(130_000);
  crash(w, 'app:3', 5);
  await w.run(5000);
  assert.equal(image(w), 'app:3', 'what ran well for long is not given up');
  await w.stop();
});

test('nothing is done without the annotation, while paused, or when there is nothing to go back to', async () => {
  const off = await start({});
  await setImage(off, 'bad:1');
  await off.run(200_000);
  assert.deepEqual([image(off), told(off)], ['bad:1', []]);
  await off.stop();

  const paused = await start({ [rollbackAnnotation.policy]: 'true' });
  await setImage(paused, 'bad:1');
  await paused.run(5000);
  await change(paused, (d) => void (d.spec!.paused = true));
  await paused.run(200_000);
  assert.deepEqual([image(paused), told(paused)], ['bad:1', []]);
  await paused.stop();

  const first = await start({ [rollbackAnnotation.policy]: 'true' }, { template: deploymentOf({}, 'bad:1').spec!.template });
  await first.run(200_000);
  assert.equal(image(first), 'bad:1');
  assert.deepEqual(
    told(first).map((e) => e.split(':')[0]),
    ['AutoRollbackImpossible'],
  );
  await first.stop();
});

test('an annotation that comes with the change that fails still finds its way back', async () => {
  const w = await start({});
  await change(w, (d) => {
    d.metadata!.annotations = { [rollbackAnnotation.policy]: 'true' };
    d.spec!.template.spec!.containers[0]!.image = 'bad:1';
  });
  await w.run(100_000);
  assert.equal(image(w), 'app:1');
  await w.stop();
});

test('what was gone back to is not judged by the failure of what was left', async () => {
  const w = await start({});
  // Its pods become unready with the change, so that going back does not complete at once.
  await change(w, (d) => {
    d.metadata!.annotations = { [rollbackAnnotation.policy]: 'true' };
    d.spec!.template.spec!.containers[0]!.image = 'bad:1';
  });
  await w.run(50_000);
  const old = w.api.all(Pod).filter((p) => p.spec?.containers[0]?.image === 'app:1');
  for (const pod of old.slice(1)) w.api.edit(Pod, 'default', pod.metadata?.name ?? '', (p) => void (p.status!.conditions![0]!.status = 'False'));
  await w.run(300_000);
  assert.equal(image(w), 'app:1');
  assert.deepEqual(
    told(w).map((e) => e.split(':')[0]),
    ['AutoRollback'],
  );
  await w.stop();
});

test('a Recreate deployment goes back too, once it was complete', async () => {
  const w = await start({ [rollbackAnnotation.policy]: 'true' }, { strategy: { type: 'Recreate' } });
  await setImage(w, 'bad:1');
  await w.run(100_000);
  assert.equal(image(w), 'app:1');
  assert.equal(get(w).status?.availableReplicas, 3);
  assert.equal(w.api.all(ReplicaSet).length, 2);
  await w.stop();
});

test('annotations that cannot be understood are told and do nothing', async () => {
  const w = await start({ [rollbackAnnotation.policy]: 'progress,often' });
  assert.deepEqual(told(w), ['AutoRollbackInvalid: batuta.dev/auto-rollback: "often" is none of true, false, progress, crash']);
  const wrong = (annotations: Record<string, string>): unknown =>
    policyOf({ metadata: { annotations: { [rollbackAnnotation.policy]: 'crash', ...annotations } } });
  assert.ok(wrong({ [rollbackAnnotation.restarts]: '0' }) instanceof Error);
  assert.ok(wrong({ [rollbackAnnotation.window]: 'long' }) instanceof Error);
  assert.equal(policyOf({ metadata: { annotations: { [rollbackAnnotation.policy]: 'false' } } }), undefined);
  await w.stop();
});
