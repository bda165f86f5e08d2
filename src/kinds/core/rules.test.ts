/** Rules that are easily got wrong from memory: compared with pkg/apis/core/validation and defaults.go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Namespace, Node, Pod, Service, type V1Pod, type V1PodSpec } from '#kinds';
import { prepared, refused, refusedStatus, refusedUpdate, texts } from '../fixtures/objects.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';

const container = { name: 'c', image: 'i:1' };
const pod = (spec: Partial<V1PodSpec>, annotations?: { [key: string]: string }): V1Pod =>
  prepared(Pod, { metadata: { name: 'p', namespace: 'default', ...(annotations ? { annotations } : {}) }, spec: { containers: [{ ...container }], ...spec } });
const found = (spec: Partial<V1PodSpec>, annotations?: { [key: string]: string }): string[] => texts(Pod.validate!(pod(spec, annotations), undefined));

test('annotations of pods', () => {
  const cost = 'controller.kubernetes.io/pod-deletion-cost';
  for (const good of ['0', '-7', '2147483647']) assert.deepEqual(found({}, { [cost]: good }), []);
  for (const bad of ['+1', '01', '2147483648', 'x', '1.5'])
    assert.deepEqual(found({}, { [cost]: bad }), [`metadata.annotations[${cost}]: Invalid value: "${bad}": must be a 32bit integer`]);

  const armor = 'container.apparmor.security.beta.kubernetes.io/';
  assert.deepEqual(found({}, { [`${armor}x`]: 'odd' }), [
    `metadata.annotations[${armor}x]: Invalid value: "x": container not found`,
    `metadata.annotations[${armor}x]: Invalid value: "odd": invalid AppArmor profile name: "odd"`,
  ]);
  const secured = (type: string): Partial<V1PodSpec> => ({
    containers: [{ ...container, securityContext: { appArmorProfile: { type }, seccompProfile: { type } } }],
  });
  assert.deepEqual(found(secured('Unconfined'), { [`${armor}c`]: 'runtime/default', 'container.seccomp.security.alpha.kubernetes.io/c': 'docker/default' }), [
    'spec.containers[0].securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match',
    'spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match',
  ]);
  assert.deepEqual(
    found(secured('RuntimeDefault'), { [`${armor}c`]: 'runtime/default', 'container.seccomp.security.alpha.kubernetes.io/c': 'docker/default' }),
    [],
  );
  assert.deepEqual(
    found({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'a' } } }, { 'seccomp.security.alpha.kubernetes.io/pod': 'localhost/b' }),
    ['spec.securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match'],
  );
  const template = { metadata: { annotations: { '-': '', [cost]: 'x' } }, spec: pod({}).spec! };
  assert.deepEqual(
    texts(validatePodTemplate(template, 'spec.template')).map((text) => text.split(':')[0]),
    ['spec.template.annotations', `spec.template.annotations[${cost}]`],
  );
});

test('claims of containers name requests of claims of the pod', () => {
  const claims = (...list: { name: string; request?: string }[]): string[] =>
    found({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'g' }], containers: [{ ...container, resources: { claims: list } }] });
  const at = 'spec.containers[0].resources.claims';
  assert.deepEqual(claims({ name: 'gpu', request: 'a' }, { name: 'gpu', request: 'b' }), []);
  assert.deepEqual(claims({ name: '' }, { name: 'x' }), [
    `${at}[0]: Required value`,
    `${at}[1]: Not found: "x": must be one of the names in pod.spec.resourceClaims: gpu`,
  ]);
  assert.deepEqual(claims({ name: 'gpu' }, { name: 'gpu', request: 'a' }), [`${at}[1]: Duplicate value: "gpu"`]);
  assert.deepEqual(claims({ name: 'gpu', request: 'a' }, { name: 'gpu', request: 'a' }), [`${at}[1]: Duplicate value: "gpu/a"`]);
  assert.deepEqual(claims({ name: 'gpu', request: 'a' }, { name: 'gpu' }), [`${at}[1]: Duplicate value: "gpu"`]);
  assert.match(claims({ name: 'gpu', request: 'A' })[0]!, /claims\[0\]\.request: Invalid value: "A"/);
});

test('resources of a pod as a whole', () => {
  const sidecar = { ...container, name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } };
  const init = { ...container, name: 'i', resources: { requests: { cpu: '3', memory: '1Gi' } } };
  const main = { ...container, resources: { requests: { cpu: '500m' }, limits: { 'hugepages-2Mi': '4Mi', cpu: '8' } } };
  const made = pod({ initContainers: [sidecar, init], containers: [main], resources: { limits: { cpu: '6' } } });
  assert.deepEqual(made.spec!.resources, {
    limits: { cpu: '6', 'hugepages-2Mi': '4Mi' },
    // An init container runs beside the sidecars that came before it.
    requests: { cpu: '4', memory: '1Gi', 'hugepages-2Mi': '4Mi' },
  });
  assert.deepEqual(texts(Pod.validate!(made, undefined)), [
    'spec.resources.containers[0][cpu].limits: Invalid value: "8": must be less than or equal to pod limits of 6',
  ]);
  assert.deepEqual(found({ initContainers: [sidecar, init], resources: { requests: { cpu: '2' } } }), [
    'spec.resources.requests[cpu]: Invalid value: "2": must be greater than or equal to aggregate container requests of 4',
  ]);
});

test('ports and image volumes of init containers', () => {
  const ports = [
    { containerPort: 1, hostPort: 80 },
    { containerPort: 2, hostPort: 80 },
  ];
  const twice = {
    initContainers: [
      { ...container, name: 'a' },
      { ...container, name: 'b', ports },
    ],
  };
  assert.deepEqual(found(twice), ['spec.initContainers[0].ports[1].hostPort: Duplicate value: "TCP//80"']);
  const image = {
    volumes: [{ name: 'v', image: { reference: 'i:1' } }],
    containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr: 'a' }] }],
  };
  assert.deepEqual(found(image), ['spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: "a": not allowed in image volume sources']);
});

test('the status of a pod', () => {
  assert.deepEqual(
    refusedStatus(
      Pod,
      {
        qosClass: 'BestEffort',
        conditions: [{ type: '-', status: 'True' }],
        resourceClaimStatuses: [{ name: 'x', resourceClaimName: 'B' }, { name: 'x' }],
      },
      (object) => (object.status = { qosClass: 'Guaranteed' }),
    ).map((text) => text.split(': ').slice(0, 2).join(': ')),
    [
      'metadata.conditions[0].Type: Invalid value',
      'status.qosClass: Invalid value',
      'status.resourceClaimStatuses[0].name: Invalid value',
      'status.resourceClaimStatuses[0].name: Invalid value',
      'status.resourceClaimStatuses[1].name: Invalid value',
      'status.resourceClaimStatuses[1].name: Duplicate value',
    ],
  );
  assert.equal(Pod.selectableFields['spec.host']!(pod({ nodeName: 'n1' })), 'n1');
});

test('nodes', () => {
  assert.deepEqual(
    refused(Node, (node) => {
      node.spec = { taints: [{ key: 'k', value: '-_', effect: 'NoSchedule' }], podCIDRs: ['10.0.0.0/24', '10.0.0.0/24'], podCIDR: '10.0.0.0/24' };
      node.status = { capacity: { pods: '1500m' } };
    }).map((text) => text.split(': ').slice(0, 2).join(': ')),
    [
      'status.capacity.pods: Invalid value',
      'status.allocatable.pods: Invalid value',
      'spec.podCIDRs: Invalid value',
      'spec.podCIDRs[1]: Duplicate value',
      'metadata.taints[0].value: Invalid value',
    ],
  );
  assert.deepEqual(
    refusedUpdate(Node, (node) => (node.spec!.externalID = 'x')),
    ['spec.externalID: Forbidden: may not be updated'],
  );
});

test('services', () => {
  const balancer = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 30_001,
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
  };
  assert.deepEqual(
    refusedUpdate(
      Service,
      (service) => (service.spec!.healthCheckNodePort = 30_002),
      'minimal',
      (service) => {
        Object.assign(service.spec!, balancer);
        Service.defaults!(service);
      },
    ),
    ['spec.healthCheckNodePort: Forbidden: field is immutable'],
  );
  const annotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
  assert.deepEqual(
    refused(Service, (service) => {
      Object.assign(service.spec!, balancer);
      service.metadata!.annotations = { [annotation]: '10.0.0.0/8, x' };
    }),
    [`metadata.annotations[${annotation}]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`],
  );
  const shown = prepared(Service, { metadata: { name: 's' }, spec: { type: 'LoadBalancer' } });
  shown.status = { loadBalancer: { ingress: [{ ip: '1.2.3.4' }, { hostname: 'h' }] } };
  Service.defaults!(shown);
  assert.deepEqual(shown.status.loadBalancer!.ingress, [{ ip: '1.2.3.4', ipMode: 'VIP' }, { hostname: 'h' }]);
});

test('finalizers of a namespace are standard or qualified', () => {
  const errors = refused(Namespace, (namespace) => (namespace.spec = { finalizers: ['kubernetes', 'example.com/x', 'odd'] }));
  assert.deepEqual(errors, ['spec.finalizers: Invalid value: "odd": name is neither a standard finalizer name nor is it fully qualified']);
});

const warned = (spec: Partial<V1PodSpec>, annotations?: { [key: string]: string }): string[] => Pod.warnings!(pod(spec, annotations), undefined);

test('files that get in each other’s way are warned of', () => {
  const items = (...paths: string[]): { key: string; path: string }[] => paths.map((path) => ({ key: 'k', path }));
  const volume = (source: object): string[] => warned({ volumes: [{ name: 'v', ...source }] });
  assert.deepEqual(volume({ configMap: { name: 'm', items: items('a', 'ab', 'a/', 'a/b') } }), [
    'volume "v" (ConfigMap "m"): overlapping paths: "a" with "a"',
    'volume "v" (ConfigMap "m"): overlapping paths: "a/b" with "a"',
  ]);
  assert.deepEqual(volume({ secret: { secretName: 's', items: items('x', 'y') } }), []);
  assert.deepEqual(
    volume({
      downwardAPI: {
        items: [
          { path: 'n', fieldRef: { fieldPath: 'metadata.name' } },
          { path: 'n', fieldRef: { fieldPath: 'metadata.name' } },
        ],
      },
    }),
    ['volume "v" (DownwardAPI): overlapping paths: "n" with "n"'],
  );
  assert.deepEqual(
    volume({
      projected: { sources: [{}, { configMap: { name: 'm', items: items('t') } }, { serviceAccountToken: { path: 't' } }, { secret: { name: 's' } }] },
    }),
    ['volume "v" (Projected) has no sources provided', 'volume "v" (Projected ServiceAccountToken): overlapping paths: "t" with "t"'],
  );
});

test('what has no effect in a pod is warned of', () => {
  const own = {
    ...container,
    env: [
      { name: 'A', value: '1' },
      { name: 'A', value: '$(A)' },
      { name: 'A', value: '$(A)2' },
    ],
  };
  assert.deepEqual(warned({ containers: [own] }), ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply']);
  assert.deepEqual(warned({ containers: [{ ...container, ports: [{ containerPort: 80, hostIP: '1.2.3.4' }] }] }), [
    'spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}',
  ]);
  const claim = { metadata: {}, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100m' } } } };
  assert.deepEqual(
    warned({
      volumes: [
        { name: 'v', ephemeral: { volumeClaimTemplate: claim } },
        { name: 'w', storageos: {} },
      ],
    }),
    [
      'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "100m" is invalid, must be an integer',
      'spec.volumes[1].storageOS: deprecated in v1.22, non-functional in v1.25+',
    ],
  );
  const [armor, seccomp] = ['container.apparmor.security.beta.kubernetes.io/c', 'container.seccomp.security.alpha.kubernetes.io/c'];
  const profiles = { [armor]: 'runtime/default', [seccomp]: 'runtime/default', 'container.apparmor.security.beta.kubernetes.io/gone': 'unconfined' };
  assert.deepEqual(warned({}, profiles), [
    `metadata.annotations[${seccomp}]: non-functional in v1.27+; use the "seccompProfile" field instead`,
    `metadata.annotations[${armor}]: deprecated since v1.30; use the "appArmorProfile" field instead`,
  ]);
  const securityContext = { appArmorProfile: { type: 'RuntimeDefault' }, seccompProfile: { type: 'RuntimeDefault' } };
  assert.deepEqual(warned({ containers: [{ ...container, securityContext }] }, profiles), []);
});
