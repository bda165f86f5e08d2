import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Job, Pod, type V1Pod } from '#kinds';
import { ApiError } from '#machinery';
import { isTracked } from './pods.ts';
import { checkStatus, conditionsOf, countsOf, endPod, finishDeletion, jobOf, jobWorld, livePods, onFailure, startPod, theJob } from './testing.ts';

const indexes = (pods: readonly V1Pod[]): string[] => pods.map((p) => p.metadata?.annotations?.['batch.kubernetes.io/job-completion-index'] ?? '').sort();
const byIndex = (pods: readonly V1Pod[], index: number): V1Pod =>
  pods.find((p) => p.metadata?.annotations?.['batch.kubernetes.io/job-completion-index'] === String(index)) as V1Pod;

test('a job of one pod: made with a finalizer, counted, let go, complete', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf());
  await w.run();
  const [pod] = w.api.all(Pod);
  assert.deepEqual(pod?.metadata?.finalizers, ['batch.kubernetes.io/job-tracking']);
  assert.match(pod?.metadata?.name ?? '', /^work-[a-z0-9]{5}$/);
  assert.equal(pod?.metadata?.labels?.['batch.kubernetes.io/job-name'], 'work');
  assert.equal(pod?.metadata?.ownerReferences?.[0]?.blockOwnerDeletion, true);
  const { startTime, ...status } = theJob(w).status ?? {};
  assert.deepEqual(status, { active: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
  assert.ok(startTime);
  startPod(w, pod as V1Pod);
  await w.run();
  assert.deepEqual(countsOf(theJob(w)), [1, 1, 0, 0, 0]);
  w.api.writes.length = 0;
  endPod(w, pod as V1Pod, 0);
  await w.run();
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 1, 0]);
  assert.deepEqual(conditionsOf(theJob(w)), ['SuccessCriteriaMet/CompletionsReached', 'Complete/CompletionsReached']);
  assert.ok(theJob(w).status?.completionTime);
  assert.equal(w.api.all(Pod).some(isTracked), false);
  assert.deepEqual(
    w.api.writes.filter((x) => x.kind !== 'Event').map((x) => `${x.verb} ${x.kind}`),
    ['update Job', 'patch Pod', 'update Job'],
    'counted first, then let go',
  );
  assert.deepEqual(w.events(), [`SuccessfulCreate: Created pod: ${pod?.metadata?.name ?? ''}`, 'Completed: Job completed']);
  w.api.writes.length = 0;
  await w.run(60_000);
  assert.deepEqual(w.api.writes, [], 'settled means no more writes');
  await w.stop();
});

test('parallelism bounds what runs, completions what is wanted', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ completions: 5, parallelism: 2 }));
  for (let i = 0; i < 5; i++) {
    await w.run();
    assert.ok(livePods(w).length <= 2);
    endPod(w, livePods(w)[0] as V1Pod, 0);
  }
  await w.run();
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 5, 0]);
  assert.equal(w.api.all(Pod).length, 5);
  await w.stop();
});

test('without completions one success ends the work; what runs is left to finish', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ parallelism: 3 }));
  await w.run();
  const [a, b, c] = livePods(w) as [V1Pod, V1Pod, V1Pod];
  endPod(w, a, 0);
  await w.run(60_000);
  assert.deepEqual(countsOf(theJob(w)), [2, 0, 0, 1, 0]);
  endPod(w, b, 1);
  endPod(w, c, 0);
  await w.run(60_000);
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 2, 1]);
  assert.deepEqual(conditionsOf(theJob(w)).at(-1), 'Complete/CompletionsReached');
  await w.stop();
});

