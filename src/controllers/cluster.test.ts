import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi } from '#client';
import { APIService, ConfigMap, Namespace, Pod, ServiceAccount } from '#kinds';
import { ApiError } from '#machinery';
import { helloController } from './hello.example.ts';
import { controllers, startControllers } from './index.ts';
import { namespaceController } from './namespace.ts';
import { rootCaController } from './root-ca.ts';
import { serviceAccountController } from './serviceaccount.ts';
import { createWorld, podOf, type World } from './testing/world.ts';

const start = (rootCa = 'PEM'): World => createWorld([namespaceController, serviceAccountController, rootCaController], { rootCa });

test('a new cluster has its namespaces, each with its ServiceAccount and the CA', async () => {
  const w = start();
  await w.run();
  const names = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
  assert.deepEqual(
    w.api.all(Namespace).map((n) => n.metadata?.name),
    names,
  );
  assert.deepEqual(
    w.api
      .all(ServiceAccount)
      .map((a) => `${a.metadata?.namespace ?? ''}/${a.metadata?.name ?? ''}`)
      .sort(),
    names.map((n) => `${n}/default`),
  );
  assert.deepEqual(
    w.api.all(ConfigMap).map((m) => [m.metadata?.name, m.data?.['ca.crt']]),
    names.map(() => ['kube-root-ca.crt', 'PEM']),
  );
  await w.api.delete(ServiceAccount, { namespace: 'default', name: 'default' });
  w.api.edit(ConfigMap, 'default', 'kube-root-ca.crt', (m) => void (m.data = { 'ca.crt': 'forged' }));
  await w.run();
  assert.equal(w.api.all(ServiceAccount, 'default').length, 1);
  assert.deepEqual(w.api.all(ConfigMap, 'default')[0]?.data, { 'ca.crt': 'PEM' });
  await w.stop();
});

test('a namespace that is deleted is emptied, pods first, and says what it waits for', async () => {
  const w = start();
  await w.api.create(Namespace, { metadata: { name: 'shop' } });
  await w.run();
  w.api.put(Pod, podOf('held', { metadata: { namespace: 'shop', finalizers: ['example.com/hold'] } }));
  w.api.put(ConfigMap, { metadata: { name: 'settings', namespace: 'shop' } });
  await w.api.delete(Namespace, { name: 'shop' });
  await w.run(1000);
  const shop = w.api.all(Namespace).find((n) => n.metadata?.name === 'shop');
  assert.equal(shop?.status?.phase, 'Terminating');
  const text = (type: string): string => {
    const c = shop?.status?.conditions?.find((x) => x.type === type);
    return `${c?.status ?? ''} ${c?.message ?? ''}`;
  };
  assert.equal(text('NamespaceContentRemaining'), 'True Some resources are remaining: pods. has 1 resource instances');
  assert.equal(text('NamespaceFinalizersRemaining'), 'True Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances');
  assert.equal(w.api.all(ConfigMap, 'shop').length, 2, 'the rest waits for the pods');
  w.api.drop(Pod, 'shop', 'held');
  await w.run(1000);
  assert.equal(
    w.api.all(Namespace).some((n) => n.metadata?.name === 'shop'),
    false,
  );
  assert.equal(w.api.all(ConfigMap, 'shop').length + w.api.all(ServiceAccount, 'shop').length, 0);
  await w.stop();
});

