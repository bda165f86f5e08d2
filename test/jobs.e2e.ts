import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';

type Fields = Record<string, unknown>;
interface JobObject {
  metadata: { name: string; uid: string; ownerReferences?: { kind: string; name: string }[]; annotations?: Record<string, string> };
  status: {
    active?: number;
    succeeded?: number;
    failed?: number;
    terminating?: number;
    completedIndexes?: string;
    failedIndexes?: string;
    uncountedTerminatedPods?: Fields;
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
}
interface PodObject {
  metadata: { name: string; finalizers?: string[]; annotations: Record<string, string>; labels: Record<string, string> };
  status: { phase: string };
}

const job = (name: string, spec: Fields, annotations: Fields = {}): Fields => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  spec: { ...spec, template: { metadata: { annotations }, spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'hello:1' }] } } },
});
/** How the pods of a simulated node end. */
const ends = (exitCode: number, after = '100ms'): Fields => ({ 'batuta.dev/sim-exit-after': after, 'batuta.dev/sim-exit-code': String(exitCode) });

describe('jobs on simulated nodes', { concurrency: 4 }, () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '2', '--nodes', '0');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const apply = (object: Fields): Promise<string> => my.cluster.apply(JSON.stringify(object));
  const get = (name: string): Promise<JobObject> => my.cluster.json<JobObject>('get', 'job', name);
  const podsOf = async (name: string): Promise<PodObject[]> =>
    (await my.cluster.json<{ items: PodObject[] }>('get', 'pods', '-l', `batch.kubernetes.io/job-name=${name}`)).items;
  const until = (name: string, test: (job: JobObject) => unknown): Promise<JobObject> =>
    eventually(`job ${name}`, async () => {
      const found = await get(name);
      return test(found) ? found : undefined;
    });
  const held = (found: JobObject): string[] => (found.status.conditions ?? []).filter((c) => c.status === 'True').map((c) => `${c.type}/${c.reason}`);

  test('a job completes; kubectl waits for it, and prints it', async () => {
    await apply(job('plain', { completions: 5, parallelism: 3 }, ends(0)));
    await k('wait', '--for=condition=complete', 'job/plain', '--timeout=120s');
    const { status } = await get('plain');
    assert.deepEqual([status.succeeded, status.active, status.terminating, status.uncountedTerminatedPods], [5, undefined, 0, {}]);
    assert.match(await k('get', 'job', 'plain'), /^plain +Complete +5\/5 +\d+s +\d+s$/m);
    const pods = await podsOf('plain');
    assert.deepEqual([pods.length, pods.some((pod) => pod.metadata.finalizers)], [5, false]);
    const text = await k('describe', 'job', 'plain');
    assert.match(text, /Pods Statuses: +0 Active \(0 Ready\) \/ 5 Succeeded \/ 0 Failed/);
    assert.match(text, /Normal +Completed .*job-controller +Job completed/);
    await k('delete', 'job', 'plain');
    await eventually('the pods are gone', async () => (await podsOf('plain')).length === 0);
  });

  test('an Indexed job with a limit per index fails for the index that fails', async () => {
    const spec = { completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 0 };
    await apply(job('indexed', spec, { 'batuta.dev/sim-exit-after': '15s' }));
    const pods = await eventually('three pods run', async () => {
      const found = await podsOf('indexed');
      return found.length === 3 && found.every((pod) => pod.status.phase === 'Running') && found;
    });
    assert.deepEqual(pods.map((pod) => pod.metadata.labels['batch.kubernetes.io/job-completion-index']).sort(), ['0', '1', '2']);
    await k('delete', 'pod', pods.find((pod) => pod.metadata.name.startsWith('indexed-1-'))?.metadata.name ?? '', '--wait=false');
    const done = await until('indexed', (found) => held(found).includes('Failed/FailedIndexes'));
    assert.deepEqual([done.status.failedIndexes, done.status.completedIndexes, done.status.failed], ['1', '0,2', 1]);
  });

  test('a job that fails too often says so', async () => {
    await apply(job('hopeless', { backoffLimit: 0 }, ends(3)));
    const done = await until('hopeless', (found) => held(found).some((c) => c.startsWith('Failed/')));
    assert.deepEqual(held(done), ['FailureTarget/BackoffLimitExceeded', 'Failed/BackoffLimitExceeded']);
    assert.match(
      await k('get', 'events', '--field-selector', 'involvedObject.name=hopeless'),
      /Warning +BackoffLimitExceeded +job\/hopeless +Job has reached the specified backoff limit/,
    );
  });

  test('a failure policy looks at the exit code', async () => {
    const rules = [{ action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'In', values: [42] } }];
    await apply(job('policy', { backoffLimit: 6, podFailurePolicy: { rules } }, ends(42)));
    const done = await until('policy', (found) => held(found).some((c) => c.startsWith('Failed/')));
    const [pod] = await podsOf('policy');
    assert.equal(
      done.status.conditions?.find((c) => c.type === 'Failed')?.message,
      `Container main for pod default/${pod?.metadata.name ?? ''} failed with exit code 42 matching FailJob rule at index 0`,
    );
  });

  test('suspended, resumed, out of time', async () => {
    await apply(job('pause', { suspend: true, activeDeadlineSeconds: 3 }));
    await until('pause', (found) => held(found).includes('Suspended/JobSuspended'));
    assert.match(await k('get', 'job', 'pause'), /^pause +Suspended +0\/1 /m);
    await k('patch', 'job', 'pause', '-p', '{"spec":{"suspend":false}}');
    await until('pause', (found) => found.status.active === 1);
    const done = await until('pause', (found) => held(found).includes('Failed/DeadlineExceeded'));
    assert.equal(done.status.conditions?.at(-1)?.message, 'Job was active longer than specified deadline');
  });

  test('the status of a suspended job is its manager’s to write', async () => {
    await apply(job('managed', { suspend: true, managedBy: 'example.com/queue' }));
    const startTime = '2026-01-01T00:00:00Z';
    await k('patch', 'job', 'managed', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status: { startTime } }));
    await k('patch', 'job', 'managed', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status: { startTime: '2026-01-01T00:00:01Z' } }));
    assert.equal(await k('get', 'job', 'managed', '-o', 'jsonpath={.status}'), '{"startTime":"2026-01-01T00:00:01Z"}');
  });

  test('the success policy ends a job early', async () => {
    const spec = { completions: 2, parallelism: 2, completionMode: 'Indexed', successPolicy: { rules: [{ succeededIndexes: '0', succeededCount: 1 }] } };
    await apply(job('leader', spec, { ...ends(0, '500ms') }));
    const done = await until('leader', (found) => held(found).some((c) => c.startsWith('Complete/')));
    assert.match(held(done).join(), /^SuccessCriteriaMet\/SuccessPolicy,Complete\/SuccessPolicy$/);
  });

  test('a finished job goes when its time is over', async () => {
    await apply(job('short-lived', { ttlSecondsAfterFinished: 1 }, ends(0)));
    await eventually('the job is gone', async () => (await my.cluster.tryKubectl(['get', 'job', 'short-lived'])).err.includes('NotFound'));
    await eventually('its pods too', async () => (await podsOf('short-lived')).length === 0);
  });

  test('kubectl create job --from a CronJob', async () => {
    await apply({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'yearly' },
      spec: { schedule: '0 0 1 1 *', timeZone: 'Europe/Madrid', jobTemplate: { spec: (job('x', {}, ends(0)) as { spec: Fields }).spec } },
    });
    await k('create', 'job', '--from=cronjob/yearly', 'by-hand');
    await k('wait', '--for=condition=complete', 'job/by-hand', '--timeout=120s');
    const { metadata } = await get('by-hand');
    assert.deepEqual([metadata.ownerReferences?.[0]?.name, metadata.annotations?.['cronjob.kubernetes.io/instantiate']], ['yearly', 'manual']);
    await eventually('the CronJob knows of its success', async () => {
      const { status } = await my.cluster.json<{ status: { lastSuccessfulTime?: string; active?: unknown[] } }>('get', 'cronjob', 'yearly');
      return status.lastSuccessfulTime !== undefined && status.active === undefined;
    });
    await k('delete', 'cronjob', 'yearly');
    await eventually('its jobs go with it', async () => (await my.cluster.tryKubectl(['get', 'job', 'by-hand'])).err.includes('NotFound'));
  });

  test('a CronJob is due every few seconds', async () => {
    await apply({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'often' },
      spec: { schedule: '@every 2s', concurrencyPolicy: 'Replace', jobTemplate: { spec: (job('x', {}, ends(0)) as { spec: Fields }).spec } },
    });
    await eventually('a job was made and has succeeded', async () => {
      const { status } = await my.cluster.json<{ status: { lastSuccessfulTime?: string } }>('get', 'cronjob', 'often');
      return status.lastSuccessfulTime !== undefined;
    });
    await k('patch', 'cronjob', 'often', '-p', '{"spec":{"suspend":true}}');
    assert.match(await k('describe', 'cronjob', 'often'), /Normal +SuccessfulCreate .*cronjob-controller +Created job often-\d+/);
  });

  test('orphaned pods of a job are let go of', async () => {
    await apply(job('parent', {}));
    await eventually('its pod is there', async () => (await podsOf('parent')).length === 1);
    await k('delete', 'job', 'parent', '--cascade=orphan');
    await eventually('the pod has no finalizer', async () => (await podsOf('parent'))[0]?.metadata.finalizers === undefined);
  });
});

