/**
 * Specs of sig-apps about Jobs, CronJobs and disruption budgets, and those of sig-scheduling about LimitRanges, each step of
 * them; docs/conformance/ tells which of them are elsewhere. On simulated nodes. Three CronJobs wait for the next minute.
 */
import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';
import { conditionOf, wireKit, type Fields, type Thing, type Things } from './wire-kit.ts';

interface JobStatus {
  active?: number;
  succeeded?: number;
  conditions?: { type: string; status: string; lastTransitionTime?: string }[];
}
type Job = Thing<{ suspend?: boolean }, JobStatus>;
type CronJob = Thing<Fields, { active?: { name: string }[]; lastScheduleTime?: string }>;
type Pod = Thing<{ containers: { resources: Fields }[] }, { phase: string }>;
interface BudgetStatus {
  observedGeneration?: number;
  disruptionsAllowed?: number;
  disruptedPods?: Record<string, string>;
}
type Budget = Thing<{ minAvailable?: number | string; maxUnavailable?: number | string }, BudgetStatus>;
interface Limits {
  min: Fields;
  max: Fields;
  default: Fields;
  defaultRequest: Fields;
}
type LimitRange = Thing<{ limits: Limits[] }>;

describe('sig-apps and sig-scheduling: jobs, budgets, limits', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '2', '--nodes', '0');
  const { call, ok, get, create, patch, update, items, watch } = wireKit(my);
  const namespaces = ['jobs', 'jobs-2', 'budget-status', 'budget-evictions', 'limits', 'limits-2', 'limits-3'];
  before(async () => {
    for (const name of namespaces) await create('/api/v1/namespaces', { metadata: { name } });
    for (const name of namespaces) await eventually('its ServiceAccount', async () => (await items(`/api/v1/namespaces/${name}/serviceaccounts`)).length > 0);
  });
  const at = (group: string, plural: string, name = '', namespace = 'jobs'): string =>
    `${group === 'v1' ? '/api' : '/apis'}/${group}/namespaces/${namespace}/${plural}${name && `/${name}`}`;
  const labelled = (path: string, selector: string): string => `${path}?labelSelector=${encodeURIComponent(selector)}`;
  const running = (path: string, count: number): Promise<Pod[]> =>
    eventually(`${count} running pods at ${path}`, async () => {
      const found = (await items<Pod>(path)).filter((pod) => pod.status.phase === 'Running' && !pod.metadata.deletionTimestamp);
      return found.length === count ? found : undefined;
    });

  describe('Job', { concurrency: 4 }, () => {
    const path = (name = ''): string => at('batch/v1', 'jobs', name);
    const podsOf = (name: string): string => labelled(at('v1', 'pods'), `job-name=${name}`);
    const job = (name: string, spec: Fields = {}, annotations: Fields = {}, labels: Record<string, string> = {}): object => ({
      metadata: { name, labels },
      spec: {
        parallelism: 2,
        completions: 4,
        backoffLimit: 6,
        ...spec,
        template: {
          metadata: { annotations },
          spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'busybox' }] },
        },
      },
    });

    test('should apply changes to a job status', async () => {
      const made = await create(path(), job('status'));
      await running(podsOf('status'), 2);
      const type = 'CustomConditionType';
      const at1 = '2026-01-01T00:00:00Z';
      const body = { metadata: { annotations: { patchedstatus: 'true' } }, status: { conditions: [{ type, status: 'True', lastTransitionTime: at1 }] } };
      const patched = await patch<Job>(`${path('status')}/status`, body, 'merge');
      const time = (object: Job): string | undefined => object.status.conditions?.find((one) => one.type === type)?.lastTransitionTime;
      assert.equal(time(patched), at1);
      assert.equal(patched.metadata.annotations?.['patchedstatus'], 'true');
      const at2 = '2026-01-01T00:00:01Z';
      const updated = await update<Job>(`${path('status')}/status`, ({ status }) => {
        for (const one of status.conditions ?? []) if (one.type === type) one.lastTransitionTime = at2;
      });
      assert.equal(time(updated), at2);
      assert.equal((await get(`${path('status')}/status`)).metadata.uid, made.metadata.uid);
    });

    test('should manage the lifecycle of a job', async () => {
      const all = labelled(path(), 'e2e-job-label=life');
      const events = await watch(all);
      await create(path(), job('life', { suspend: true }, { 'batuta.dev/sim-exit-after': '100ms' }, { 'e2e-job-label': 'life' }));
      await patch(path('life'), { metadata: { labels: { life: 'patched' } } });
      await events.next('the patch', ({ type, object }) => type === 'MODIFIED' && object.metadata.labels?.['life'] === 'patched');
      assert.deepEqual(await items(podsOf('life')), []);
      await update<Job>(path('life'), (object) => {
        object.spec.suspend = false;
        object.metadata.annotations = { ...object.metadata.annotations, updated: 'true' };
      });
      await events.next('the update', ({ type, object }) => type === 'MODIFIED' && object.metadata.annotations?.['updated'] === 'true');
      assert.equal((await items(labelled('/apis/batch/v1/jobs', 'e2e-job-label=life'))).length, 1);
      await events.next('four succeed', ({ object }) => (object as Job).status.succeeded === 4 && conditionOf(object, 'Complete')?.status === 'True');
      await ok('DELETE', all, { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' });
      await events.next('its end', ({ type }) => type === 'DELETED');
      assert.deepEqual(await items(labelled('/apis/batch/v1/jobs', 'e2e-job-label=life')), []);
    });

    test('should delete a job', async () => {
      await create(path(), job('foo'));
      await running(podsOf('foo'), 2);
      await ok('DELETE', `${path('foo')}?propagationPolicy=Foreground`);
      await eventually('it is gone', async () => (await call('GET', path('foo'))).code === 404);
      assert.deepEqual(await items(podsOf('foo')), []);
    });

    test('should adopt matching orphans and release non-matching pods', async () => {
      const made = await create(path(), job('adopt-release'));
      const [pod] = await running(podsOf('adopt-release'), 2);
      const name = at('v1', 'pods', pod?.metadata.name);
      const owner = async () => (await get(name)).metadata.ownerReferences?.find((one) => one.controller);
      await update(name, ({ metadata }) => delete metadata.ownerReferences);
      const again = await eventually('it is adopted again', owner);
      assert.deepEqual([again.kind, again.name, again.uid], ['Job', 'adopt-release', made.metadata.uid]);
      await update(name, ({ metadata }) => delete metadata.labels);
      await eventually('it is released', async () => (await owner()) === undefined);
      await running(podsOf('adopt-release'), 2);
    });
  });

  describe('CronJob', { concurrency: 4 }, () => {
    const path = (name = '', namespace = 'jobs'): string => at('batch/v1', 'cronjobs', name, namespace);
    const cronJob = (name: string, spec: Fields, labels: Record<string, string> = {}): object => {
      const template = { metadata: {}, spec: { restartPolicy: 'OnFailure', terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'busybox' }] } };
      const jobTemplate = { spec: { parallelism: 1, completions: 1, backoffLimit: 1, template } };
      return { metadata: { name, labels }, spec: { schedule: '@every 2s', jobTemplate, ...spec } };
    };
    // A job's name tells the minute: a schedule of seconds makes the first one soon, and each other one in a minute of its own.
    /** Its jobs that nobody deletes. */
    const jobs = async (name: string): Promise<Job[]> =>
      (await items<Job>(at('batch/v1', 'jobs'))).filter(
        ({ metadata }) => !metadata.deletionTimestamp && metadata.ownerReferences?.some((one) => one.kind === 'CronJob' && one.name === name),
      );
    const unfinished = async (name: string): Promise<Job[]> => (await jobs(name)).filter((one) => !conditionOf(one, 'Complete') && !conditionOf(one, 'Failed'));
    const active = (name: string, least: number): Promise<CronJob> =>
      eventually(`${least} active jobs of ${name}`, async () => {
        const found = await get<CronJob>(path(name));
        return (found.status.active?.length ?? 0) >= least ? found : undefined;
      });
    const remove = (name: string): Promise<unknown> => ok('DELETE', `${path(name)}?propagationPolicy=Background`);

    test('should schedule multiple jobs concurrently; should not schedule jobs when suspended', async () => {
      await create(path(), cronJob('suspended', { suspend: true, concurrencyPolicy: 'Allow' }));
      await create(path(), cronJob('concurrent', { concurrencyPolicy: 'Allow' }));
      await active('concurrent', 2);
      assert.ok((await unfinished('concurrent')).length >= 2);
      // The other one was younger: its times have come and gone.
      assert.equal((await get<CronJob>(path('suspended'))).status.active, undefined);
      assert.deepEqual(await jobs('suspended'), []);
      await remove('concurrent');
      await remove('suspended');
    });

    test('should not schedule new jobs when ForbidConcurrent', async () => {
      await create(path(), cronJob('forbid', { concurrencyPolicy: 'Forbid' }));
      const { status } = await active('forbid', 1);
      assert.equal(status.active?.length, 1);
      assert.equal((await unfinished('forbid')).length, 1);
      const selector = encodeURIComponent('involvedObject.name=forbid,reason=JobAlreadyActive');
      await eventually('its time comes again', async () => (await items(`${at('v1', 'events')}?fieldSelector=${selector}`)).length > 0);
      assert.equal((await get<CronJob>(path('forbid'))).status.active?.length, 1);
      assert.deepEqual(
        (await jobs('forbid')).map(({ metadata }) => metadata.name),
        status.active?.map(({ name }) => name),
      );
      await remove('forbid');
    });

    test('should replace jobs when ReplaceConcurrent', async () => {
      await create(path(), cronJob('replace', { concurrencyPolicy: 'Replace' }));
      const { status } = await active('replace', 1);
      assert.equal(status.active?.length, 1);
      const first = status.active?.[0]?.name;
      await eventually('another in its place', async () => {
        const alive = await jobs('replace');
        assert.ok(alive.length <= 1, 'never two');
        return alive.length === 1 && alive[0]?.metadata.name !== first;
      });
      await remove('replace');
    });

    test('should support CronJob API operations', async () => {
      const groups = (await get<{ groups: { name: string; versions: { version: string }[] }[] }>('/apis')).groups;
      assert.ok(groups.find(({ name }) => name === 'batch')?.versions.some(({ version }) => version === 'v1'));
      assert.ok((await get<{ versions: { version: string }[] }>('/apis/batch')).versions.some(({ version }) => version === 'v1'));
      const resources = (await get<{ resources: { name: string }[] }>('/apis/batch/v1')).resources.map(({ name }) => name);
      for (const name of ['cronjobs', 'cronjobs/status']) assert.ok(resources.includes(name));

      const label = { 'special-label': 'cron' };
      const template = cronJob('ops', { schedule: '*/1 * * * ?', suspend: true, concurrencyPolicy: 'Allow' }, label) as { metadata: Fields };
      const made = await create<CronJob>(path(), template);
      assert.equal((await get(path('ops'))).metadata.uid, made.metadata.uid);
      const all = labelled(path(), 'special-label=cron');
      assert.equal((await items(all)).length, 1);
      const everywhere = labelled('/apis/batch/v1/cronjobs', 'special-label=cron');
      assert.equal((await items(everywhere)).length, 1);
      const events = await watch(all, made.metadata.resourceVersion);
      const wide = await watch(everywhere, made.metadata.resourceVersion);

      const patched = await patch(path('ops'), { metadata: { annotations: { patched: 'true' } } }, 'merge');
      assert.equal(patched.metadata.annotations?.['patched'], 'true');
      const updated = await update(path('ops'), ({ metadata }) => (metadata.annotations = { ...metadata.annotations, updated: 'true' }));
      assert.equal(updated.metadata.annotations?.['updated'], 'true');
      for (const one of [events, wide]) {
        await one.next('both annotations', ({ object: { metadata } }) => metadata.annotations?.['patched'] && metadata.annotations['updated']);
        assert.ok(one.all.every(({ type }) => type === 'MODIFIED'));
      }
      const body = { metadata: { annotations: { patchedstatus: 'true' } }, status: { lastScheduleTime: '2026-01-01T00:00:00Z' } };
      const status = await patch<CronJob>(`${path('ops')}/status`, body, 'merge');
      assert.deepEqual([status.status.lastScheduleTime, status.metadata.annotations?.['patchedstatus']], ['2026-01-01T00:00:00Z', 'true']);
      const put = await update<CronJob>(`${path('ops')}/status`, (object) => (object.status.lastScheduleTime = '2026-01-01T00:01:00Z'));
      assert.equal(put.status.lastScheduleTime, '2026-01-01T00:01:00Z');
      assert.equal((await get(`${path('ops')}/status`)).metadata.uid, made.metadata.uid);

      await create(path(), { ...template, metadata: { ...template.metadata, name: 'for-removal' } });
      await ok('DELETE', path('for-removal'));
      assert.equal((await call('GET', path('for-removal'))).code, 404);
      await ok('DELETE', all);
      assert.deepEqual(await items(all), []);
    });
  });

  describe('DisruptionController', { concurrency: 4 }, () => {
    const path = (namespace: string, name = ''): string => at('policy/v1', 'poddisruptionbudgets', name, namespace);
    const budget = (spec: Fields, labels: Record<string, string> = {}, name = 'foo'): object => ({
      metadata: { name, labels },
      spec: { selector: { matchLabels: { foo: 'bar' } }, ...spec },
    });
    const processed = (namespace: string, name = 'foo'): Promise<Budget> =>
      eventually('the budget is processed', async () => {
        const found = await get<Budget>(path(namespace, name));
        return (found.status.observedGeneration ?? 0) >= (found.metadata.generation ?? 0) ? found : undefined;
      });
    const allowed = (namespace: string, count: number): Promise<Budget> =>
      eventually(`${count} disruptions allowed`, async () => {
        const found = await processed(namespace);
        return found.status.disruptionsAllowed === count ? found : undefined;
      });
    const start = async (namespace: string, names: readonly string[]): Promise<void> => {
      for (const name of names)
        await create(at('v1', 'pods', '', namespace), {
          metadata: { name, labels: { foo: 'bar' } },
          spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'busybox' }] },
        });
    };
    const ready = (namespace: string, count: number): Promise<Pod[]> => running(labelled(at('v1', 'pods', '', namespace), 'foo=bar'), count);

    test('should list and delete a collection of PodDisruptionBudgets', async () => {
      for (const [namespace, name] of [
        ['jobs', 'foo'],
        ['jobs', 'foo2'],
        ['jobs-2', 'foo'],
      ] as const) {
        await create(path(namespace), budget({ minAvailable: name === 'foo2' ? '1%' : 2 }, { list: 'pdb' }, name));
        await processed(namespace, name);
      }
      const everywhere = await items(labelled('/apis/policy/v1/poddisruptionbudgets', 'list=pdb'));
      assert.deepEqual(everywhere.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort(), ['jobs-2/foo', 'jobs/foo', 'jobs/foo2']);
      assert.equal((await items(labelled(path('jobs'), 'list=pdb'))).length, 2);
      await ok('DELETE', labelled(path('jobs'), 'list=pdb'));
      await eventually('they are gone', async () => (await items(labelled(path('jobs'), 'list=pdb'))).length === 0);
      assert.equal((await items(labelled(path('jobs-2'), 'list=pdb'))).length, 1);
    });

    test('should observe PodDisruptionBudget status updated; should update/patch PodDisruptionBudget status', async () => {
      const ns = 'budget-status';
      await create(path(ns), budget({ minAvailable: 1 }));
      assert.equal((await processed(ns)).status.disruptionsAllowed, 0);
      await start(ns, ['pod-0', 'pod-1', 'pod-2']);
      await ready(ns, 3);
      await allowed(ns, 2);
      const updated = await update<Budget>(`${path(ns, 'foo')}/status`, ({ status }) => (status.disruptedPods = { 'pod-0': new Date().toISOString() }));
      assert.deepEqual(Object.keys(updated.status.disruptedPods ?? {}), ['pod-0']);
      const { resourceVersion } = await processed(ns).then(({ metadata }) => metadata);
      const patched = await patch<Budget>(`${path(ns, 'foo')}/status`, { metadata: { resourceVersion }, status: { disruptedPods: null } }, 'merge').catch(() =>
        patch<Budget>(`${path(ns, 'foo')}/status`, { status: { disruptedPods: null } }, 'merge'),
      );
      assert.deepEqual(patched.status.disruptedPods ?? {}, {});
    });

    test('should create, update, patch, and delete a PodDisruptionBudget; should block an eviction until it allows it', async () => {
      const ns = 'budget-evictions';
      const evict = (name: string) =>
        call('POST', `${at('v1', 'pods', name, ns)}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: ns } });
      const refused = async (name: string): Promise<void> => {
        const { code, body } = await evict(name);
        assert.deepEqual(
          [code, body['reason'], body['message']],
          [429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget."],
        );
      };
      await start(ns, ['a', 'b', 'c']);
      await ready(ns, 3);
      await create(path(ns), budget({ minAvailable: 3 }));
      await allowed(ns, 0);
      await refused('a');
      await update<Budget>(path(ns, 'foo'), ({ spec }) => (spec.minAvailable = 2));
      await allowed(ns, 1);
      assert.equal((await evict('a')).code, 201);
      await eventually('it is gone', async () => (await call('GET', at('v1', 'pods', 'a', ns))).code === 404);

      await start(ns, ['d']);
      await ready(ns, 3);
      const patched = await patch<Budget>(path(ns, 'foo'), { spec: { minAvailable: 3 } }, 'merge');
      assert.equal(patched.spec.minAvailable, 3);
      await allowed(ns, 0);
      await refused('b');
      await ok('DELETE', path(ns, 'foo'));
      assert.equal((await call('GET', path(ns, 'foo'))).code, 404);
      assert.equal((await evict('b')).code, 201);
    });
  });

  describe('LimitRange', { concurrency: 4 }, () => {
    const amounts = (cpu?: string, memory?: string, storage?: string): Fields => ({
      ...(cpu ? { cpu } : {}),
      ...(memory ? { memory } : {}),
      ...(storage ? { 'ephemeral-storage': storage } : {}),
    });
    const least = amounts('50m', '100Mi', '100Gi');
    const most = amounts('500m', '500Mi', '500Gi');
    const usual = amounts('100m', '200Mi', '200Gi');
    const less = amounts('9m', '49Mi', '49Gi');
    const limits = { type: 'Container', min: least, max: most, default: most, defaultRequest: usual };
    const limitRange = (name: string, labels: Record<string, string>): object => ({ metadata: { name, labels }, spec: { limits: [limits] } });
    const path = (name = '', namespace = 'limits'): string => at('v1', 'limitranges', name, namespace);
    const submit = (name: string, resources: Fields) =>
      call('POST', at('v1', 'pods', '', 'limits'), { metadata: { name }, spec: { containers: [{ name: 'c', image: 'pause', resources }] } });
    const accepted = async (name: string, resources: Fields): Promise<Fields | undefined> => {
      const { code, body } = await submit(name, resources);
      assert.equal(code, 201, JSON.stringify(body));
      return (await get<Pod>(at('v1', 'pods', name, 'limits'))).spec.containers[0]?.resources;
    };
    const refused = async (resources: Fields, reason: string, message: RegExp): Promise<void> => {
      const { body } = await submit('refused', resources);
      assert.equal(body['reason'], reason);
      assert.match(String(body['message']), message);
    };

    test('should create a LimitRange with defaults and ensure pod has those defaults applied', async () => {
      const mine = labelled(path(), 'time=now');
      assert.deepEqual(await items(mine), []);
      const events = await watch(mine);
      await create(path(), limitRange('limit-range', { time: 'now' }));
      await events.next('its creation', ({ type }) => type === 'ADDED');
      const [stored] = (await get<LimitRange>(path('limit-range'))).spec.limits;
      assert.deepEqual([stored?.default, stored?.defaultRequest], [most, usual]);
      assert.deepEqual(await accepted('pod-no-resources', {}), { limits: most, requests: usual });
      const partial = { requests: amounts(undefined, '150Mi', '150Gi'), limits: amounts('300m') };
      // Where there is a limit and no request, the request is the limit: the default request is not for it.
      assert.deepEqual(await accepted('pod-partial-resources', partial), {
        limits: amounts('300m', '500Mi', '500Gi'),
        requests: amounts('300m', '150Mi', '150Gi'),
      });
      const small = { requests: amounts('10m', '50Mi', '50Gi') };
      const large = { requests: amounts('600m', '600Mi', '600Gi') };
      // The limit it gets by default is below its request, which is not valid in itself.
      const tooLarge = (): Promise<void> => refused(large, 'Invalid', /requests: Invalid value: "600m": must be less than or equal to cpu limit of 500m/);
      await refused(small, 'Forbidden', /minimum cpu usage per Container is 50m, but request is 10m/);
      await tooLarge();
      await update<LimitRange>(path('limit-range'), ({ spec }) => ((spec.limits[0] as Limits).min = less));
      assert.deepEqual((await get<LimitRange>(path('limit-range'))).spec.limits[0]?.min, less);
      await eventually('the new minimum counts', async () => (await submit('pfpod', small)).code === 201);
      await tooLarge();
      await ok('DELETE', path('limit-range'), { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 30 });
      await eventually('it is gone', async () => (await items(mine)).length === 0);
      await eventually('it counts no more', async () => (await submit('pfpod2', large)).code === 201);
    });

    test('should list, patch and delete a LimitRange by collection', async () => {
      for (const namespace of ['limits-3', 'limits-2']) await create(path('', namespace), limitRange('two', { 'e2e-test': 'two', two: 'created' }));
      const everywhere = labelled('/api/v1/limitranges', 'e2e-test=two');
      assert.equal((await items(everywhere)).length, 2);
      const body = { metadata: { labels: { two: 'patched' } }, spec: { limits: [{ ...limits, min: less }] } };
      const patched = await patch<LimitRange>(path('two', 'limits-2'), body);
      assert.equal(patched.metadata.labels?.['two'], 'patched');
      assert.deepEqual(patched.spec.limits[0]?.min, less);
      await ok<Things>('DELETE', labelled(path('', 'limits-2'), 'two=patched'));
      await eventually('it is gone', async () => (await items(labelled('/api/v1/limitranges', 'two=patched'))).length === 0);
      assert.deepEqual(
        (await items(everywhere)).map(({ metadata }) => metadata.namespace),
        ['limits-3'],
      );
    });
  });
});
