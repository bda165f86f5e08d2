import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { podWithHostPort, service, settings, slice, type EndpointInput } from './fixtures.ts';
import { hostPortUnit } from './hostport.ts';
import { objectName } from './names.ts';
import { serviceUnit } from './service.ts';
import { Table } from './table.ts';
import type { Unit } from './unit.ts';

/** Compares with testdata/NAME.nft; UPDATE_GOLDEN=1 writes it. */
function golden(name: string, text: string): void {
  const file = new URL(`testdata/${name}.nft`, import.meta.url);
  if (process.env['UPDATE_GOLDEN']) writeFileSync(file, text);
  assert.equal(text, readFileSync(file, 'utf8'));
}
/** The table with one unit, without what every table has. */
function own(unit: Unit): string {
  const empty = new Set(new Table(settings).full().split('\n'));
  const table = new Table(settings);
  table.change(new Map([['u', unit]]));
  return (
    table
      .full()
      .split('\n')
      .filter((line) => !empty.has(line))
      .join('\n') + '\n'
  );
}
const two = [
  slice('web', [
    { ip: '10.64.0.5', node: 'node-0' },
    { ip: '10.64.1.7', node: 'node-1' },
  ]),
];

test('an empty table', () => golden('empty', new Table(settings).full()));

test('ClusterIP: one endpoint, several, none', () => {
  golden('clusterip-one', own(serviceUnit(service('web', {}), [slice('web', ['10.64.0.5'])], settings)));
  golden('clusterip-two', own(serviceUnit(service('web', {}), two, settings)));
  golden('clusterip-none', own(serviceUnit(service('web', { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30080 }] }), [], settings)));
});

test('hints: pods go to what is meant for their zone, or for their node', () => {
  const hinted = (hints: (zone: string, node: string) => object): Unit => {
    const at = (ip: string, node: string, zone: string): EndpointInput => ({ ip, node, ...hints(zone, node) });
    const endpoints = [at('10.64.0.5', 'node-0', 'a'), at('10.64.0.6', 'node-0', 'a'), at('10.64.1.7', 'node-1', 'b')];
    return serviceUnit(service('web', {}), [slice('web', endpoints)], settings, (node) => (node === 'node-0' ? 'a' : 'b'));
  };
  golden('hints', own(hinted((zone) => ({ zones: [zone] }))));
  // By their zones all of these would be for node-0.
  assert.equal(own(hinted((_zone, node) => ({ zones: ['a'], nodes: [node] }))), own(hinted((zone) => ({ zones: [zone] }))));
  const none = own(serviceUnit(service('web', {}), two, settings));
  assert.equal(
    own(
      serviceUnit(
        service('web', {}),
        [
          slice('web', [
            { ip: '10.64.0.5', node: 'node-0', zones: ['a'] },
            { ip: '10.64.1.7', node: 'node-1' },
          ]),
        ],
        settings,
        () => 'a',
      ),
    ),
    none,
  );
  assert.equal(
    own(
      serviceUnit(
        service('web', {}),
        [
          slice('web', [
            { ip: '10.64.0.5', node: 'node-0', zones: ['z'] },
            { ip: '10.64.1.7', node: 'node-1', zones: ['z'] },
          ]),
        ],
        settings,
        () => 'a',
      ),
    ),
    none,
  );
});

test('several named ports and protocols', () => {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    { name: 'assoc', port: 9, protocol: 'SCTP' },
  ];
  const slices = [
    slice(
      'dns',
      ['10.64.0.5', '10.64.0.6'],
      [
        { name: 'dns', port: 5353, protocol: 'UDP' },
        { name: 'dns-tcp', port: 5354, protocol: 'TCP' },
        { name: 'assoc', port: 9, protocol: 'SCTP' },
      ],
    ),
  ];
  golden('ports', own(serviceUnit(service('dns', { ports }), slices, settings)));
});

test('NodePort, external IPs, load balancer IPs with source ranges', () => {
  const spec = {
    type: 'LoadBalancer',
    ports: [{ name: 'http', port: 80, nodePort: 30080 }],
    externalIPs: ['192.0.2.7'],
    loadBalancerSourceRanges: ['198.51.100.0/24'],
  };
  golden('loadbalancer', own(serviceUnit(service('web', spec, { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } }), two, settings)));
});

