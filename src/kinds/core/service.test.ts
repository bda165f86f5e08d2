import assert from 'node:assert/strict';
import test from 'node:test';
import type { V1ServiceSpec } from '../generated/types.ts';
import { refused, refusedStatus, refusedUpdate } from '../fixtures/objects.ts';
import { Service } from './service.ts';
import { serviceWarnings } from './service-validation.ts';

const spec = (wanted: object): string[] => refused(Service, (service) => (service.spec = { ports: [{ port: 80 }], ...wanted }));

test('what belongs to load balancers is for them only', () => {
  assert.deepEqual(spec({ loadBalancerSourceRanges: ['10.0.0.0/8'], loadBalancerClass: 'example.com/x', allocateLoadBalancerNodePorts: true }), [
    "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
    "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
  ]);
  assert.deepEqual(spec({ type: 'LoadBalancer', ports: [{ port: 10250 }], loadBalancerSourceRanges: ['everywhere'] }), [
    'spec.ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet',
    'spec.LoadBalancerSourceRanges[0]: Invalid value: "everywhere": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ]);
  assert.deepEqual(
    refusedUpdate(Service, (service) => (service.spec!.loadBalancerClass = 'example.com/other')),
    ['spec.loadBalancerClass: Invalid value: "example.com/other": may not change once set'],
  );
});

test('addresses and families agree', () => {
  const field = 'spec.clusterIPs';
  const cases: [wanted: object, findings: string[]][] = [
    [{ clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.2'] }, [`${field}: Invalid value: ["10.0.0.2"]: first value must match \`clusterIP\``]],
    [{ clusterIP: 'None', clusterIPs: ['None', '10.0.0.1'] }, [`${field}: Invalid value: ["None","10.0.0.1"]: 'None' must be the first and only value`]],
    [
      { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1', '10.0.0.2'] },
      [`${field}: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family`],
    ],
    [{ clusterIP: '10.0.0.1', ipFamilies: ['IPv6'] }, [`${field}[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by \`ipFamilies[0]\``]],
    [
      { ipFamilies: ['IPv4', 'IPv4', 'IPv5'], ipFamilyPolicy: 'Triple' },
      [
        'spec.ipFamilies[1]: Duplicate value: "IPv4"',
        'spec.ipFamilies[2]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
        'spec.ipFamilyPolicy: Unsupported value: "Triple": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
      ],
    ],
    [{ clusterIP: 'here' }, [`${field}[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`]],
  ];
  for (const [wanted, findings] of cases) assert.deepEqual(spec(wanted), findings, JSON.stringify(wanted));
});

test('a second address may come and go, the first stays', () => {
  const dual = { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1', 'fd00::1'], ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' };
  const single = { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' };
  const change = (from: V1ServiceSpec, to: V1ServiceSpec): string[] =>
    refusedUpdate(
      Service,
      (service) => Object.assign(service.spec!, to),
      'minimal',
      (service) => Object.assign(service.spec!, from),
    );
  assert.deepEqual(change(single, dual), []);
  assert.deepEqual(change(dual, single), []);
  assert.deepEqual(change(dual, { ...single, ipFamilyPolicy: 'PreferDualStack' }), [
    `spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be set to 'SingleStack' when releasing the secondary clusterIP`,
    `spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be set to 'SingleStack' when releasing the secondary ipFamily`,
  ]);
  assert.deepEqual(change(single, { clusterIP: '10.0.0.9', clusterIPs: ['10.0.0.9'] }), [
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.9"]: may not change once set',
  ]);
});

test('traffic policies, affinity and distribution', () => {
  assert.deepEqual(spec({ externalTrafficPolicy: 'Local', healthCheckNodePort: 30000, trafficDistribution: 'Far', sessionAffinity: 'Cookie' }), [
    'spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"',
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    'spec.trafficDistribution: Unsupported value: "Far": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
  ]);
  assert.deepEqual(
    spec({ type: 'NodePort', internalTrafficPolicy: 'Near', sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 90000 } } }),
    [
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: must be greater than 0 and less than 86400',
      'spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"',
    ],
  );
  assert.deepEqual(spec({ externalIPs: ['127.0.0.1', '169.254.1.1', '0.0.0.0'] }), [
    'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    'spec.externalIPs[1]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    'spec.externalIPs[2]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
  ]);
});

test('a name elsewhere has no addresses here', () => {
  assert.deepEqual(spec({ type: 'ExternalName', clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }), [
    'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
    'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
    'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services',
    'spec.externalName: Required value',
  ]);
});

test('the status of a balancer', () => {
  assert.deepEqual(
    refusedStatus(Service, {
      loadBalancer: { ingress: [{ ip: 'x' }, { hostname: '10.0.0.1' }, { ipMode: 'VIP', hostname: 'a.b' }, { ip: '10.0.0.1', ipMode: 'Odd' }] },
    }),
    [
      'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'status.loadBalancer.ingress[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
      'status.loadBalancer.ingress[2].ipMode: Forbidden: may not be specified when `ip` is not set',
      'status.loadBalancer.ingress[3].ipMode: Unsupported value: "Odd": supported values: "Proxy", "VIP"',
    ],
  );
  assert.deepEqual(
    refusedStatus(Service, { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } }, (service) => (service.spec!.type = 'ClusterIP')),
    ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
  );
});

test('what has no effect is warned of', () => {
  assert.deepEqual(
    serviceWarnings({ spec: { type: 'ClusterIP', clusterIP: 'None', sessionAffinity: 'ClientIP', externalName: 'a.b', externalIPs: ['192.0.2.1'] } }),
    [
      'spec.externalIPs is ignored for headless services',
      'spec.SessionAffinity is ignored for headless services',
      'spec.externalName is ignored when spec.type is not "ExternalName"',
    ],
  );
});
