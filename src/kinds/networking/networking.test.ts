import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '#machinery';
import { prepared, refused, refusedStatus, refusedUpdate } from '../fixtures/objects.ts';
import { canonicalIP, parseCidr, specialIP, strictlyWithin } from '../support/ip.ts';
import { Ingress } from './ingress.ts';
import { IngressClass } from './ingressclass.ts';
import { IPAddress } from './ipaddress.ts';
import { NetworkPolicy } from './networkpolicy.ts';
import { ServiceCIDR } from './servicecidr.ts';

const backend = { service: { name: 'web', port: { number: 80 } } };
const ingress = (spec: object): string[] => refused(Ingress, (object) => (object.spec = spec)).map((text) => text.replace(/(a lowercase|a wildcard) .*/, '…'));

test('an ingress leads somewhere', () => {
  assert.deepEqual(ingress({}), ['spec: Invalid value: []: either `defaultBackend` or `rules` must be specified']);
  assert.deepEqual(ingress({ defaultBackend: {} }), ['spec.defaultBackend: Invalid value: "": resource or service backend is required']);
  assert.deepEqual(ingress({ defaultBackend: { ...backend, resource: { kind: 'B', name: 'b' } } }), [
    'spec.defaultBackend: Invalid value: "": cannot set both resource and service backends',
  ]);
  assert.deepEqual(ingress({ defaultBackend: { service: { name: 'web', port: { number: 80, name: 'http' } } } }), [
    'spec.defaultBackend: Invalid value: "": cannot set both port name & port number',
  ]);
  assert.deepEqual(ingress({ defaultBackend: { service: { name: '' } } }), [
    'spec.defaultBackend.service.name: Required value',
    'spec.defaultBackend: Required value: port name or number is required',
  ]);
});

test('hosts and paths of an ingress', () => {
  const rule = (host: string, ...paths: object[]): string[] => ingress({ rules: [{ host, http: { paths } }] });
  assert.deepEqual(rule('10.0.0.1'), [
    'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    'spec.rules[0].http.paths: Required value',
  ]);
  assert.deepEqual(rule('a.*.com', { path: '/', pathType: 'Prefix', backend }), ['spec.rules[0].host: Invalid value: "a.*.com": …']);
  const at = 'spec.rules[0].http.paths';
  assert.deepEqual(
    rule(
      'a.b',
      { path: 'x//y/..', pathType: 'Exact', backend },
      { backend },
      { path: 'x', pathType: 'ImplementationSpecific', backend },
      { path: '/', pathType: 'Regex', backend },
    ),
    [
      `${at}[0].path: Invalid value: "x//y/..": must be an absolute path`,
      `${at}[0].path: Invalid value: "x//y/..": must not contain '//'`,
      `${at}[0].path: Invalid value: "x//y/..": cannot end with '/..'`,
      `${at}[1].pathType: Required value: pathType must be specified`,
      `${at}[2].path: Invalid value: "x": must be an absolute path`,
      `${at}[3].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
    ],
  );
  assert.deepEqual(ingress({ defaultBackend: backend, tls: [{ hosts: ['*.a.b', '*'], secretName: 'Bad' }] }), [
    'spec.tls[0].hosts[1]: Invalid value: "*": …',
    'spec.tls[0].secretName: Invalid value: "Bad": …',
  ]);
  assert.deepEqual(refusedStatus(Ingress, { loadBalancer: { ingress: [{ ip: 'x' }] } }), [
    'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ]);
});

test('a row of an ingress', () => {
  const rules = ['a', 'b', 'c', 'd', 'e'].map((host) => ({ host }));
  const object = {
    metadata: { name: 'i', creationTimestamp: '2031-01-01T00:00:00Z' },
    spec: { ingressClassName: 'x', rules, tls: [{}] },
    status: { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } },
  };
  assert.deepEqual(renderTable(Ingress, [object], Date.parse('2031-01-01T00:00:30Z')).rows[0]!.cells, [
    'i',
    'x',
    'a,b,c + 2 more...',
    '10.0.0.1',
    '80, 443',
    '30s',
  ]);
});

test('classes name a controller, for good', () => {
  const controller = (text: string): string[] => refused(IngressClass, (object) => (object.spec!.controller = text));
  assert.deepEqual(controller(''), ['spec.controller: Required value']);
  assert.deepEqual(controller('nginx'), ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")']);
  assert.deepEqual(
    refused(IngressClass, (object) => (object.spec!.parameters = { kind: '', name: '', namespace: 'x' })),
    [
      'spec.parameters.kind: Required value: kind is required',
      'spec.parameters.name: Required value: name is required',
      "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
    ],
  );
  assert.deepEqual(
    refusedUpdate(IngressClass, (object) => (object.spec!.controller = 'example.com/other')),
    ['spec.controller: Invalid value: "example.com/other": field is immutable'],
  );
});

test('policies default to ingress, and to egress when they speak of it', () => {
  const types = (spec: object): unknown => prepared(NetworkPolicy, { metadata: { name: 'p', namespace: 'default' }, spec }).spec!.policyTypes;
  assert.deepEqual(types({ podSelector: {} }), ['Ingress']);
  assert.deepEqual(types({ podSelector: {}, egress: [{}] }), ['Ingress', 'Egress']);
});

test('ports and peers of a policy', () => {
  const from = (...peers: object[]): string[] => refused(NetworkPolicy, (object) => (object.spec!.ingress = [{ from: peers }]));
  const at = 'spec.ingress[0].from[0]';
  assert.deepEqual(from({}), [`${at}: Required value: must specify a peer`]);
  assert.deepEqual(from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8', '11.0.0.0/9', 'x'] }, podSelector: {} }), [
    `${at}.ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of \`cidr\``,
    `${at}.ipBlock.except[1]: Invalid value: "11.0.0.0/9": must be a strict subset of \`cidr\``,
    `${at}.ipBlock.except[2]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`,
    `${at}: Forbidden: may not specify both ipBlock and another peer`,
  ]);
  const ports = (...list: object[]): string[] => refused(NetworkPolicy, (object) => (object.spec!.egress = [{ ports: list as never }]));
  assert.deepEqual(ports({ port: 80, endPort: 79 }, { endPort: 1 }, { port: 'http', endPort: 9, protocol: 'ICMP' }, { port: 0 }), [
    'spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`',
    'spec.egress[0].ports[1].endPort: Invalid value: 1: may not be specified when `port` is not specified',
    'spec.egress[0].ports[2].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
    'spec.egress[0].ports[2].endPort: Invalid value: 9: may not be specified when `port` is non-numeric',
    'spec.egress[0].ports[3].port: Invalid value: 0: must be between 1 and 65535, inclusive',
  ]);
  assert.deepEqual(
    refused(NetworkPolicy, (object) => (object.spec!.policyTypes = ['Sideways'])),
    ['spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"'],
  );
});

