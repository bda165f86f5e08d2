import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Endpoints, EndpointSlice, Service, type V1Endpoints, type V1EndpointSlice } from '#kinds';
import { ApiError } from '#machinery';
import { createWorld, serviceOf, type World } from '../testing/world.ts';
import { endpointSliceMirroringController } from './mirroring.ts';

function start(): World {
  const w = createWorld([endpointSliceMirroringController]);
  const service = serviceOf();
  delete service.spec?.selector;
  w.api.put(Service, service);
  return w;
}
const endpoints = (ips: string[], extra: Partial<V1Endpoints> = {}): V1Endpoints => ({
  metadata: { name: 'web', namespace: 'default', labels: { team: 'a' }, ...extra.metadata },
  subsets: extra.subsets ?? [{ addresses: ips.map((ip) => ({ ip })), ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }],
});
const slices = (w: World): V1EndpointSlice[] => w.api.all(EndpointSlice);
const addresses = (w: World): string[] =>
  slices(w).flatMap((s) => (s.endpoints ?? []).map((e) => `${e.addresses[0] ?? ''} ${e.conditions?.ready ? 'ready' : 'not'}`));

test('what users write as Endpoints is mirrored, follows changes, and goes with it', async () => {
  const w = start();
  await w.api.create(
    Endpoints,
    endpoints(['10.1.2.3'], { metadata: { annotations: { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } } }),
  );
  await w.run();
  const [slice] = slices(w);
  assert.deepEqual(slice?.metadata?.labels, {
    team: 'a',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
  });
  assert.deepEqual([slice?.metadata?.annotations, slice?.metadata?.ownerReferences?.[0]?.kind], [{ note: 'x' }, 'Endpoints']);
  assert.deepEqual([slice?.addressType, slice?.ports, addresses(w)], ['IPv4', [{ name: 'http', port: 80, protocol: 'TCP' }], ['10.1.2.3 ready']]);
  w.api.edit(Endpoints, 'default', 'web', (e) => Object.assign(e, endpoints(['10.2.3.4'])));
  await w.run();
  assert.deepEqual([slices(w).map((s) => s.metadata?.name), addresses(w)], [[slice?.metadata?.name], ['10.2.3.4 ready']], 'the same slice');
  w.api.writes.length = 0;
  await w.run(60_000);
  assert.deepEqual(w.api.writes, []);
  await w.api.delete(Endpoints, { namespace: 'default', name: 'web' });
  await w.run();
  assert.deepEqual(slices(w), []);
  await w.stop();
});

test('subsets, families and addresses that are not ready', async () => {
  const w = start();
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
  const subsets = [
    { addresses: [{ ip: '10.0.0.1', hostname: 'one', nodeName: 'n' }, { ip: 'fd00::1' }], notReadyAddresses: [{ ip: '10.0.0.2' }], ports },
    { addresses: [{ ip: '10.0.0.3' }], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] },
  ];
  await w.api.create(Endpoints, endpoints([], { subsets }));
  await w.run();
  assert.deepEqual(
    slices(w)
      .map((s) => `${s.addressType} ${s.ports?.[0]?.port ?? ''}: ${(s.endpoints ?? []).map((e) => e.addresses[0]).join()}`)
      .sort(),
    ['IPv4 8080: 10.0.0.3', 'IPv4 80: 10.0.0.1,10.0.0.2', 'IPv6 80: fd00::1'],
  );
  assert.ok(addresses(w).includes('10.0.0.2 not'));
  const one = slices(w)
    .flatMap((s) => s.endpoints ?? [])
    .find((e) => e.addresses[0] === '10.0.0.1');
  assert.deepEqual([one?.hostname, one?.nodeName], ['one', 'n']);
  await w.stop();
});

test('nothing is mirrored for a Service with a selector, without one, or where it is not wanted', async () => {
  const w = start();
  await w.api.create(Endpoints, endpoints(['10.0.0.1'], { metadata: { name: 'other' } }));
  await w.api.create(Endpoints, endpoints(['10.0.0.1'], { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } }));
  await w.run();
  assert.deepEqual(slices(w), []);
  w.api.edit(Endpoints, 'default', 'web', (e) => Object.assign(e, endpoints(['10.0.0.1'])));
  await w.run();
  assert.equal(slices(w).length, 1);
  w.api.edit(Service, 'default', 'web', (s) => Object.assign(s.spec ?? {}, { selector: { app: 'web' } }));
  await w.run();
  assert.deepEqual(slices(w), [], 'pods take over');
  await w.stop();
});

test('more than a thousand addresses of a subset are too many; a refusal is told and healed', async () => {
  const w = start();
  w.api.refuse = (write) => (write.kind === 'EndpointSlice' ? new ApiError('InternalError', 'disk full') : undefined);
  await w.api.create(Endpoints, endpoints(Array.from({ length: 1003 }, (_, i) => `10.1.${i >> 8}.${i & 255}`)));
  await w.run(100);
  assert.match(w.events().join(), /FailedToUpdateEndpointSlices: Error updating EndpointSlices for Endpoints default\/web: disk full/);
  w.api.refuse = undefined;
  await w.run(10_000);
  assert.equal(addresses(w).length, 1000);
  const text = 'A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 3 addresses were skipped';
  assert.ok(w.events().some((e) => e.startsWith(`TooManyAddressesToMirror: ${text}`)));
  await w.stop();
});
