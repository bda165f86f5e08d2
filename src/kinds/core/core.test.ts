import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneObject, type FieldError, type Kind, type KubeObject } from '#machinery';
import {
  ConfigMap,
  Endpoints,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
  Secret,
  Service,
  type V1EndpointSlice,
  type V1Event,
  type V1Node,
  type V1Secret,
  type V1Service,
  type V1ServiceSpec,
} from '#kinds';

const texts = (errors: FieldError[]): string[] => errors.map((e) => `${e.field}: ${e.message}`);
const cells = <T extends KubeObject>(kind: Kind<T>, object: T, now = 0): unknown[] => kind.columns.map((column) => column.value(object, now));
const metadata = { name: 'x', namespace: 'default' };

test('a namespace gets its finalizer, phase and name label', () => {
  const namespace = { metadata: { name: 'n' } };
  Namespace.defaults!(namespace);
  Namespace.prepareCreate!(namespace, { now: 0 });
  assert.deepEqual(namespace, {
    metadata: { name: 'n', labels: { 'kubernetes.io/metadata.name': 'n' } },
    status: { phase: 'Active' },
    spec: { finalizers: ['kubernetes'] },
  });
});

test('stringData becomes data', () => {
  const secret: V1Secret = { metadata, stringData: { a: 'ä' }, data: { a: 'eA==', b: 'eQ==' } };
  Secret.defaults!(secret);
  assert.deepEqual(secret, { metadata, type: 'Opaque', data: { a: 'w6Q=', b: 'eQ==' } });
  assert.deepEqual(cells(Secret, secret), ['x', 'Opaque', 2, '<unknown>']);
});

