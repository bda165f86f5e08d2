import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTime } from '#base';
import { CronJob, Job, type V1CronJob, type V1CronJobSpec } from '#kinds';
import { ApiError } from '#machinery';
import { createWorld, type World } from '../testing/world.ts';
import { cronJobController } from './cronjob.ts';

const minute = 60_000;
const start = async (spec: Partial<V1CronJobSpec> = {}): Promise<World> => {
  const w = createWorld([cronJobController]);
  await w.run(1);
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'busybox:1' }] } };
  await w.api.create(CronJob, {
    metadata: { name: 'tick', namespace: 'default' },
    spec: { schedule: '* * * * *', jobTemplate: { spec: { template } }, ...spec },
  });
  return w;
};
const theCron = (w: World): V1CronJob => w.api.all(CronJob)[0] as V1CronJob;
const jobNames = (w: World): string[] => w.api.all(Job).map((job) => job.metadata?.name ?? '');
const finish = (w: World, name: string, type: 'Complete' | 'Failed'): void => {
  const now = formatTime(w.clock.now());
  w.api.edit(Job, 'default', name, (job) => {
    job.status = { ...job.status, conditions: [{ type, status: 'True', lastTransitionTime: now }], ...(type === 'Complete' ? { completionTime: now } : {}) };
  });
};
const nameAt = (time: string): string => `tick-${Date.parse(time) / minute}`;

test('a job each minute, listed while it runs, told when it has ended', async () => {
  const w = await start();
  await w.run(minute + 200);
  const first = nameAt('2026-01-01T00:01:00Z');
  assert.deepEqual(jobNames(w), [first]);
  const { status } = theCron(w);
  assert.deepEqual([status?.lastScheduleTime, status?.active?.map((ref) => ref.name)], ['2026-01-01T00:01:00Z', [first]]);
  finish(w, first, 'Complete');
  await w.run();
  assert.deepEqual([theCron(w).status?.active, theCron(w).status?.lastSuccessfulTime], [undefined, '2026-01-01T00:01:00Z']);
  await w.run(minute);
  assert.deepEqual(jobNames(w), [first, nameAt('2026-01-01T00:02:00Z')]);
  assert.deepEqual(w.events(), [
    `SuccessfulCreate: Created job ${first}`,
    `SawCompletedJob: Saw completed job: ${first}, condition: Complete`,
    `SuccessfulCreate: Created job ${nameAt('2026-01-01T00:02:00Z')}`,
  ]);
  await w.stop();
});

test('Forbid waits for the job that runs, Replace removes it, Allow lets both run', async () => {
  for (const [concurrencyPolicy, jobs, active] of [
    ['Forbid', 1, 1],
    ['Replace', 1, 1],
    ['Allow', 3, 3],
  ] as const) {
    const w = await start({ concurrencyPolicy });
    await w.run(3 * minute + 500);
    assert.deepEqual([jobNames(w).length, theCron(w).status?.active?.length], [jobs, active], concurrencyPolicy);
    const expected = concurrencyPolicy === 'Forbid' ? nameAt('2026-01-01T00:01:00Z') : nameAt('2026-01-01T00:03:00Z');
    assert.equal(jobNames(w).at(-1), expected);
    if (concurrencyPolicy === 'Forbid')
      assert.match(w.events().join(), /JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid/);
    if (concurrencyPolicy === 'Replace') assert.match(w.events().join(), /SuccessfulDelete: Deleted job tick-/);
    await w.stop();
  }
});

test('suspended: nothing is started, and when it goes on only the last start is made up for', async () => {
  const w = await start({ suspend: true });
  await w.run(5 * minute + 30_000);
  assert.deepEqual(jobNames(w), []);
  w.api.edit(CronJob, 'default', 'tick', (cron) => Object.assign(cron.spec ?? {}, { suspend: false }));
  await w.run();
  assert.deepEqual(jobNames(w), [nameAt('2026-01-01T00:05:00Z')]);
  await w.stop();
});