test('addresses are named canonically, ranges grow once', () => {
  const name = (text: string): string[] => refused(IPAddress, (object) => (object.metadata!.name = text));
  assert.deepEqual(name('2001:DB8:0::1'), ['metadata.name: Invalid value: "2001:DB8:0::1": must be a canonical form IP address: 2001:db8::1']);
  assert.deepEqual(name('x'), ['metadata.name: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']);
  assert.deepEqual(
    refused(IPAddress, (object) => (object.spec = {} as never)),
    ['spec.parentRef: Required value'],
  );
  const cidrs = (...list: string[]): string[] => refused(ServiceCIDR, (object) => (object.spec = { cidrs: list }));
  assert.deepEqual(cidrs(), ['spec.cidrs: Required value: at least one CIDR required']);
  assert.deepEqual(cidrs('10.0.0.1/24', '10.1.0.0/24'), [
    'spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length',
    'spec.cidrs: Invalid value: ["10.0.0.1/24","10.1.0.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
  ]);
  const grow = (...list: string[]): string[] => refusedUpdate(ServiceCIDR, (object) => (object.spec = { cidrs: list }), 'minimal');
  assert.deepEqual(grow('10.111.0.0/24', 'fd00::/112'), []);
  assert.deepEqual(grow('10.200.0.0/24'), ['spec.cidrs[0]: Invalid value: "10.200.0.0/24": field is immutable']);
});

test('arithmetic of addresses', () => {
  assert.equal(canonicalIP('0:0:0:0:0:0:0:1'), '::1');
  assert.equal(canonicalIP('2001:db8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
  assert.equal(canonicalIP('::'), '::');
  assert.equal(parseCidr('10.0.0.0/33'), undefined);
  assert.equal(parseCidr('10.0.0.0/08'), undefined);
  assert.ok(strictlyWithin(parseCidr('2001:db8:1::/48')!, parseCidr('2001:db8::/32')!));
  assert.ok(!strictlyWithin(parseCidr('10.0.0.0/16')!, parseCidr('::/0')!));
  for (const [text, count] of [
    ['::', 1],
    ['::1', 1],
    ['fe80::1', 1],
    ['febf::1', 1],
    ['fec0::1', 0],
    ['ff02::1', 1],
    ['2001:db8::1', 0],
    ['10.0.0.1', 0],
    ['127.9.9.9', 1],
  ] as const)
    assert.equal(specialIP(text).length, count, text);
});

test('references name a kind and an object, as parts of a path', () => {
  const backend = (resource: object): string[] => refused(Ingress, (ingress) => (ingress.spec = { defaultBackend: { resource: resource as never } }));
  const at = 'spec.defaultBackend.resource';
  assert.deepEqual(backend({}), [`${at}.kind: Required value: kind is required`, `${at}.name: Required value: name is required`]);
  assert.deepEqual(backend({ kind: 'a/b', name: '..' }), [
    `${at}.kind: Invalid value: "a/b": may not contain '/'`,
    `${at}.name: Invalid value: "..": may not be '..'`,
  ]);
  assert.deepEqual(
    refused(IngressClass, (object) => (object.spec = { controller: 'a.b/c', parameters: { kind: 'K', name: 'a%b' } })),
    ['spec.parameters.name: Invalid value: "a%b": may not contain \'%\''],
  );
  const twice = refused(Ingress, (ingress) => {
    ingress.metadata!.annotations = { 'kubernetes.io/ingress.class': 'a' };
    ingress.spec!.ingressClassName = 'b';
  });
  assert.deepEqual(twice, ['annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified']);
});