describe('jobs in containers', { skip: cannotRunContainers() ?? false, concurrency: 3 }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const script = (name: string, text: string, spec: Fields, podSpec: Fields): Promise<string> =>
    my.cluster.apply(
      JSON.stringify({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name },
        spec: {
          ...spec,
          template: { spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'hello:1', command: ['sh', '-c', text] }], ...podSpec } },
        },
      }),
    );

  test('each pod of an Indexed job knows its index and its name', async () => {
    await script(
      'echo',
      'echo "index $JOB_COMPLETION_INDEX on $(hostname)"',
      { completions: 3, parallelism: 2, completionMode: 'Indexed' },
      { restartPolicy: 'Never' },
    );
    await k('wait', '--for=condition=complete', 'job/echo', '--timeout=120s');
    const logs = await k('logs', '-l', 'batch.kubernetes.io/job-name=echo');
    assert.deepEqual(logs.trim().split('\n').sort(), ['index 0 on echo-0', 'index 1 on echo-1', 'index 2 on echo-2']);
  });

  test('a container that fails twice is restarted until it succeeds', async () => {
    const text = 'n=$(cat /data/n 2>/dev/null || echo 0); echo $((n+1)) > /data/n; echo "try $n"; [ "$n" -ge 2 ]';
    const volumes = { volumes: [{ name: 'data', emptyDir: {} }] };
    await my.cluster.apply(
      JSON.stringify({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'third-time' },
        spec: {
          backoffLimit: 4,
          template: {
            spec: {
              restartPolicy: 'OnFailure',
              ...volumes,
              containers: [{ name: 'main', image: 'hello:1', command: ['sh', '-c', text], volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
            },
          },
        },
      }),
    );
    await k('wait', '--for=condition=complete', 'job/third-time', '--timeout=120s');
    assert.match(await k('logs', 'job/third-time'), /try 2/);
    const { status } = await my.cluster.json<JobObject>('get', 'job', 'third-time');
    assert.deepEqual([status.succeeded, status.failed], [1, undefined]);
  });

  test('a pod that failed is replaced by a new one after ten seconds', async () => {
    await script('again', 'exit 1', { backoffLimit: 1 }, { restartPolicy: 'Never' });
    await k('wait', '--for=condition=failed', 'job/again', '--timeout=120s');
    const { status } = await my.cluster.json<JobObject>('get', 'job', 'again');
    assert.equal(status.failed, 2);
  });
});