test('failed pods are replaced after 10 s, 20 s …, until the limit', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ backoffLimit: 2 }));
  const waits: number[] = [];
  for (let i = 0; i < 3; i++) {
    let waited = 0;
    for (; livePods(w).length === 0; waited++) await w.run(1000);
    waits.push(waited);
    endPod(w, livePods(w)[0] as V1Pod, 1);
    await w.run(1);
  }
  assert.deepEqual(waits, [1, 10, 20]);
  await w.run(1000);
  assert.deepEqual(conditionsOf(theJob(w)), ['FailureTarget/BackoffLimitExceeded', 'Failed/BackoffLimitExceeded']);
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 0, 3]);
  assert.equal(w.events().at(-1), 'BackoffLimitExceeded: Job has reached the specified backoff limit');
  await w.stop();
});

test('restarts in place count against the limit with OnFailure', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ backoffLimit: 2, ...onFailure }));
  await w.run();
  const [pod] = livePods(w) as [V1Pod];
  startPod(w, pod);
  w.api.edit(Pod, 'default', pod.metadata?.name ?? '', (p) => {
    p.status = { ...p.status, containerStatuses: [{ name: 'app', image: '', imageID: '', ready: true, restartCount: 2, state: {} }] };
  });
  await w.run();
  assert.deepEqual(conditionsOf(theJob(w)), ['FailureTarget/BackoffLimitExceeded']);
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 1, 0, 1], 'the pod is counted, and still ending');
  await finishDeletion(w);
  await w.run();
  assert.deepEqual(conditionsOf(theJob(w)).at(-1), 'Failed/BackoffLimitExceeded');
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 0, 1]);
  await w.stop();
});

test('an Indexed job: names, hostnames, variables; a failed index is tried again; what is done is told as ranges', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ completions: 4, parallelism: 4, completionMode: 'Indexed' }));
  await w.run();
  assert.deepEqual(indexes(livePods(w)), ['0', '1', '2', '3']);
  const pod = byIndex(livePods(w), 2);
  assert.match(pod.metadata?.name ?? '', /^work-2-[a-z0-9]{5}$/);
  assert.equal(pod.spec?.hostname, 'work-2');
  assert.equal(pod.metadata?.labels?.['batch.kubernetes.io/job-completion-index'], '2');
  assert.deepEqual(pod.spec?.containers[0]?.env, [
    {
      name: 'JOB_COMPLETION_INDEX',
      valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } },
    },
  ]);
  for (const i of [0, 1, 3]) endPod(w, byIndex(livePods(w), i), 0);
  endPod(w, pod, 1);
  await w.run();
  assert.equal(theJob(w).status?.completedIndexes, '0,1,3');
  assert.equal(livePods(w).length, 0);
  await w.run(11_000);
  assert.deepEqual(indexes(livePods(w)), ['2']);
  endPod(w, livePods(w)[0] as V1Pod, 0);
  await w.run();
  assert.equal(theJob(w).status?.completedIndexes, '0-3');
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 4, 1]);
  assert.deepEqual(conditionsOf(theJob(w)).at(-1), 'Complete/CompletionsReached');
  await w.stop();
});

test('an elastic Indexed job shrinks and grows', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ completions: 3, parallelism: 3, completionMode: 'Indexed' }));
  await w.run();
  const resize = (n: number): void => void w.api.edit(Job, 'default', 'work', (job) => Object.assign(job.spec ?? {}, { completions: n, parallelism: n }));
  resize(1);
  await w.run();
  assert.deepEqual(indexes(livePods(w)), ['0']);
  assert.equal(theJob(w).status?.failed, undefined, 'what the job takes back is no failure');
  resize(4);
  await w.run();
  assert.deepEqual(indexes(livePods(w)), ['0', '1', '2', '3']);
  await w.stop();
});