test('a namespace waits for groups whose server does not answer, and says so', async () => {
  const w = start();
  await w.api.create(Namespace, { metadata: { name: 'shop' } });
  const service = { group: 'metrics.example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, service: { name: 'm', namespace: 'default' } };
  w.api.put(APIService, { metadata: { name: 'v1.metrics.example.com' }, spec: service, status: { conditions: [{ type: 'Available', status: 'False' }] } });
  await w.run();
  await w.api.delete(Namespace, { name: 'shop' });
  await w.run(1000);
  const condition = w.api
    .all(Namespace)
    .find((n) => n.metadata?.name === 'shop')
    ?.status?.conditions?.find((c) => c.status === 'True');
  assert.equal(
    `${condition?.type ?? ''}: ${condition?.message ?? ''}`,
    'NamespaceDeletionDiscoveryFailure: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: metrics.example.com/v1: stale GroupVersion discovery: metrics.example.com/v1',
  );
  w.api.edit(APIService, undefined, 'v1.metrics.example.com', (s) => void (s.status = { conditions: [{ type: 'Available', status: 'True' }] }));
  await w.run(20_000);
  assert.equal(
    w.api.all(Namespace).some((n) => n.metadata?.name === 'shop'),
    false,
  );
  await w.stop();
});

test('a namespace that is stuck is looked at less and less often', async () => {
  const w = start();
  await w.api.create(Namespace, { metadata: { name: 'shop' } });
  await w.run();
  w.api.put(ConfigMap, { metadata: { name: 'held', namespace: 'shop', finalizers: ['example.com/hold'] } });
  await w.api.delete(Namespace, { name: 'shop' });
  await w.run(60_000);
  const list = w.api.list.bind(w.api);
  let lists = 0;
  w.api.list = ((kind: never, options: never) => (lists++, list(kind, options))) as typeof w.api.list;
  await w.run(60_000);
  assert.ok(lists > 0 && lists < 6 * 70 * 2, `${lists} lists in a minute`);
  w.api.drop(ConfigMap, 'shop', 'held');
  await w.run(16_000);
  assert.equal(
    w.api.all(Namespace).some((n) => n.metadata?.name === 'shop'),
    false,
  );
  await w.stop();
});

test('content that may not be deleted is told and tried again', async () => {
  const w = start();
  await w.api.create(Namespace, { metadata: { name: 'shop' } });
  await w.run();
  w.api.refuse = (write) => (write.verb === 'delete' && write.kind === 'ConfigMap' ? new ApiError('Forbidden', 'not you') : undefined);
  await w.api.delete(Namespace, { name: 'shop' });
  await w.run(500);
  const condition = w.api
    .all(Namespace)
    .find((n) => n.metadata?.name === 'shop')
    ?.status?.conditions?.find((c) => c.type === 'NamespaceDeletionContentFailure');
  assert.deepEqual(
    [condition?.status, condition?.reason, condition?.message],
    ['True', 'ContentDeletionFailed', 'Failed to delete all resource types, 1 remaining: not you'],
  );
  w.api.refuse = undefined;
  await w.run(60_000);
  assert.equal(
    w.api.all(Namespace).some((n) => n.metadata?.name === 'shop'),
    false,
  );
  await w.stop();
});

test('the example controller works', async () => {
  const w = createWorld([helloController]);
  w.api.put(ConfigMap, { metadata: { name: 'm', namespace: 'default', annotations: { 'example.batuta.dev/greet': 'Ada' } } });
  await w.run();
  assert.deepEqual(w.api.all(ConfigMap)[0]?.data, { greeting: 'Hello, Ada!' });
  assert.deepEqual(w.events(), ['Greeted: Hello, Ada!']);
  await w.stop();
});

test('every controller of this room is in its index', () => {
  const here = new URL('.', import.meta.url);
  const files = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter(
    (f) => f.endsWith('.ts') && !f.endsWith('.test.ts') && !f.endsWith('.example.ts'),
  );
  const defined = files.flatMap((f) => [...readFileSync(new URL(f, here), 'utf8').matchAll(/export const (\w+): Controller\b/g)].map((m) => m[1] ?? ''));
  const index = readFileSync(new URL('index.ts', here), 'utf8');
  for (const name of defined) assert.match(index, new RegExp(`^  ${name},$`, 'm'), `${name} is not in index.ts`);
  assert.equal(controllers.length, defined.length);
  assert.equal(new Set(controllers.map((c) => c.name)).size, controllers.length);
});

test('the paths in docs/adding-a-controller.md exist', () => {
  const root = new URL('../../', import.meta.url);
  const text = readFileSync(new URL('docs/adding-a-controller.md', root), 'utf8');
  const paths = [...text.matchAll(/`(src\/[\w./-]+)`/g)].map((m) => m[1] ?? '');
  assert.ok(paths.length >= 6);
  for (const path of paths) assert.ok(existsSync(new URL(path, root)), path);
});

test('controllers stop although the API never answered', async () => {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  api.list = () => Promise.reject(new ApiError('ServiceUnavailable', 'down'));
  const client = createClient(api, clock, silentLogger);
  const running = startControllers({ client, clock, random: seededRandom(1), log: silentLogger });
  await clock.advance(1000);
  await running.stop();
  client.close();
  assert.deepEqual(api.writes, []);
});
