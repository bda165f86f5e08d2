/** The parts of a pod that are written beside its spec, and evictions: the kinds and the API server together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createApiServer, podEviction } from '#apiserver';
import { cloneObject, isApiError, type Api, type KubeObject } from '#machinery';
import { allKinds, Pod, PodDisruptionBudget, schemas, type V1Pod, type V1PodDisruptionBudget, type V1PodSpec } from '#kinds';
import { createMemoryStore } from '#store';

const key = { namespace: 'default', name: 'p' };
const user = { username: 'admin', groups: ['system:masters'] };

async function world(): Promise<Api> {
  const clock = new FakeClock();
  const server = createApiServer({
    store: createMemoryStore(),
    clock,
    random: seededRandom(1),
    log: silentLogger,
    kinds: allKinds,
    schemas,
    subresources: [podEviction()],
  });
  await server.ready();
  return server.api(user);
}

async function makePod(api: Api, spec: Partial<V1PodSpec> = {}, name = 'p', status: V1Pod['status'] = running): Promise<V1Pod> {
  const container = { name: 'c', image: 'i:1', resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } } };
  const metadata = { name, namespace: 'default', labels: { app: 'x' } };
  const pod = await api.create(Pod, { metadata, spec: { nodeName: 'n', containers: [container], ...spec } });
  return api.update(Pod, { ...pod, status: { ...pod.status, ...status } }, { subresource: 'status' });
}
const running = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };

async function makeBudget(api: Api, status: V1PodDisruptionBudget['status'], spec: V1PodDisruptionBudget['spec'] = {}, name = 'b'): Promise<void> {
  const budget = await api.create(PodDisruptionBudget, {
    metadata: { name, namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'x' } }, ...spec },
  });
  await api.update(PodDisruptionBudget, { ...budget, status: { observedGeneration: 1, ...status } }, { subresource: 'status' });
}
const evict = (api: Api, body: object = {}, name = 'p'): Promise<KubeObject> => api.subresource(Pod as never, { ...key, name }, 'eviction', body as KubeObject);

async function refused(work: Promise<unknown>): Promise<{ code: number; message: string; causes: (string | undefined)[]; retry: number | undefined }> {
  try {
    await work;
  } catch (error) {
    if (!isApiError(error)) throw error;
    const { details } = error;
    return { code: error.code, message: error.message, causes: details?.causes?.map((cause) => cause.message) ?? [], retry: details?.retryAfterSeconds };
  }
  throw new Error('was not refused');
}
const violates = "Cannot evict pod as it would violate the pod's disruption budget.";

test('an eviction marks the pod, counts in the budget, and deletes', async () => {
  const api = await world();
  await makePod(api);
  await makeBudget(api, { disruptionsAllowed: 1, desiredHealthy: 1, currentHealthy: 2 });
  assert.equal(((await evict(api, { metadata: { name: 'p' } })) as { status?: string }).status, 'Success');
  const pod = await api.get(Pod, key);
  assert.notEqual(pod.metadata!.deletionTimestamp, undefined);
  const condition = pod.status!.conditions!.find(({ type }) => type === 'DisruptionTarget')!;
  assert.deepEqual([condition.status, condition.reason, condition.message], ['True', 'EvictionByEvictionAPI', 'Eviction API: evicting']);
  const { status } = await api.get(PodDisruptionBudget, { ...key, name: 'b' });
  assert.equal(status!.disruptionsAllowed, 0);
  assert.deepEqual(Object.keys(status!.disruptedPods!), ['p']);
  assert.deepEqual(
    status!.conditions!.map(({ type, status: value, reason }) => [type, value, reason]),
    [['DisruptionAllowed', 'False', 'InsufficientPods']],
  );
});

test('a budget without disruptions refuses, one that is behind asks to wait', async () => {
  const api = await world();
  await makePod(api);
  await makeBudget(api, { disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 2 });
  assert.deepEqual(await refused(evict(api)), {
    code: 429,
    message: violates,
    causes: ['The disruption budget b needs 2 healthy pods and has 2 currently'],
    retry: undefined,
  });
  const budget = await api.get(PodDisruptionBudget, { ...key, name: 'b' });
  await api.update(PodDisruptionBudget, { ...budget, spec: { ...budget.spec, minAvailable: 1 } });
  assert.deepEqual(await refused(evict(api)), {
    code: 429,
    message: violates,
    causes: ['The disruption budget b is still being processed by the server.'],
    retry: 10,
  });
  assert.equal((await api.get(Pod, key)).metadata!.deletionTimestamp, undefined);
});

test('two budgets over one pod are an error', async () => {
  const api = await world();
  await makePod(api);
  await makeBudget(api, { disruptionsAllowed: 1 });
  await makeBudget(api, { disruptionsAllowed: 1 }, {}, 'b2');
  const { code, message } = await refused(evict(api));
  assert.deepEqual([code, message], [500, 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.']);
});

test('pods that serve nobody go without asking the budget', async () => {
  const api = await world();
  await makeBudget(api, { disruptionsAllowed: 0, desiredHealthy: 1, currentHealthy: 1 });
  for (const phase of ['Pending', 'Succeeded', 'Failed']) {
    const name = phase.toLowerCase();
    await makePod(api, {}, name, { phase });
    await evict(api, {}, name);
  }
  // Enough others are healthy, so one that is not may go.
  await makePod(api, {}, 'unready', { phase: 'Running' });
  await evict(api, {}, 'unready');
  const { status } = await api.get(PodDisruptionBudget, { ...key, name: 'b' });
  assert.equal(status!.disruptedPods, undefined);
});

test('unhealthy pods of an unhealthy budget: only where it says so', async () => {
  const api = await world();
  const status = { disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 1 };
  await makeBudget(api, status);
  await makePod(api, {}, 'p', { phase: 'Running' });
  assert.equal((await refused(evict(api))).code, 429);
  const budget = await api.get(PodDisruptionBudget, { ...key, name: 'b' });
  await api.update(PodDisruptionBudget, { ...budget, spec: { ...budget.spec, unhealthyPodEvictionPolicy: 'AlwaysAllow' } });
  await evict(api);
  assert.notEqual((await api.get(Pod, key)).metadata!.deletionTimestamp, undefined);
});

test('dry run and preconditions of an eviction', async () => {
  const api = await world();
  const pod = await makePod(api);
  await makeBudget(api, { disruptionsAllowed: 1 });
  await evict(api, { deleteOptions: { dryRun: ['All'] } });
  assert.deepEqual(await api.get(Pod, key), pod);
  assert.equal((await api.get(PodDisruptionBudget, { ...key, name: 'b' })).status!.disruptionsAllowed, 1);
  assert.equal((await refused(evict(api, { deleteOptions: { preconditions: { uid: 'other' } } }))).code, 409);
  assert.equal((await refused(evict(api, { metadata: { name: 'q' } }))).message, 'name in URL does not match name in Eviction object');
  assert.equal((await refused(evict(api, {}, 'nobody'))).code, 404);
  assert.equal((await refused(evict(api, { apiVersion: 'policy/v2' }))).code, 400);
  await evict(api, { apiVersion: 'policy/v1beta1', deleteOptions: { preconditions: { uid: pod.metadata!.uid }, gracePeriodSeconds: 0 } });
  assert.equal((await refused(api.get(Pod, key))).code, 404);
});

test('ephemeral containers are added through their own door only, and never changed', async () => {
  const api = await world();
  const pod = await makePod(api);
  const debug = { name: 'debug', image: 'tools:1', targetContainerName: 'c', stdin: true };
  const patch = { spec: { ephemeralContainers: [debug], nodeName: 'elsewhere' }, metadata: { labels: { a: 'b' } } };
  const type = 'application/strategic-merge-patch+json';
  const patched = await api.patch(Pod, key, type, patch, { subresource: 'ephemeralcontainers' });
  assert.equal(patched.metadata!.generation, 2);
  // Nothing else comes through.
  assert.deepEqual([patched.spec!.nodeName, patched.metadata!.labels], ['n', { app: 'x' }]);
  assert.deepEqual(patched.spec!.ephemeralContainers, [
    { ...debug, imagePullPolicy: 'IfNotPresent', terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', resources: {} },
  ]);
  const second = await api.patch(Pod, key, type, { spec: { ephemeralContainers: [{ name: 'two', image: 'i:2' }] } }, { subresource: 'ephemeralcontainers' });
  assert.equal(second.spec!.ephemeralContainers!.length, 2);
  const put = (containers: V1PodSpec['ephemeralContainers']): Promise<unknown> =>
    api.update(Pod, { ...second, spec: { ...second.spec!, ephemeralContainers: containers! } }, { subresource: 'ephemeralcontainers' });
  assert.match((await refused(put([]))).message, /existing ephemeral containers "debug" may not be removed/);
  assert.match(
    (await refused(put(second.spec!.ephemeralContainers!.map((c) => ({ ...c, image: 'other:1' }))))).message,
    /existing ephemeral containers "debug" may not be changed\n@@/,
  );
  assert.match(
    (await refused(put([...second.spec!.ephemeralContainers!, { name: 'c', image: 'i:1' }]))).message,
    /ephemeralContainers\[2\].name: Duplicate value: "c"/,
  );
  const lost = { ...second, spec: { ...second.spec!, ephemeralContainers: [] } };
  assert.match((await refused(api.update(Pod, lost))).message, /pod updates may not change fields other than/);
  assert.ok(pod);
});

test('resources change through resize only, and only those of CPU and memory', async () => {
  const api = await world();
  await makePod(api);
  const type = 'application/strategic-merge-patch+json';
  const resize = (container: object): Promise<V1Pod> =>
    api.patch(Pod, key, type, { spec: { containers: [{ name: 'c', ...container }] } } as never, { subresource: 'resize' });
  const resized = await resize({ resources: { limits: { cpu: '400m' } }, image: 'other:1' });
  assert.deepEqual([resized.spec!.containers[0]!.resources!.limits!['cpu'], resized.spec!.containers[0]!.image], ['400m', 'i:1']);
  assert.equal(resized.metadata!.generation, 2);
  assert.match((await refused(resize({ resources: { limits: { memory: null } } }))).message, /resource limits cannot be removed/);
  assert.match(
    (await refused(resize({ resources: { requests: { cpu: '400m' } } }))).message,
    /spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing/,
  );
  assert.match(
    (await refused(resize({ resources: { requests: { 'ephemeral-storage': '1Gi' } } }))).message,
    /only cpu and memory resources for sidecar and non-sidecar/,
  );
  const direct = cloneObject(await api.get(Pod, key));
  direct.spec!.containers[0]!.resources!.limits!['cpu'] = '1';
  assert.match((await refused(api.update(Pod, direct))).message, /pod updates may not change fields other than/);
});

test('a status write keeps the class and the generations it does not know', async () => {
  const api = await world();
  const conditions = [{ type: 'Ready', status: 'True', observedGeneration: 1 }];
  await makePod(api, {}, 'p', { phase: 'Running', observedGeneration: 1, conditions });
  const patch = { spec: { nodeName: 'm' }, status: { conditions: [{ type: 'Ready', status: 'False' }] } };
  const pod = await api.patch(Pod, key, 'application/merge-patch+json', patch, { subresource: 'status' });
  assert.deepEqual([pod.status!.qosClass, pod.status!.observedGeneration, pod.spec!.nodeName], ['Burstable', 1, 'n']);
  assert.deepEqual(pod.status!.conditions, [{ type: 'Ready', status: 'False', observedGeneration: 1 }]);
});