test('limits per index: an index that fails too often is given up, the others go on', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ completions: 2, parallelism: 2, completionMode: 'Indexed', backoffLimitPerIndex: 1, backoffLimit: 100 }));
  await w.run();
  assert.equal(byIndex(livePods(w), 0).metadata?.annotations?.['batch.kubernetes.io/job-index-failure-count'], '0');
  endPod(w, byIndex(livePods(w), 0), 1);
  await w.run();
  assert.deepEqual(countsOf(theJob(w)).slice(3), [0, 0], 'kept until its successor carries on the count');
  await w.run(11_000);
  const second = byIndex(livePods(w), 0);
  assert.equal(second.metadata?.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
  endPod(w, second, 1);
  await w.run();
  assert.equal(theJob(w).status?.failedIndexes, '0');
  assert.deepEqual(conditionsOf(theJob(w)), []);
  endPod(w, byIndex(livePods(w), 1), 0);
  await w.run();
  assert.deepEqual(conditionsOf(theJob(w)), ['FailureTarget/FailedIndexes', 'Failed/FailedIndexes']);
  assert.deepEqual([theJob(w).status?.failedIndexes, theJob(w).status?.completedIndexes], ['0', '1']);
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 1, 2]);
  await w.stop();
});

test('too many failed indexes end the job and what still runs', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 0, maxFailedIndexes: 1 }));
  await w.run();
  for (const i of [0, 2]) endPod(w, byIndex(livePods(w), i), 1);
  await w.run();
  await finishDeletion(w);
  await w.run();
  assert.deepEqual(conditionsOf(theJob(w)), ['FailureTarget/MaxFailedIndexesExceeded', 'Failed/MaxFailedIndexesExceeded']);
  assert.deepEqual([theJob(w).status?.failedIndexes, ...countsOf(theJob(w))], ['0,2', 0, 0, 0, 0, 3]);
  await w.stop();
});

const rule = (action: string, code: number): object => ({ action, onExitCodes: { operator: 'In', values: [code] } });
test('pod failure policy: ignore, fail the index, count, fail the job', async () => {
  const w = jobWorld();
  const rules = [
    rule('Ignore', 10),
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    rule('FailIndex', 20),
    rule('FailJob', 30),
  ] as never;
  await w.api.create(
    Job,
    jobOf({ completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 5, backoffLimit: 1, podFailurePolicy: { rules } }),
  );
  await w.run();
  endPod(w, byIndex(livePods(w), 0), 10);
  endPod(w, byIndex(livePods(w), 1), 1, ['DisruptionTarget']);
  endPod(w, byIndex(livePods(w), 2), 20);
  await w.run(11_000);
  assert.equal(theJob(w).status?.failedIndexes, '2');
  assert.deepEqual(indexes(livePods(w)), ['0', '1']);
  assert.equal(byIndex(livePods(w), 0).metadata?.annotations?.['batch.kubernetes.io/job-index-ignored-failure-count'], '1');
  assert.deepEqual(countsOf(theJob(w)).slice(3), [0, 1]);
  const last = byIndex(livePods(w), 1);
  endPod(w, last, 30);
  await w.run();
  await finishDeletion(w);
  await w.run();
  const condition = theJob(w).status?.conditions?.find((c) => c.type === 'FailureTarget');
  assert.equal(
    `${condition?.reason ?? ''}: ${condition?.message ?? ''}`,
    `PodFailurePolicy: Container app for pod default/${last.metadata?.name ?? ''} failed with exit code 30 matching FailJob rule at index 3`,
  );
  await w.stop();
});

test('a condition that fails the job is named', async () => {
  const w = jobWorld();
  const rules = [{ action: 'FailJob', onPodConditions: [{ type: 'ConfigIssue', status: 'True' }] }];
  await w.api.create(Job, jobOf({ podFailurePolicy: { rules } }));
  await w.run();
  const [pod] = livePods(w) as [V1Pod];
  endPod(w, pod, 1, ['ConfigIssue']);
  await w.run();
  assert.equal(
    theJob(w).status?.conditions?.at(-1)?.message,
    `Pod default/${pod.metadata?.name ?? ''} has condition ConfigIssue matching FailJob rule at index 0`,
  );
  await w.stop();
});

