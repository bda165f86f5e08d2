import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  setHeaderOptions,
  PatchStrategy,
  Watch,
  type Informer,
  type KubernetesObject,
  type ObjectCache,
  type V1ConfigMap,
  type V1Deployment,
} from '@kubernetes/client-node';
import { eventually, useCluster } from './harness.ts';

/** An unmodified client library that knows nothing of us: over TLS, with the kubeconfig as written. */
describe('@kubernetes/client-node', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '2', '--nodes', '0');
  let config: KubeConfig;
  let core: CoreV1Api;
  let apps: AppsV1Api;
  const namespace = 'library';
  before(async () => {
    config = new KubeConfig();
    config.loadFromFile(my.cluster.kubeconfig);
    core = config.makeApiClient(CoreV1Api);
    apps = config.makeApiClient(AppsV1Api);
    await core.createNamespace({ body: { metadata: { name: namespace } } });
  });
  const configMap = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: { from: 'library' } },
    data,
  });

  test('create, read, replace, patch, list, delete; dates are dates', async () => {
    const made = await core.createNamespacedConfigMap({ namespace, body: configMap('crud', { a: '1' }) });
    assert.ok(made.metadata?.creationTimestamp instanceof Date);
    const read = await core.readNamespacedConfigMap({ namespace, name: 'crud' });
    assert.deepEqual(read.data, { a: '1' });
    const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'crud', body: { ...read, data: { a: '2' } } });
    assert.notEqual(replaced.metadata?.resourceVersion, made.metadata?.resourceVersion);
    await assert.rejects(
      core.replaceNamespacedConfigMap({ namespace, name: 'crud', body: { ...read, data: { a: '3' } } }),
      (error) => error instanceof ApiException && error.code === 409,
    );
    const patched = await core.patchNamespacedConfigMap(
      { namespace, name: 'crud', body: { data: { b: '3' } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    assert.deepEqual(patched.data, { a: '2', b: '3' });
    const list = await core.listNamespacedConfigMap({ namespace, labelSelector: 'from=library', limit: 1 });
    assert.equal(list.items.length, 1);
    await core.deleteNamespacedConfigMap({ namespace, name: 'crud' });
    await assert.rejects(core.readNamespacedConfigMap({ namespace, name: 'crud' }), (error) => error instanceof ApiException && error.code === 404);
    await assert.rejects(
      core.createNamespacedConfigMap({ namespace, body: configMap('No Name') }),
      (error) => error instanceof ApiException && error.code === 422 && /a lowercase RFC 1123 subdomain/.test(String(error.body)),
    );
  });

  test('an informer sees what was, what comes, what changes and what goes, and its cache is right', async () => {
    await core.createNamespacedConfigMap({ namespace, body: configMap('there') });
    const seen: string[] = [];
    const informer: Informer<V1ConfigMap> & ObjectCache<V1ConfigMap> = makeInformer(
      config,
      `/api/v1/namespaces/${namespace}/configmaps`,
      () => core.listNamespacedConfigMap({ namespace, labelSelector: 'from=library' }),
      'from=library',
    );
    for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, (object) => void seen.push(`${verb} ${object.metadata?.name}`));
    informer.on('error', (error: unknown) => void seen.push(`error ${String(error)}`));
    await informer.start();
    try {
      await core.createNamespacedConfigMap({ namespace, body: configMap('comes', { n: '1' }) });
      await core.patchNamespacedConfigMap(
        { namespace, name: 'comes', body: { data: { n: '2' } } },
        setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
      );
      await eventually('the change', async () => informer.get('comes', namespace)?.data?.['n'] === '2');
      await core.deleteNamespacedConfigMap({ namespace, name: 'comes' });
      await eventually('the end', async () => seen.includes('delete comes'));
      assert.deepEqual(seen, ['add there', 'add comes', 'update comes', 'delete comes']);
      assert.deepEqual(
        informer.list().map((o) => o.metadata?.name),
        ['there'],
      );
    } finally {
      await informer.stop();
    }
  });

  test('under churn, every event once and in order, for an informer and for a plain watch', async () => {
    const seconds = Number(process.env['CHURN_SECONDS'] ?? 20);
    const created = await core.createNamespace({ body: { metadata: { name: 'churn' } } });
    assert.ok(created.metadata?.uid);
    const known = new Map<string, string>();
    const wrong: string[] = [];
    const informer = makeInformer(config, '/api/v1/namespaces/churn/configmaps', () => core.listNamespacedConfigMap({ namespace: 'churn' }));
    informer.on('error', (error: unknown) => void wrong.push(String(error)));
    await informer.start();
    const { metadata, items } = await core.listNamespacedConfigMap({ namespace: 'churn' });
    for (const { metadata: m } of items) known.set(m?.name ?? '', m?.resourceVersion ?? '');
    let last = Number(metadata?.resourceVersion);
    const watching = await new Watch(config).watch(
      '/api/v1/namespaces/churn/configmaps',
      { resourceVersion: metadata?.resourceVersion },
      (phase: string, { metadata: meta }: V1ConfigMap) => {
        const [name = '', version = ''] = [meta?.name, meta?.resourceVersion];
        if (Number(version) <= last) wrong.push(`${phase} ${name} ${version} after ${last}`);
        last = Number(version);
        if (known.has(name) === (phase === 'ADDED')) wrong.push(`${phase} of ${name}, ${known.has(name) ? 'known' : 'unknown'}`);
        if (phase === 'DELETED') known.delete(name);
        else known.set(name, version);
      },
      () => {},
    );
    const end = Date.now() + seconds * 1000;
    let writes = 0;
    const churn = async (worker: number): Promise<void> => {
      for (let i = 0; Date.now() < end; i++) {
        const name = `w${worker}-${i % 5}`;
        const body = { ...configMap(name, { i: String(i) }), metadata: { name } };
        await core.createNamespacedConfigMap({ namespace: 'churn', body });
        await core.replaceNamespacedConfigMap({ namespace: 'churn', name, body: { ...body, data: { i: `${i}!` } } });
        if (i % 5 !== 4 || i % 2 === 0) await core.deleteNamespacedConfigMap({ namespace: 'churn', name });
        else await core.deleteCollectionNamespacedConfigMap({ namespace: 'churn', fieldSelector: `metadata.name=${name}` });
        writes += 3;
      }
      await core.createNamespacedConfigMap({ namespace: 'churn', body: { ...configMap(`kept-${worker}`), metadata: { name: `kept-${worker}` } } });
    };
    try {
      await Promise.all([0, 1, 2, 3].map(churn));
      const truth = (await core.listNamespacedConfigMap({ namespace: 'churn' })).items.map(({ metadata: m }) => `${m?.name} ${m?.resourceVersion}`).sort();
      const shown = (): string[] => [...known].map(([name, version]) => `${name} ${version}`).sort();
      await eventually('the watch has seen all', async () => JSON.stringify(shown()) === JSON.stringify(truth));
      const cached = (): string[] =>
        informer
          .list()
          .map(({ metadata: m }) => `${m?.name} ${m?.resourceVersion}`)
          .sort();
      await eventually('the informer has seen all', async () => JSON.stringify(cached()) === JSON.stringify(truth));
      assert.deepEqual(wrong, []);
      assert.ok(writes > seconds * 10, `only ${writes} writes`);
    } finally {
      watching.abort();
      await informer.stop();
    }
  });

  test('a watch from a version, ended by the client', async () => {
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const seen: string[] = [];
    const watch = new Watch(config);
    const controller = await watch.watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      { resourceVersion: metadata?.resourceVersion ?? '', allowWatchBookmarks: true },
      (phase, object: KubernetesObject) => void seen.push(`${phase} ${object.metadata?.name}`),
      () => {},
    );
    await core.createNamespacedConfigMap({ namespace, body: configMap('watched') });
    await eventually('the event', async () => seen.includes('ADDED watched'));
    controller.abort();
    assert.deepEqual(seen, ['ADDED watched']);
  });

  test('a Deployment rolls out, scales, and is applied as a plain object', async () => {
    const body: V1Deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'app', namespace },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'app' } },
        template: { metadata: { labels: { app: 'app' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
      },
    };
    const objects = KubernetesObjectApi.makeApiClient(config);
    await objects.patch(body, undefined, undefined, 'library', true, PatchStrategy.ServerSideApply);
    await eventually('two are available', async () => (await apps.readNamespacedDeployment({ namespace, name: 'app' })).status?.availableReplicas === 2);
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'app' });
    await apps.replaceNamespacedDeploymentScale({ namespace, name: 'app', body: { ...scale, spec: { replicas: 1 } } });
    await eventually('one is left', async () => (await core.listNamespacedPod({ namespace, labelSelector: 'app=app' })).items.length === 1);
    await objects.delete(body, undefined, undefined, undefined, undefined, 'Foreground');
    await eventually('it is gone', async () => (await core.listNamespacedPod({ namespace, labelSelector: 'app=app' })).items.length === 0);
  });

  test('a token opens the door, and only so far', async () => {
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'robot' } } });
    const { status } = await core.createNamespacedServiceAccountToken({ namespace, name: 'robot', body: { spec: { audiences: [], expirationSeconds: 600 } } });
    const robot = new KubeConfig();
    const server = config.getCurrentCluster();
    assert.ok(server);
    robot.loadFromClusterAndUser(server, { name: 'robot', token: status?.token ?? '' });
    await assert.rejects(
      robot.makeApiClient(CoreV1Api).listNamespacedPod({ namespace }),
      (error) =>
        error instanceof ApiException && error.code === 403 && /User \\?"system:serviceaccount:library:robot\\?" cannot list resource/.test(String(error.body)),
    );
  });
});
