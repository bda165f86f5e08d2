/** Specs of sig-apps that need containers: what a pod answers, and Jobs whose indexes end each in its own way. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';
import { conditionOf, wireKit, type Fields, type Thing } from './wire-kit.ts';

interface JobStatus {
  active?: number;
  ready?: number;
  terminating?: number;
  succeeded?: number;
  failed?: number;
  completedIndexes?: string;
  failedIndexes?: string;
}
type Job = Thing<Fields, JobStatus>;
type Pod = Thing<Fields, { phase: string }>;

describe('sig-apps in containers', { skip: cannotRunContainers() ?? false, concurrency: 4 }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  const { call, get, create, items } = wireKit(my);
  before(() => eventually('the ServiceAccount', async () => (await items('/api/v1/namespaces/default/serviceaccounts')).length > 0));
  const core = (plural: string, name = ''): string => `/api/v1/namespaces/default/${plural}${name && `/${name}`}`;
  const labelled = (path: string, selector: string): string => `${path}?labelSelector=${encodeURIComponent(selector)}`;

  /** Each pod of it answers with its own name. */
  const serves = async (collection: string, name: string, selector: Fields): Promise<void> => {
    const command = ['sh', '-c', 'mkdir /tmp/w && hostname >/tmp/w/index.html && httpd -p 9376 -h /tmp/w && trap "exit 0" TERM && while :; do sleep 1; done'];
    const containers = [{ name: 'c', image: 'hello:1', command, ports: [{ containerPort: 9376 }] }];
    const template = { metadata: { labels: { name } }, spec: { terminationGracePeriodSeconds: 1, containers } };
    await create(collection, { metadata: { name }, spec: { replicas: 2, selector, template } });
    const pods = await eventually('both run', async () => {
      const found = await items<Pod>(labelled(core('pods'), `name=${name}`));
      return found.length === 2 && found.every(({ status }) => status.phase === 'Running') ? found : undefined;
    });
    for (const { metadata } of pods)
      await eventually('it answers with its name', async () => {
        const { code, body } = await call('GET', `${core('pods', metadata.name)}/proxy/`);
        return code === 200 && String(body['text']).trim() === metadata.name;
      });
  };
  test('ReplicaSet should serve a basic image on each replica with a public image', () =>
    serves('/apis/apps/v1/namespaces/default/replicasets', 'rs-serves', { matchLabels: { name: 'rs-serves' } }));
  test('ReplicationController should serve a basic image on each replica with a public image', () =>
    serves(core('replicationcontrollers'), 'rc-serves', { name: 'rc-serves' }));

  const jobs = (name = ''): string => `/apis/batch/v1/namespaces/default/jobs${name && `/${name}`}`;
  const podsOf = (name: string): Promise<Pod[]> => items<Pod>(labelled(core('pods'), `batch.kubernetes.io/job-name=${name}`));
  const indexed = (name: string, script: string, spec: Fields, volumes: Fields[] = []): Promise<unknown> => {
    const mounts = volumes.map(() => ({ name: 'data', mountPath: '/data' }));
    const containers = [{ name: 'c', image: 'hello:1', command: ['sh', '-c', script], volumeMounts: mounts }];
    const template = { spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers, volumes } };
    return create(jobs(), { metadata: { name }, spec: { completionMode: 'Indexed', parallelism: 2, completions: 4, ...spec, template } });
  };
  const until = (name: string, type: string): Promise<Job> =>
    eventually(`${name} is ${type}`, async () => {
      const found = await get<Job>(jobs(name));
      return conditionOf(found, type)?.status === 'True' ? found : undefined;
    });
  const reasons = (job: Job): (string | undefined)[] => (job.status.conditions ?? []).map(({ type, reason }) => `${type} ${reason}`);
  const failOddSucceedEven = '[ $((JOB_COMPLETION_INDEX % 2)) = 0 ]';

  test('Job should execute all indexes despite some failing when using backoffLimitPerIndex', async () => {
    await indexed('per-index', failOddSucceedEven, { backoffLimitPerIndex: 1 });
    const job = await until('per-index', 'Failed');
    assert.deepEqual(reasons(job), ['FailureTarget FailedIndexes', 'Failed FailedIndexes']);
    const { failedIndexes, completedIndexes, failed, succeeded } = job.status;
    assert.deepEqual({ failedIndexes, completedIndexes, failed, succeeded }, { failedIndexes: '1,3', completedIndexes: '0,2', failed: 4, succeeded: 2 });
  });

  test('Job should terminate job execution when the number of failed indexes exceeds maxFailedIndexes', async () => {
    await indexed('max-failed', 'exit 1', { parallelism: 1, backoffLimitPerIndex: 0, maxFailedIndexes: 0 });
    const job = await until('max-failed', 'Failed');
    assert.deepEqual(reasons(job), ['FailureTarget MaxFailedIndexesExceeded', 'Failed MaxFailedIndexesExceeded']);
    assert.deepEqual([job.status.failedIndexes, job.status.failed], ['0', 1]);
    assert.equal((await podsOf('max-failed')).length, 1);
  });

  test('Job should mark indexes as failed when the FailIndex action is matched in podFailurePolicy', async () => {
    const rules = [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [1] } }];
    await indexed('fail-index', failOddSucceedEven, { completions: 2, backoffLimitPerIndex: 1, podFailurePolicy: { rules } });
    const job = await until('fail-index', 'Failed');
    assert.deepEqual(reasons(job), ['FailureTarget FailedIndexes', 'Failed FailedIndexes']);
    const { failedIndexes, completedIndexes, failed, succeeded } = job.status;
    assert.deepEqual({ failedIndexes, completedIndexes, failed, succeeded }, { failedIndexes: '1', completedIndexes: '0', failed: 1, succeeded: 1 });
  });

  test('Job should allow to use a pod failure policy to ignore failure for an evicted pod; matching on the DisruptionTarget condition', async () => {
    // The first index leaves a mark and stays until it is evicted; the others wait for the mark.
    const script = `if [ $JOB_COMPLETION_INDEX = 0 ]; then [ -f /data/mark ] && exit 0; touch /data/mark; sleep 1000; fi
for i in $(seq 50); do [ -f /data/mark ] && exit 0; sleep 0.2; done; exit 1`;
    const rules = [
      { action: 'Ignore', onExitCodes: { operator: 'In', values: [1] } },
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    ];
    const data = { name: 'data', hostPath: { path: join(my.cluster.dir, 'evicted'), type: 'DirectoryOrCreate' } };
    await indexed('evicted', script, { backoffLimit: 0, podFailurePolicy: { rules } }, [data]);
    const [pod] = await eventually('the others succeed, and one runs', async () => {
      const found = await podsOf('evicted');
      const count = (phase: string): number => found.filter(({ status }) => status.phase === phase).length;
      return count('Succeeded') === 3 && count('Running') === 1 ? found.filter(({ status }) => status.phase === 'Running') : undefined;
    });
    const name = pod?.metadata.name ?? '';
    const { code } = await call('POST', `${core('pods', name)}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace: 'default' },
    });
    assert.equal(code, 201);
    await eventually('it is gone', async () => (await call('GET', core('pods', name))).code === 404);
    const job = await until('evicted', 'Complete');
    assert.deepEqual([conditionOf(job, 'SuccessCriteriaMet')?.status, job.status.succeeded, job.status.completedIndexes], ['True', 4, '0-3']);
  });

  const ended = async (name: string, completed: string): Promise<void> => {
    const job = await until(name, 'Complete');
    assert.deepEqual(reasons(job), ['SuccessCriteriaMet SuccessPolicy', 'Complete SuccessPolicy']);
    const { completedIndexes, active = 0, ready, terminating } = job.status;
    assert.deepEqual({ completedIndexes, active, ready, terminating }, { completedIndexes: completed, active: 0, ready: 0, terminating: 0 });
  };
  const oddStaysSucceedEven = '[ $((JOB_COMPLETION_INDEX % 2)) = 0 ] || sleep 1000';

  test('Job with successPolicy should succeeded when all indexes succeeded', async () => {
    await indexed('all-succeed', 'exit 0', { completions: 2, successPolicy: { rules: [{ succeededIndexes: '0-1' }] } });
    await ended('all-succeed', '0,1');
  });

  test('Job with successPolicy succeededIndexes rule should succeeded even when some indexes remain pending', async () => {
    await indexed('some-indexes', oddStaysSucceedEven, { completions: 2, successPolicy: { rules: [{ succeededIndexes: '0' }] } });
    await ended('some-indexes', '0');
  });

  test('Job with successPolicy succeededCount rule should succeeded even when some indexes remain pending', async () => {
    await indexed('some-count', oddStaysSucceedEven, { completions: 2, successPolicy: { rules: [{ succeededCount: 1 }] } });
    await ended('some-count', '0');
  });
});
