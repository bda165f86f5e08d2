import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi } from '#client';
import { Job, Pod, type V1JobSpec, type V1Pod } from '#kinds';
import { ApiError } from '#machinery';
import { runControllers } from '../manager.ts';
import { isPodActive } from '../pods.ts';
import { isTracked } from './pods.ts';
import { checkStatus, endPod, finishDeletion, jobControllers, jobOf, startPod, theJob } from './testing.ts';

/**
 * Pods die at random, writes are refused at random, the controller is cut off and started again between any
 * two of its writes: every pod that ended while the job watched it is counted once, and never do more run
 * than the job allows.
 */
async function simulate(seed: number, spec: Partial<V1JobSpec>): Promise<void> {
  const clock = new FakeClock();
  const random = seededRandom(seed);
  const api = createFakeApi(clock, random);
  const check = checkStatus({ api });
  const succeeded = new Set<string>();
  const failed = new Set<string>();
  let unrest = false;
  let cutOff = Infinity;
  api.refuse = (write) => {
    const bad = check(write);
    if (write.kind === 'Event') return bad;
    if (--cutOff <= 0) return new ApiError('ServiceUnavailable', 'cut off');
    return bad ?? (unrest && random.next() < 0.1 ? new ApiError('InternalError', 'no luck') : undefined);
  };
  const observer = createClient(api, clock, silentLogger);
  observer.informer(Pod).onChange((pod) => {
    if (!pod) return;
    const uid = pod.metadata?.uid ?? '';
    if (isTracked(pod) && !failed.has(uid) && !succeeded.has(uid)) {
      if (pod.status?.phase === 'Succeeded') succeeded.add(uid);
      else if (pod.status?.phase === 'Failed' || pod.metadata?.deletionTimestamp) failed.add(uid);
    }
    const active = api.all(Pod).filter(isPodActive).length;
    assert.ok(active <= (spec.parallelism ?? 1), `${active} pods run (seed ${seed})`);
  });
  await api.create(Job, jobOf({ backoffLimit: 1000, ...spec }));
  unrest = true;
  const start = () => {
    const client = createClient(api, clock, silentLogger);
    return { client, running: runControllers({ client, clock, random, log: silentLogger, controllers: jobControllers }) };
  };
  let life = start();
  const restart = async (): Promise<void> => {
    cutOff = 0;
    await life.running.stop();
    life.client.close();
    cutOff = Infinity;
    life = start();
  };
  for (let step = 0; step < 150; step++) {
    await disturb(random.next());
    await clock.advance(random.next() * 3000);
  }
  unrest = false;
  for (let step = 0; step < 60 && !(theJob({ api }).status?.conditions ?? []).some((c) => c.type === 'Complete'); step++) {
    cutOff = Infinity;
    await finishDeletion({ api });
    for (const pod of api.all(Pod).filter(isPodActive)) endPod({ api, clock }, pod, 0);
    await clock.advance(700_000);
  }
  const { status } = theJob({ api });
  const told = `seed ${seed}`;
  assert.ok(failed.size > 0, 'there was something to count');
  assert.equal(status?.conditions?.at(-1)?.type, 'Complete', told);
  assert.equal(status?.failed ?? 0, failed.size, told);
  if (spec.completionMode === 'Indexed') assert.equal(status?.completedIndexes, `0-${(spec.completions ?? 0) - 1}`, told);
  else assert.equal(status?.succeeded ?? 0, succeeded.size, told);
  assert.equal(status?.succeeded, spec.completions, told);
  assert.equal(api.all(Pod).some(isTracked), false, told);
  await life.running.stop();
  life.client.close();
  observer.close();

  async function disturb(chance: number): Promise<void> {
    const pods = api.all(Pod).filter(isPodActive);
    const pod = pods[Math.floor(random.next() * pods.length)] as V1Pod | undefined;
    if (chance < 0.06) return restart();
    if (chance < 0.15) cutOff = 1 + Math.floor(random.next() * 4);
    else if (chance < 0.2) {
      if (random.next() < 0.5) api.pause(Pod);
      else api.pause(Job);
      await clock.advance(500);
      api.resume();
    } else if (chance < 0.25) await finishDeletion({ api }).catch(() => undefined);
    else if (pod && chance < 0.35) startPod({ api, clock }, pod);
    else if (pod && chance < 0.45) endPod({ api, clock }, pod, 0);
    else if (pod && chance < 0.65) endPod({ api, clock }, pod, 1);
    else if (pod && chance < 0.7) await api.delete(Pod, { namespace: 'default', name: pod.metadata?.name ?? '' }).catch(() => undefined);
    if (chance > 0.5 && cutOff <= 0) await restart();
  }
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`pods are counted exactly, seed ${seed}`, () => simulate(seed, { completions: 12, parallelism: 4 }));
  test(`indexes are counted exactly, seed ${seed}`, () => simulate(seed, { completions: 10, parallelism: 3, completionMode: 'Indexed' }));
}