test('success policy: the rest is stopped, and is no failure', async () => {
  const w = jobWorld();
  const successPolicy = { rules: [{ succeededIndexes: '0,2', succeededCount: 1 }] };
  await w.api.create(Job, jobOf({ completions: 3, parallelism: 3, completionMode: 'Indexed', successPolicy }));
  await w.run();
  for (const pod of livePods(w)) startPod(w, pod);
  endPod(w, byIndex(livePods(w), 1), 0);
  await w.run();
  assert.deepEqual(conditionsOf(theJob(w)), []);
  endPod(w, byIndex(livePods(w), 2), 0);
  await w.run();
  assert.deepEqual(conditionsOf(theJob(w)), ['SuccessCriteriaMet/SuccessPolicy']);
  assert.equal(theJob(w).status?.conditions?.[0]?.message, 'Matched rules at index 0');
  await finishDeletion(w);
  await w.run();
  assert.deepEqual(conditionsOf(theJob(w)).at(-1), 'Complete/SuccessPolicy');
  assert.deepEqual([theJob(w).status?.completedIndexes, ...countsOf(theJob(w))], ['1,2', 0, 0, 0, 2, 0]);
  await w.stop();
});

test('suspend stops the pods without counting them; resume starts the clock anew', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ suspend: true, activeDeadlineSeconds: 100 }));
  await w.run();
  assert.equal(theJob(w).status?.startTime, undefined);
  assert.deepEqual(conditionsOf(theJob(w)), ['Suspended/JobSuspended']);
  const suspend = (on: boolean): void => void w.api.edit(Job, 'default', 'work', (job) => Object.assign(job.spec ?? {}, { suspend: on }));
  suspend(false);
  await w.run();
  const first = theJob(w).status?.startTime;
  assert.ok(first);
  assert.equal(livePods(w).length, 1);
  startPod(w, livePods(w)[0] as V1Pod);
  await w.run(50_000);
  suspend(true);
  await w.run();
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 1, 0, 0]);
  await finishDeletion(w);
  await w.run(90_000);
  assert.deepEqual(conditionsOf(theJob(w)), ['Suspended/JobSuspended'], 'no deadline while it is suspended');
  suspend(false);
  await w.run();
  assert.ok(Date.parse(theJob(w).status?.startTime ?? '') > Date.parse(first) + 100_000);
  await w.run(99_000);
  assert.deepEqual(conditionsOf(theJob(w)), []);
  await w.run(2_000);
  assert.deepEqual(conditionsOf(theJob(w)), ['FailureTarget/DeadlineExceeded', 'Failed/DeadlineExceeded']);
  assert.deepEqual(w.events().filter((e) => /Job (suspended|resumed)/.test(e)).length, 2, 'repeats are counted on one Event');
  await w.stop();
});

test('podReplacementPolicy Failed waits for the end of a deleted pod', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ podReplacementPolicy: 'Failed' }));
  await w.run();
  const [pod] = livePods(w) as [V1Pod];
  startPod(w, pod);
  await w.api.delete(Pod, { namespace: 'default', name: pod.metadata?.name ?? '' });
  await w.run(30_000);
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 1, 0, 0]);
  assert.equal(w.api.all(Pod).length, 1);
  endPod(w, pod, 137);
  await w.run(11_000);
  assert.deepEqual(countsOf(theJob(w)), [1, 0, 0, 0, 1]);
  await w.stop();
});

test('by default a deleted pod is replaced while it is still ending', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf());
  await w.run();
  const [pod] = livePods(w) as [V1Pod];
  startPod(w, pod);
  await w.api.delete(Pod, { namespace: 'default', name: pod.metadata?.name ?? '' });
  await w.run(45_000);
  assert.deepEqual(countsOf(theJob(w)), [1, 0, 1, 0, 1]);
  assert.equal(w.api.all(Pod).length, 2);
  await w.stop();
});

test('jobs of another manager are left alone', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ managedBy: 'example.com/queue' }));
  await w.run();
  assert.deepEqual([w.api.all(Pod).length, theJob(w).status], [0, {}]);
  await w.stop();
});

