import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IPAddress, Service, ServiceCIDR, type V1IPAddress } from '#kinds';
import { createWorld, serviceOf, type World } from '../testing/world.ts';
import { serviceAddressController } from './ip-addresses.ts';
import { serviceCidrController } from './service-cidrs.ts';

const start = (): World => createWorld([serviceAddressController, serviceCidrController], { serviceCidr: '10.96.0.0/16' });
const names = (w: World): string[] => w.api.all(IPAddress).map(({ metadata }) => metadata?.name ?? '');
const ready = (w: World, name: string): string => {
  const condition = w.api.all(ServiceCIDR).find(({ metadata }) => metadata?.name === name)?.status?.conditions?.[0];
  return `${condition?.status}: ${condition?.message}`;
};
const service = (name: string, ip: string) => ({ ...serviceOf({ clusterIP: ip, clusterIPs: [ip] }), metadata: { name, namespace: 'default' } });

test('every cluster IP has its object, for as long as the Service has it', async () => {
  const w = start();
  w.api.put(Service, service('a', '10.96.0.7'));
  w.api.put(Service, service('headless', 'None'));
  w.api.put(IPAddress, { metadata: { name: '10.96.0.99' }, spec: { parentRef: { resource: 'things', name: 't' } } });
  await w.run();
  const [made] = w.api.all(IPAddress).filter(({ metadata }) => metadata?.name === '10.96.0.7');
  assert.deepEqual(made?.spec?.parentRef, { resource: 'services', namespace: 'default', name: 'a' });
  assert.deepEqual(made?.metadata?.labels, { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' });
  w.api.drop(Service, 'default', 'a');
  w.api.put(Service, service('b', '10.96.0.7'));
  await w.run();
  assert.equal((w.api.all(IPAddress)[0] as V1IPAddress).spec?.parentRef?.name, 'b');
  w.api.drop(Service, 'default', 'b');
  await w.run();
  assert.deepEqual(names(w), ['10.96.0.99']);
  await w.stop();
});

test('the default range is there and ready; a range goes when no address depends on it', async () => {
  const w = start();
  await w.run();
  assert.deepEqual(w.api.all(ServiceCIDR)[0]?.spec?.cidrs, ['10.96.0.0/16']);
  assert.equal(ready(w, 'kubernetes'), 'True: Kubernetes default Service CIDR is ready');
  await w.api.create(ServiceCIDR, { metadata: { name: 'more' }, spec: { cidrs: ['10.7.0.0/24'] } });
  w.api.put(Service, service('a', '10.7.0.7'));
  await w.run();
  assert.equal(ready(w, 'more'), 'True: Kubernetes Service CIDR is ready');
  await w.api.delete(ServiceCIDR, { name: 'more' });
  await w.run();
  assert.match(ready(w, 'more'), /^False: There are still IPAddresses referencing the ServiceCIDR/);
  w.api.drop(Service, 'default', 'a');
  await w.run(400);
  assert.deepEqual(
    w.api.all(ServiceCIDR).map(({ metadata }) => metadata?.name),
    ['kubernetes'],
  );
  await w.stop();
});
