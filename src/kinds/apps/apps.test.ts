import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneObject } from '#machinery';
import { Deployment, ReplicaSet, type V1Deployment, type V1DeploymentSpec, type V1ReplicaSet } from '#kinds';

function deployment(spec: Partial<V1DeploymentSpec> = {}): V1Deployment {
  const object: V1Deployment = {
    metadata: { name: 'd', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'x' } },
      template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
      ...spec,
    },
  };
  Deployment.defaults!(object);
  return object;
}
const texts = (object: V1Deployment, old?: V1Deployment): string[] => Deployment.validate!(object, old).map((e) => `${e.field}: ${e.message}`);

test('defaults of a deployment', () => {
  const { template, ...spec } = deployment().spec!;
  assert.deepEqual(spec, {
    selector: { matchLabels: { app: 'x' } },
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
  });
  assert.equal(template.spec!.restartPolicy, 'Always');
  // Only pods themselves get these.
  assert.equal(template.spec!.enableServiceLinks, undefined);
  assert.deepEqual(deployment({ strategy: { type: 'Recreate' } }).spec!.strategy, { type: 'Recreate' });
});

test('validation says what Kubernetes says', () => {
  assert.deepEqual(texts(deployment()), []);
  assert.deepEqual(texts(deployment({ selector: { matchLabels: { app: 'y' } } })), [
    'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
  ]);
  assert.deepEqual(texts(deployment({ selector: {} })), ['spec.selector: Invalid value: {}: empty selector is invalid for deployment']);
  assert.deepEqual(texts(deployment({ replicas: -1 })), ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']);
  assert.deepEqual(texts(deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } })), [
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
  ]);
  assert.deepEqual(texts(deployment({ strategy: { type: 'Recreate', rollingUpdate: {} } })), [
    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
  ]);
  assert.deepEqual(
    texts(deployment({ template: { metadata: { labels: { app: 'x' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i:1' }] } } })),
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  );
  assert.deepEqual(texts(deployment({ progressDeadlineSeconds: 5, minReadySeconds: 5 })), [
    'spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds',
  ]);
});

test('the selector is immutable', () => {
  const old = deployment();
  const changed = cloneObject(old);
  changed.spec!.selector.matchLabels!['app'] = 'y';
  changed.spec!.template.metadata!.labels!['app'] = 'y';
  assert.deepEqual(texts(changed, old), ['spec.selector: Invalid value: {"matchLabels":{"app":"y"}}: field is immutable']);
});

test('columns', () => {
  const object = deployment({ replicas: 3 });
  object.metadata!.creationTimestamp = '2026-01-01T00:00:00Z';
  object.status = { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 };
  const now = Date.parse('2026-01-03T01:00:00Z');
  assert.deepEqual(
    Deployment.columns.map((column) => column.value(object, now)),
    ['d', '2/3', 3, 2, '2d1h', 'c', 'nginx:1', 'app=x'],
  );
  const set: V1ReplicaSet = {
    metadata: object.metadata!,
    spec: { replicas: 2, selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['2', '1'] }] } },
    status: { replicas: 1, readyReplicas: 0 },
  };
  assert.deepEqual(
    ReplicaSet.columns.map((column) => column.value(set, now)),
    ['d', 2, 1, 0, '2d1h', undefined, undefined, 'a in (1,2)'],
  );
});

test('scale', () => {
  assert.equal(Deployment.scale!.selector(deployment()), 'app=x');
  assert.deepEqual(ReplicaSet.scale!.specReplicas, ['spec', 'replicas']);
});
