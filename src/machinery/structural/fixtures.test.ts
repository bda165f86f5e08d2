import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { cloneObject, type Json, type KubeObject } from '../object.ts';
import { application } from './fixtures/application.ts';
import { certificate } from './fixtures/certificate.ts';
import { httpRoute } from './fixtures/http-route.ts';
import { podMonitor } from './fixtures/pod-monitor.ts';
import { compileStructural, validateStructural, type JSONSchemaProps, type StructuralType } from './index.ts';

const compiled = (schema: JSONSchemaProps, kind: string): StructuralType => compileStructural(schema, { group: 'example.com', version: 'v1', kind });
/** As a create does it: the findings and what would be stored. */
function admit(type: StructuralType, spec: Json, old?: KubeObject): { object: KubeObject & { spec?: Json }; findings: string[]; unknown: string[] } {
  const value: Json = { apiVersion: 'example.com/v1', kind: 'X', metadata: { name: 'a' }, spec: cloneObject(spec) };
  const { unknown } = type.prune(value, 'Strict');
  type.default(value);
  const object = value as KubeObject & { spec?: Json };
  return { object, unknown, findings: type.validate(object, old).map((e) => `${e.field}: ${e.message}`) };
}

describe('schemas of the size and shape that real projects have', () => {
  for (const [name, schema] of Object.entries({ certificate, application, podMonitor, httpRoute })) {
    test(`${name} is a structural schema`, () => assert.deepEqual(validateStructural(schema, 'schema'), []));
    test(`${name} has OpenAPI in both versions`, () => {
      const type = compiled(schema, name);
      assert.deepEqual(type.openapi['x-kubernetes-group-version-kind'], [{ group: 'example.com', kind: name, version: 'v1' }]);
      assert.doesNotMatch(JSON.stringify(type.openapiV2), /"(oneOf|anyOf|allOf|not|nullable)":/);
    });
  }
});

test('a certificate', () => {
  const type = compiled(certificate, 'Certificate');
  const spec = {
    secretName: 'tls',
    dnsNames: ['a.example.com'],
    issuerRef: { name: 'ca', kind: 'Issuer' },
    usages: ['server auth'],
    privateKey: { algorithm: 'ECDSA', size: 256 },
  };
  assert.deepEqual(admit(type, spec).findings, []);
  assert.deepEqual(admit(type, { ...spec, issuerRef: {}, usages: ['fly'], nope: 1 }), {
    object: { apiVersion: 'example.com/v1', kind: 'X', metadata: { name: 'a' }, spec: { ...spec, issuerRef: {}, usages: ['fly'] } },
    unknown: ['spec.nope'],
    findings: [
      'spec.issuerRef.name: Required value',
      'spec.usages[0]: Unsupported value: "fly": supported values: "signing", "digital signature", "key encipherment", "server auth", "client auth", "cert sign"',
    ],
  });
});

test('an application keeps the values that its chart defines', () => {
  const type = compiled(application, 'Application');
  const spec = {
    project: 'default',
    destination: { namespace: 'web' },
    source: { repoURL: 'https://example.com/x', helm: { valuesObject: { image: { tag: 'v1' } } }, kustomize: { replicas: [{ name: 'a', count: '3' }] } },
  };
  const { object, findings, unknown } = admit(type, spec);
  assert.deepEqual({ spec: object.spec, findings, unknown }, { spec, findings: [], unknown: [] });
});

test('a pod monitor gets its defaults', () => {
  const type = compiled(podMonitor, 'PodMonitor');
  const { object, findings } = admit(type, {
    selector: { matchLabels: { app: 'web' } },
    podMetricsEndpoints: [{ port: 'metrics', interval: '30s', relabelings: [{ sourceLabels: ['a'] }], bearerTokenSecret: { key: 'k' } }],
  });
  assert.deepEqual(findings, []);
  assert.deepEqual((object.spec as { podMetricsEndpoints: Json[] }).podMetricsEndpoints[0], {
    port: 'metrics',
    interval: '30s',
    relabelings: [{ sourceLabels: ['a'], action: 'replace' }],
    bearerTokenSecret: { key: 'k', name: '' },
  });
  assert.deepEqual(admit(type, { selector: {}, scrapeProtocols: ['PrometheusProto', 'PrometheusProto'] }).findings, [
    'spec.scrapeProtocols[1]: Duplicate value: "PrometheusProto"',
  ]);
});

describe('a route', () => {
  const type = compiled(httpRoute, 'HTTPRoute');
  const good = {
    parentRefs: [{ name: 'gw' }],
    hostnames: ['*.example.com'],
    rules: [{ matches: [{ path: { value: '/shop' } }], backendRefs: [{ name: 'shop', port: 80 }] }],
  };
  const withRule = (rule: Json): Json => ({ ...good, rules: [rule] });
  test('is defaulted to the depths', () => {
    const { object, findings } = admit(type, good);
    assert.deepEqual(findings, []);
    assert.deepEqual(object.spec, {
      parentRefs: [{ name: 'gw', group: 'gateway.networking.k8s.io', kind: 'Gateway' }],
      hostnames: ['*.example.com'],
      rules: [
        { matches: [{ path: { type: 'PathPrefix', value: '/shop' } }], backendRefs: [{ name: 'shop', port: 80, group: '', kind: 'Service', weight: 1 }] },
      ],
    });
  });
  const cases: [name: string, spec: Json, expected: string[]][] = [
    [
      'refers to a parent once',
      { ...good, parentRefs: [{ name: 'gw' }, { name: 'gw' }] },
      ['spec.parentRefs: Invalid value: "array": references to the same parent need different section names'],
    ],
    [
      'or by section',
      {
        ...good,
        parentRefs: [
          { name: 'gw', sectionName: 'a' },
          { name: 'gw', sectionName: 'b' },
        ],
      },
      [],
    ],
    [
      'has sound paths',
      withRule({ matches: [{ path: { value: '/a//b' } }] }),
      ['spec.rules[0].matches[0].path: Invalid value: "object": the path must not contain //'],
    ],
    [
      'has escaped paths',
      withRule({ matches: [{ path: { value: '/a b' } }] }),
      ['spec.rules[0].matches[0].path: Invalid value: "object": the path has characters that must be escaped'],
    ],
    [
      'needs a port of a Service',
      withRule({ backendRefs: [{ name: 'x' }] }),
      ['spec.rules[0].backendRefs[0]: Invalid value: "object": a Service needs a port'],
    ],
    [
      'does not redirect and forward',
      withRule({ filters: [{ type: 'RequestRedirect', requestRedirect: {} }], backendRefs: [{ name: 'x', port: 1 }] }),
      ['spec.rules[0]: Invalid value: "object": a redirect has no backends'],
    ],
    [
      'has timeouts that fit',
      withRule({ timeouts: { request: '1s', backendRequest: '2s' } }),
      ['spec.rules[0].timeouts: Invalid value: "object": a backend may not take longer than the request'],
    ],
  ];
  for (const [name, spec, expected] of cases) test(name, () => assert.deepEqual(admit(type, spec).findings, expected));
  test('keeps an old fault that an update does not touch', () => {
    const bad = withRule({ backendRefs: [{ name: 'x' }] }) as { [key: string]: Json };
    const { object } = admit(type, bad);
    assert.deepEqual(admit(type, { ...bad, hostnames: ['example.org'] }, object).findings, []);
  });
});