test('a deadline: what is too late is not started', async () => {
  const w = await start({ suspend: true, schedule: '*/10 * * * *', startingDeadlineSeconds: 30 });
  await w.run(11 * minute);
  w.api.edit(CronJob, 'default', 'tick', (cron) => Object.assign(cron.spec ?? {}, { suspend: false }));
  await w.run();
  assert.deepEqual(jobNames(w), []);
  await w.run(9 * minute);
  assert.deepEqual(jobNames(w), [nameAt('2026-01-01T00:20:00Z')]);
  await w.stop();
});

test('a changed schedule holds from now on', async () => {
  const w = await start({ schedule: '30 * * * *' });
  await w.run(20 * minute);
  w.api.edit(CronJob, 'default', 'tick', (cron) => Object.assign(cron.spec ?? {}, { schedule: '15,25 * * * *' }));
  await w.run(2 * minute);
  assert.deepEqual(jobNames(w), [], 'a quarter past is over');
  await w.run(4 * minute);
  assert.deepEqual(jobNames(w), [nameAt('2026-01-01T00:25:00Z')]);
  await w.stop();
});

test('of finished jobs so many are kept as the limits say', async () => {
  const w = await start({ successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 0 });
  await w.run();
  for (let i = 0; i < 5; i++) {
    await w.run(minute);
    finish(w, jobNames(w).at(-1) ?? '', i === 3 ? 'Failed' : 'Complete');
  }
  await w.run();
  assert.deepEqual(jobNames(w), [nameAt('2026-01-01T00:03:00Z'), nameAt('2026-01-01T00:05:00Z')]);
  await w.stop();
});

test('a job that vanished is taken from the list; one that nobody noted is told', async () => {
  const w = await start();
  await w.run(minute + 200);
  w.api.drop(Job, 'default', jobNames(w)[0] ?? '');
  await w.run();
  assert.equal(theCron(w).status?.active, undefined);
  assert.match(w.events().join(), /MissingJob: Active job went missing: tick-/);
  const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'tick', uid: theCron(w).metadata?.uid ?? '', controller: true };
  w.api.put(Job, { metadata: { name: 'manual', namespace: 'default', ownerReferences: [owner] }, spec: { template: {} } });
  await w.run();
  assert.match(w.events().join(), /UnexpectedJob: Saw a job that the controller did not create or forgot: manual/);
  await w.stop();
});

test('cut off after the job was made: the next one finds it and notes it', async () => {
  const w = await start();
  w.api.refuse = (write) => (write.subresource === 'status' ? new ApiError('ServiceUnavailable', 'cut off') : undefined);
  await w.run(minute + 200);
  assert.equal(jobNames(w).length, 1);
  assert.equal(theCron(w).status?.active, undefined);
  w.api.refuse = undefined;
  await w.run(20_000);
  assert.deepEqual([jobNames(w).length, theCron(w).status?.active?.length], [1, 1]);
  await w.stop();
});

test('refused jobs are told and tried again; a name that is taken is left alone', async () => {
  const w = await start();
  w.api.put(Job, { metadata: { name: nameAt('2026-01-01T00:01:00Z'), namespace: 'default' }, spec: { template: {} } });
  w.api.refuse = (write) => (write.verb === 'create' && write.kind === 'Job' ? new ApiError('AlreadyExists', 'there is one') : undefined);
  await w.run(minute + 500);
  assert.equal(theCron(w).status?.active, undefined);
  w.api.refuse = (write) => (write.verb === 'create' && write.kind === 'Job' ? new ApiError('Forbidden', 'exceeded quota') : undefined);
  await w.run(minute);
  assert.match(w.events().join(), /FailedCreate: Error creating job: exceeded quota/);
  w.api.refuse = undefined;
  await w.run(30_000);
  assert.equal(theCron(w).status?.active?.length, 1);
  await w.stop();
});

test('more than a hundred missed starts are told', async () => {
  const w = await start({ suspend: true });
  await w.run(200 * minute);
  w.api.edit(CronJob, 'default', 'tick', (cron) => Object.assign(cron.spec ?? {}, { suspend: false }));
  await w.run();
  assert.match(w.events().join(), /TooManyMissedTimes: too many missed start times\. Set or decrease \.spec\.startingDeadlineSeconds or check clock skew/);
  assert.equal(jobNames(w).length, 1);
  await w.stop();
});