test('adoption gives the finalizer, release takes it', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf());
  await w.run();
  const name = livePods(w)[0]?.metadata?.name ?? '';
  const labels = { ...livePods(w)[0]?.metadata?.labels };
  w.api.edit(Pod, 'default', name, (p) => void (p.metadata = { ...p.metadata, labels: {} }));
  await w.run();
  const released = w.api.all(Pod).find((p) => p.metadata?.name === name);
  assert.deepEqual([released?.metadata?.ownerReferences, released?.metadata?.finalizers], [undefined, undefined]);
  const [other] = livePods(w).filter((p) => p.metadata?.name !== name) as [V1Pod];
  w.api.drop(Pod, 'default', other.metadata?.name ?? '');
  w.api.edit(Pod, 'default', name, (p) => void (p.metadata = { ...p.metadata, labels }));
  await w.run();
  const adopted = w.api.all(Pod).find((p) => p.metadata?.name === name);
  assert.deepEqual([adopted?.metadata?.ownerReferences?.length, adopted?.metadata?.finalizers], [1, ['batch.kubernetes.io/job-tracking']]);
  await w.stop();
});

test('pods whose job is gone are let go', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf());
  await w.run();
  w.api.drop(Job, 'default', 'work');
  await w.run();
  assert.equal(w.api.all(Pod).some(isTracked), false);
  await w.stop();
});

test('a job that is being deleted makes no pods and lets go of those it has', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ parallelism: 2, completions: 4 }));
  await w.run();
  await w.api.delete(Job, { namespace: 'default', name: 'work' }, { propagationPolicy: 'Foreground' });
  await w.run();
  assert.equal(w.api.all(Pod).some(isTracked), false);
  endPod(w, livePods(w)[0] as V1Pod, 0);
  await w.run(60_000);
  assert.equal(w.api.all(Pod).length, 2);
  await w.stop();
});

test('finished jobs go when their time is over', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ ttlSecondsAfterFinished: 100 }));
  await w.run();
  endPod(w, livePods(w)[0] as V1Pod, 0);
  await w.run(90_000);
  w.api.edit(Job, 'default', 'work', (job) => Object.assign(job.spec ?? {}, { ttlSecondsAfterFinished: 200 }));
  await w.run(20_000);
  assert.equal(theJob(w).metadata?.deletionTimestamp, undefined, 'the time was changed');
  await w.run(95_000);
  assert.ok(theJob(w).metadata?.deletionTimestamp);
  assert.deepEqual(theJob(w).metadata?.finalizers, ['foregroundDeletion']);
  await w.stop();
});

test('refused pods are told, and tried again', async () => {
  const w = jobWorld();
  const check = checkStatus(w);
  w.api.refuse = (write) => (write.verb === 'create' && write.kind === 'Pod' ? new ApiError('Forbidden', 'exceeded quota: small') : check(write));
  await w.api.create(Job, jobOf());
  await w.run();
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 0, 0]);
  assert.match(w.events().join(), /FailedCreate: Error creating: exceeded quota: small/);
  w.api.refuse = check;
  await w.run(60_000);
  assert.equal(livePods(w).length, 1);
  await w.stop();
});

test('a cache that lags makes no pod twice and counts none twice', async () => {
  const w = jobWorld();
  await w.api.create(Job, jobOf({ completions: 3, parallelism: 3 }));
  await w.run(0);
  w.api.pause(Pod);
  w.api.edit(Job, 'default', 'work', (job) => Object.assign(job.spec ?? {}, { parallelism: 2 }));
  await w.run(1000);
  w.api.resume();
  await w.run();
  assert.ok(livePods(w).length <= 3);
  for (const pod of livePods(w)) endPod(w, pod, 0);
  await w.run(10);
  w.api.pause();
  await w.run(1000);
  w.api.resume();
  await w.run();
  for (const pod of livePods(w)) endPod(w, pod, 0);
  await w.run(1000);
  assert.deepEqual(countsOf(theJob(w)), [0, 0, 0, 3, 0]);
  await w.stop();
});
