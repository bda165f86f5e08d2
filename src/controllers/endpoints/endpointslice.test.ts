import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Endpoints, EndpointSlice, Node, Pod, Service, type V1EndpointSlice, type V1Pod } from '#kinds';
import { ApiError } from '#machinery';
import { createWorld, podOf, serviceOf, type World } from '../testing/world.ts';
import { endpointsController } from './endpoints.ts';
import { endpointSliceController } from './endpointslice.ts';

const time = '2026-01-01T00:00:00Z';
function start(): World {
  const w = createWorld([endpointSliceController, endpointsController]);
  w.api.put(Node, { metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'a' } } });
  return w;
}
function pod(name: string, ip: string, ready = true): V1Pod {
  return podOf(name, {
    spec: { nodeName: 'n1', containers: [{ name: 'app', image: 'app:1', ports: [{ name: 'web', containerPort: 8081 }] }] },
    status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: time }] },
  });
}
const only = (w: World): V1EndpointSlice => {
  const slices = w.api.all(EndpointSlice);
  assert.equal(slices.length, 1);
  return slices[0]!;
};
const addresses = (w: World): string[] =>
  w.api
    .all(EndpointSlice)
    .flatMap((s) => (s.endpoints ?? []).map((e) => e.addresses[0] ?? ''))
    .sort();

