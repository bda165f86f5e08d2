import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#machinery';
import { decodeProtobuf, encodeObject } from './fixtures/protobuf.ts';
import { allKinds, loadProtobuf } from './index.ts';
import schemas from './generated/schemas.json' with { type: 'json' };
import descriptions from './generated/descriptions.json' with { type: 'json' };

const types = loadProtobuf();

function roundTrip(value: { [field: string]: Json }): void {
  assert.deepEqual(decodeProtobuf(encodeObject(value)), value);
}

describe('protobuf messages of the kinds', () => {
  it('are there for every kind that is served', () => {
    for (const kind of allKinds)
      if (!kind.group.endsWith('batuta.dev') && kind.group !== 'kwok.x-k8s.io') assert.ok(types[`${kind.apiVersion}.${kind.kind}`], kind.kind);
    for (const name of [
      'v1.Binding',
      'authentication.k8s.io/v1.TokenRequest',
      'authentication.k8s.io/v1.TokenReview',
      'policy/v1.Eviction',
      'autoscaling/v1.Scale',
      'meta.k8s.io/v1.DeleteOptions',
    ])
      assert.ok(types[name], name);
    for (const name of ['SubjectAccessReview', 'SelfSubjectAccessReview', 'LocalSubjectAccessReview', 'SelfSubjectRulesReview'])
      assert.ok(types[`authorization.k8s.io/v1.${name}`], name);
  });
  it('refer only to messages that are there, and know every code', () => {
    for (const [message, fields] of Object.entries(types)) {
      for (const [at, field] of Object.entries(fields)) {
        if (at === '0') continue;
        const code = /^[^:]+:=?(.+?)(?:\[\]|\{\})?\??$/.exec(field)?.[1] ?? '';
        assert.ok(/^[sbidytuqprl]$/.test(code) || types[code], `${message} ${field}`);
      }
    }
  });
  it('have the fields of the schemas, but for some of 1.36', () => {
    const names = (message: string): string[] =>
      Object.values(types[message] ?? {}).flatMap((field) => {
        const [name = '', code = ''] = field.split(':');
        return code.startsWith('=') ? names(code.slice(1)) : [name];
      });
    const newer = new Set([
      'schedulingGroup',
      'allocatedResources',
      'nodeAllocatableResourceClaimStatuses',
      'resources',
      'declaredFeatures',
      'message',
      'volumeStatus',
      'shardInfo',
    ]);
    const missing: string[] = [];
    for (const [type, { name }] of Object.entries(descriptions as { [type: string]: { name: string } })) {
      const core = /^io\.k8s\.(?:api\.core\.v1|api\.apps\.v1|apimachinery\.pkg\.apis\.meta\.v1)\.(\w+)$/.exec(name)?.[1];
      const message = name.includes('.core.') ? `v1.${core}` : name.includes('.apps.') ? `apps/v1.${core}` : `meta.k8s.io/v1.${core}`;
      if (!core || !types[message]) continue;
      const known = new Set(names(message));
      for (const field of Object.keys((schemas as { [type: string]: object })[type] ?? {}))
        if (!known.has(field) && field !== 'apiVersion' && field !== 'kind' && !newer.has(field)) missing.push(`${message} ${field}`);
    }
    assert.deepEqual(missing, []);
  });
  it('bring a Deployment with volumes, probes and environment through', () => {
    roundTrip({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'web',
        namespace: 'x',
        labels: { app: 'web' },
        creationTimestamp: '2026-01-02T03:04:05Z',
        managedFields: [{ manager: 'm', fieldsV1: { 'f:spec': {} } }],
      },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
        template: {
          metadata: { annotations: { a: '' } },
          spec: {
            volumes: [
              { name: 'a', emptyDir: {} },
              { name: 'b', secret: { secretName: 's', defaultMode: 0, optional: false } },
              { name: 'c', configMap: { name: 'c', items: [{ key: 'k', path: 'p' }] } },
              {
                name: 'd',
                projected: {
                  sources: [
                    { serviceAccountToken: { path: 'token', expirationSeconds: 600 } },
                    { downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
                  ],
                },
              },
            ],
            containers: [
              {
                name: 'c',
                image: 'nginx',
                ports: [{ containerPort: 80, protocol: 'TCP' }],
                env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
                envFrom: [{ prefix: 'P_', configMapRef: { name: 'c', optional: true } }],
                resources: { limits: { cpu: '500m', memory: '1Gi' } },
                livenessProbe: { httpGet: { path: '/', port: 'http', scheme: 'HTTP' }, terminationGracePeriodSeconds: 0 },
                readinessProbe: { exec: { command: ['true'] }, periodSeconds: 5 },
                lifecycle: { preStop: { tcpSocket: { port: 80 } } },
                securityContext: { runAsUser: 0, privileged: false },
                tty: true,
              },
            ],
            terminationGracePeriodSeconds: 0,
            tolerations: [{ operator: 'Exists', tolerationSeconds: 0 }],
          },
        },
        strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: '25%' } },
      },
      status: {},
    });
  });
  it('bring a Secret, a Service, an EndpointSlice and an Eviction through', () => {
    roundTrip({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      immutable: false,
      data: { a: '/wA=', empty: '' },
      stringData: { b: 'c' },
      type: 'Opaque',
    });
    roundTrip({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { ports: [{ name: 'a', port: 80, targetPort: 'http' }, { port: 81 }], selector: { a: 'b' }, type: 'NodePort' },
      status: { loadBalancer: {} },
    });
    roundTrip({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'e' },
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: false } }],
      ports: [{ name: '', port: 80 }],
      addressType: 'IPv4',
    });
    roundTrip({
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'p', namespace: 'x' },
      deleteOptions: { gracePeriodSeconds: 0, preconditions: { uid: 'u' } },
    });
    roundTrip({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'l' },
      spec: { holderIdentity: 'h', renewTime: '2026-01-02T03:04:05.678000Z' },
    });
  });
});