test('secrets and config maps: keys, types, immutability', () => {
  assert.deepEqual(texts(Secret.validate!({ metadata, type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, undefined)), ['data[tls.key]: Required value']);
  assert.deepEqual(texts(Secret.validate!({ metadata, type: 'a' }, { metadata, type: 'b' })), ['type: Invalid value: "a": field is immutable']);
  const old = { metadata, data: { a: '1' }, immutable: true };
  assert.deepEqual(texts(ConfigMap.validate!({ ...old, data: { a: '2' } }, old)), ['data: Forbidden: field is immutable when `immutable` is set']);
  assert.deepEqual(texts(ConfigMap.validate!({ metadata, data: { 'a b': '' } }, undefined)), [
    "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
  ]);
  assert.deepEqual(texts(ConfigMap.validate!({ metadata, data: { big: 'x'.repeat(1024 * 1024 + 1) } }, undefined)).length, 1);
});

function service(spec: V1ServiceSpec): V1Service {
  const object = { metadata, spec };
  Service.defaults!(object);
  return object;
}

test('defaults of services', () => {
  assert.deepEqual(service({ selector: { a: 'b' }, ports: [{ port: 80 }] }).spec, {
    selector: { a: 'b' },
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    sessionAffinity: 'None',
    type: 'ClusterIP',
    internalTrafficPolicy: 'Cluster',
    ipFamilyPolicy: 'SingleStack',
    ipFamilies: ['IPv4'],
  });
  const balanced = service({ type: 'LoadBalancer', selector: { a: 'b' }, sessionAffinity: 'ClientIP', ports: [{ port: 80, targetPort: 'http' }] }).spec!;
  assert.equal(balanced.externalTrafficPolicy, 'Cluster');
  assert.equal(balanced.allocateLoadBalancerNodePorts, true);
  assert.equal(balanced.sessionAffinityConfig!.clientIP!.timeoutSeconds, 10800);
  assert.deepEqual(service({ type: 'ExternalName', externalName: 'a.b' }).spec, { type: 'ExternalName', externalName: 'a.b', sessionAffinity: 'None' });
});

test('services: validation and immutability', () => {
  const check = (spec: V1ServiceSpec, old?: V1Service): string[] => texts(Service.validate!(service(spec), old));
  assert.deepEqual(check({ selector: { a: 'b' } }), ['spec.ports: Required value']);
  assert.deepEqual(check({ ports: [{ port: 80 }, { port: 81 }] }), ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value']);
  assert.deepEqual(check({ type: 'Magic', ports: [{ port: 80 }] }), [
    'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ]);
  assert.deepEqual(check({ clusterIP: 'None' }), []);
  const old = service({ clusterIP: '10.0.0.1', ports: [{ port: 80 }] });
  assert.deepEqual(check({ clusterIP: '10.0.0.2', ports: [{ port: 80 }] }, old), ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']);
});

test('an update of a service keeps what was allocated and drops what the type no longer needs', () => {
  const old = service({ type: 'NodePort', clusterIP: '10.0.0.1', ports: [{ port: 80, nodePort: 30001 }] });
  const same = service({ type: 'NodePort', ports: [{ port: 80 }] });
  Service.prepareUpdate!(same, old, { now: 0 });
  assert.equal(same.spec!.clusterIP, '10.0.0.1');
  assert.equal(same.spec!.ports![0]!.nodePort, 30001);
  const plain = cloneObject(old);
  plain.spec!.type = 'ClusterIP';
  Service.prepareUpdate!(plain, old, { now: 0 });
  assert.equal(plain.spec!.ports![0]!.nodePort, undefined);
  assert.equal(plain.spec!.externalTrafficPolicy, undefined);
  assert.deepEqual(texts(Service.validate!(plain, old)), []);
});

test('columns of services', () => {
  assert.deepEqual(cells(Service, service({ clusterIP: '10.0.0.1', selector: { b: '2', a: '1' }, ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] })), [
    'x',
    'ClusterIP',
    '10.0.0.1',
    '<none>',
    '80/TCP,53/UDP',
    '<unknown>',
    'a=1,b=2',
  ]);
  assert.deepEqual(cells(Service, service({ type: 'LoadBalancer', clusterIP: '10.0.0.1', ports: [{ port: 80, nodePort: 30080 }] })).slice(1, 5), [
    'LoadBalancer',
    '10.0.0.1',
    '<pending>',
    '80:30080/TCP',
  ]);
  assert.deepEqual(cells(Service, service({ type: 'ExternalName', externalName: 'a.b' })).slice(1, 5), ['ExternalName', '<none>', 'a.b', '<none>']);
});

test('columns of nodes', () => {
  const node: V1Node = {
    metadata: { name: 'n', labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' } },
    spec: { unschedulable: true },
    status: { conditions: [{ type: 'Ready', status: 'True' }], addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] },
  };
  assert.deepEqual(cells(Node, node), [
    'n',
    'Ready,SchedulingDisabled',
    'control-plane,worker',
    '<unknown>',
    '',
    '10.0.0.1',
    '<none>',
    '<unknown>',
    '<unknown>',
    '<unknown>',
  ]);
  assert.deepEqual(cells(Node, { metadata: { name: 'n' } }).slice(0, 3), ['n', 'Unknown', '<none>']);
});

test('a node keeps its pod range', () => {
  const old: V1Node = { metadata: { name: 'n' }, spec: { podCIDRs: ['10.0.0.0/24'] } };
  assert.deepEqual(texts(Node.validate!({ metadata: { name: 'n' }, spec: { podCIDRs: ['10.0.1.0/24'] } }, old)), [
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ]);
  assert.deepEqual(texts(Node.validate!({ metadata: { name: 'n' }, spec: { taints: [{ key: 'a', effect: 'Maybe' }] } }, undefined)), [
    'metadata.taints[0].effect: Unsupported value: "Maybe": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
  ]);
});

test('columns of events', () => {
  const event: V1Event = {
    metadata,
    involvedObject: { kind: 'Pod', name: 'p', namespace: 'default', fieldPath: 'spec.containers{c}' },
    type: 'Normal',
    reason: 'Pulled',
    message: 'done\n',
    source: { component: 'kubelet', host: 'n' },
    firstTimestamp: '1970-01-01T00:00:00Z',
    lastTimestamp: '1970-01-01T00:01:00Z',
    count: 2,
  };
  assert.deepEqual(cells(Event, event, 90_000), ['30s', 'Normal', 'Pulled', 'pod/p', 'spec.containers{c}', 'kubelet, n', 'done', '90s', 2, 'x']);
  assert.deepEqual(texts(Event.validate!({ ...event, involvedObject: { namespace: 'other' } }, undefined)), [
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ]);
});

test('endpoints and endpoint slices', () => {
  const slice: V1EndpointSlice = {
    metadata,
    addressType: 'IPv4',
    endpoints: ['1', '2', '3', '4', '5'].map((n) => ({ addresses: [`10.0.0.${n}`] })),
    ports: [{ port: 80 }],
  };
  EndpointSlice.defaults!(slice);
  assert.deepEqual(slice.ports, [{ port: 80, name: '', protocol: 'TCP' }]);
  assert.deepEqual(cells(EndpointSlice, slice), ['x', 'IPv4', '80', '10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...', '<unknown>']);
  assert.deepEqual(texts(EndpointSlice.validate!({ ...slice, endpoints: [{ addresses: ['::1'] }] }, undefined)), [
    'endpoints[0].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
    'endpoints[0].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ]);
  assert.deepEqual(cells(Endpoints, { metadata, subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }, { port: 81 }] }] }), [
    'x',
    '10.0.0.1:80,10.0.0.1:81',
    '<unknown>',
  ]);
});

test('leases', () => {
  assert.deepEqual(texts(Lease.validate!({ metadata, spec: { leaseDurationSeconds: 0, holderIdentity: '' } }, undefined)), [
    'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
    'spec.holderIdentity: Invalid value: "": must not be empty',
  ]);
});