test('ready, serving and terminating pods, with target, node and zone', async () => {
  const w = start();
  w.api.put(Pod, pod('a', '10.0.0.1'));
  w.api.put(Pod, pod('b', '10.0.0.2', false));
  w.api.put(Pod, {
    ...pod('c', '10.0.0.3'),
    metadata: { name: 'c', namespace: 'default', labels: { app: 'web' }, deletionTimestamp: time, deletionGracePeriodSeconds: 30 },
  });
  await w.api.create(Service, serviceOf());
  await w.run(1);
  const slice = only(w);
  const uid = w.api.all(Pod)[0]?.metadata?.uid;
  assert.deepEqual(slice.endpoints?.[0], {
    addresses: ['10.0.0.1'],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: 'n1',
    targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid },
    zone: 'a',
  });
  assert.deepEqual(slice.endpoints?.[1]?.conditions, { ready: false, serving: false, terminating: false });
  assert.deepEqual(slice.endpoints?.[2]?.conditions, { ready: false, serving: true, terminating: true });
  assert.deepEqual(slice.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  assert.match(slice.metadata?.name ?? '', /^web-[a-z0-9]{5}$/);
  assert.deepEqual(slice.metadata?.labels, {
    app: 'web',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  });
  assert.equal(slice.metadata?.ownerReferences?.[0]?.kind, 'Service');
  const subset = w.api.all(Endpoints)[0]?.subsets?.[0];
  assert.deepEqual(
    subset?.addresses?.map((a) => a.ip),
    ['10.0.0.1'],
  );
  assert.deepEqual(
    subset?.notReadyAddresses?.map((a) => a.ip),
    ['10.0.0.2'],
  );
  assert.deepEqual(subset?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  await w.stop();
});

test('changes are told at once: no time has to pass', async () => {
  const w = start();
  await w.api.create(Service, serviceOf());
  await w.run();
  w.api.put(Pod, pod('a', '10.0.0.1'));
  await w.run(0);
  assert.deepEqual(addresses(w), ['10.0.0.1']);
  w.api.edit(Pod, 'default', 'a', (p) => void (p.status!.conditions![0]!.status = 'False'));
  await w.run(0);
  assert.equal(only(w).endpoints?.[0]?.conditions?.ready, false);
  w.api.drop(Pod, 'default', 'a');
  await w.run(0);
  assert.deepEqual(only(w).endpoints, [], 'one slice stays');
  await w.stop();
});

test('at most a hundred per slice, endpoints keep their slice, emptied slices go', async () => {
  const w = start();
  for (let i = 0; i < 250; i++) w.api.put(Pod, pod(`p${i}`, `10.1.${i >> 8}.${i & 255}`));
  await w.api.create(Service, serviceOf());
  await w.run();
  assert.deepEqual(
    w.api
      .all(EndpointSlice)
      .map((s) => s.endpoints?.length ?? 0)
      .sort((a, b) => b - a),
    [100, 100, 50],
  );
  const before = new Map(w.api.all(EndpointSlice).map((s) => [s.metadata?.name, s.metadata?.resourceVersion]));
  w.api.put(Pod, pod('new', '10.2.0.1'));
  await w.run();
  const changed = w.api.all(EndpointSlice).filter((s) => before.get(s.metadata?.name) !== s.metadata?.resourceVersion);
  assert.equal(changed.length, 1, 'one pod more changes one slice');
  for (let i = 0; i < 200; i++) w.api.drop(Pod, 'default', `p${i}`);
  await w.run();
  assert.equal(addresses(w).length, 51);
  assert.ok(w.api.all(EndpointSlice).every((s) => (s.endpoints ?? []).length > 0));
  await w.stop();
});

test('named target ports: pods with other numbers get another slice', async () => {
  const w = start();
  w.api.put(Pod, pod('a', '10.0.0.1'));
  const other = pod('b', '10.0.0.2');
  other.spec!.containers[0]!.ports = [{ name: 'web', containerPort: 9090 }];
  w.api.put(Pod, other);
  await w.api.create(Service, serviceOf({ ports: [{ name: 'http', port: 80, targetPort: 'web' }] }));
  await w.run();
  assert.deepEqual(
    w.api
      .all(EndpointSlice)
      .map((s) => `${s.ports?.[0]?.port ?? 0} ${s.endpoints?.[0]?.addresses[0] ?? ''}`)
      .sort(),
    ['8081 10.0.0.1', '9090 10.0.0.2'],
  );
  assert.equal(w.api.all(Endpoints)[0]?.subsets?.length, 2);
  await w.stop();
});

test('publishNotReadyAddresses, headless services with host names, and no selector', async () => {
  const w = start();
  const db = pod('a', '10.0.0.1', false);
  db.spec = { ...db.spec!, hostname: 'db-0', subdomain: 'web' };
  w.api.put(Pod, db);
  await w.api.create(Service, serviceOf({ publishNotReadyAddresses: true, clusterIP: 'None' }));
  const manual = serviceOf();
  delete manual.spec!.selector;
  await w.api.create(Service, { ...manual, metadata: { name: 'manual', namespace: 'default' } });
  await w.run();
  const slice = only(w);
  assert.deepEqual(
    [slice.endpoints?.[0]?.conditions?.ready, slice.endpoints?.[0]?.hostname, slice.metadata?.labels?.['service.kubernetes.io/headless']],
    [true, 'db-0', ''],
  );
  assert.deepEqual(
    w.api.all(Endpoints).map((e) => e.metadata?.name),
    ['web'],
  );
  await w.stop();
});

test('a node that vanishes takes its endpoints with it', async () => {
  const w = start();
  w.api.put(Pod, pod('a', '10.0.0.1'));
  await w.api.create(Service, serviceOf());
  await w.run();
  w.api.drop(Node, undefined, 'n1');
  await w.run();
  assert.deepEqual(addresses(w), []);
  await w.stop();
});

test('a lagging cache makes no second slice; a refusal is told and healed', async () => {
  const w = start();
  w.api.put(Pod, pod('a', '10.0.0.1'));
  await w.run();
  w.api.refuse = (write) => (write.kind === 'EndpointSlice' ? new ApiError('InternalError', 'disk full') : undefined);
  await w.api.create(Service, serviceOf());
  await w.run(100);
  assert.ok(w.events().some((e) => e.startsWith('FailedToUpdateEndpointSlices: Error updating Endpoint Slices for Service default/web: disk full')));
  w.api.refuse = undefined;
  w.api.pause(EndpointSlice);
  await w.run(2000);
  await w.api.patch(Service, { namespace: 'default', name: 'web' }, 'application/merge-patch+json', { metadata: { labels: { x: 'y' } } });
  await w.run(2000);
  assert.equal(only(w).metadata?.labels?.['x'], 'y');
  w.api.resume();
  await w.run(2000);
  assert.equal(only(w).metadata?.labels?.['x'], 'y');
  await w.stop();
});

test('the Endpoints of a deleted Service are deleted', async () => {
  const w = start();
  await w.api.create(Service, serviceOf());
  await w.run();
  assert.equal(w.api.all(Endpoints).length, 1);
  await w.api.delete(Service, { namespace: 'default', name: 'web' });
  await w.run();
  assert.equal(w.api.all(Endpoints).length, 0);
  await w.stop();
});