test('Local traffic policies', () => {
  const spec = { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30080 }], externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' };
  golden('local', own(serviceUnit(service('web', spec), [slice('web', [{ ip: '10.64.0.5', node: 'node-0' }])], settings)));
});

test('session affinity', () => {
  const spec = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } };
  golden('affinity', own(serviceUnit(service('web', spec), two, settings)));
});

test('an endpoint outside the pod network is masqueraded', () =>
  golden('outside', own(serviceUnit(service('web', {}), [slice('web', ['203.0.113.4'])], settings))));

test('host ports', () => {
  golden('hostport', own(hostPortUnit(podWithHostPort('p', '10.64.1.9', 'node-1', { hostPort: 8080, containerPort: 80 }), settings)));
  golden(
    'hostport-ip',
    own(hostPortUnit(podWithHostPort('p', '10.64.1.9', 'node-1', { hostPort: 53, containerPort: 5353, hostIP: '127.0.0.1', protocol: 'UDP' }), settings)),
  );
  const done = podWithHostPort('p', '10.64.1.9', 'node-1', { hostPort: 8080, containerPort: 80 });
  assert.equal(hostPortUnit({ ...done, status: { ...done.status, phase: 'Succeeded' } }, settings).elements.size, 0);
});

test('which endpoints count', () => {
  const targets = (slices: ReturnType<typeof slice>[], spec = {}): string =>
    [...serviceUnit(service('web', spec), slices, settings).chains.values()].flat().join('\n');
  const mixed = [slice('web', [{ ip: '10.64.0.5' }, { ip: '10.64.0.6', ready: false }, { ip: '10.64.0.7', ready: false, serving: true, terminating: true }])];
  assert.equal(targets(mixed), 'meta l4proto tcp dnat ip to 10.64.0.5:8080');
  assert.match(targets(mixed, { publishNotReadyAddresses: true }), /mod 3/);
  const leaving = [
    slice('web', [
      { ip: '10.64.0.6', ready: false },
      { ip: '10.64.0.7', ready: false, serving: true, terminating: true },
    ]),
  ];
  assert.equal(targets(leaving), 'meta l4proto tcp dnat ip to 10.64.0.7:8080');
  assert.equal(targets([slice('web', ['10.64.0.5']), slice('web', [{ ip: '10.64.0.5', ready: false }])]), 'meta l4proto tcp dnat ip to 10.64.0.5:8080');
});

test('endpoints on nodes that are not ours do not count', () => {
  const unit = serviceUnit(service('web', {}), [slice('web', [{ ip: '100.64.0.2', node: 'sim-00001' }])], settings);
  assert.deepEqual([...unit.elements.keys()], ['no-endpoint-services']);
});

test('headless and ExternalName services have no rules', () => {
  for (const spec of [{ clusterIP: 'None' }, { type: 'ExternalName', externalName: 'example.org' }]) {
    const unit = serviceUnit(service('web', spec), two, settings);
    assert.equal(unit.chains.size + unit.elements.size, 0);
  }
});

test('nothing a user writes reaches the rules as text', () => {
  const evil = '1.2.3.4 }; flush ruleset; #';
  const spec = { clusterIP: evil, clusterIPs: [evil], externalIPs: [evil], loadBalancerSourceRanges: [evil], type: 'LoadBalancer' };
  const unit = serviceUnit(
    { ...service('web', spec, { loadBalancer: { ingress: [{ ip: evil }] } }), metadata: { namespace: 'a b', name: 'x{y' } },
    [slice('web', [evil, '10.64.0.5'])],
    settings,
  );
  assert.ok(!own(unit).includes('flush ruleset') && !own(unit).includes('x{y'));
  assert.match(objectName('svc', 'ns', 'a'.repeat(200)), /^svc\/h-[0-9a-f]{32}$/);
});

test('live knows addresses and UIDs of those that stay', () => {
  const unit = serviceUnit(service('web', {}), [slice('web', [{ ip: '10.64.0.7', uid: 'u1', ready: false, serving: true, terminating: true }])], settings);
  assert.equal(unit.live.size, 0);
  assert.deepEqual([...serviceUnit(service('web', {}), [slice('web', [{ ip: '10.64.0.7', uid: 'u1' }])], settings).live], ['10.64.0.7', 'u1']);
});
