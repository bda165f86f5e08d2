import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneObject } from '#machinery';
import {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  type V1HorizontalPodAutoscaler,
  type V2HorizontalPodAutoscaler,
  type V2HorizontalPodAutoscalerSpec,
} from '#kinds';
import { toV1, toV2 } from './conversion.ts';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const metadata = { name: 'h', namespace: 'default' };
const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } };
function autoscaler(spec: Partial<V2HorizontalPodAutoscalerSpec> = {}): V2HorizontalPodAutoscaler {
  const object: V2HorizontalPodAutoscaler = { metadata: { ...metadata }, spec: { scaleTargetRef, maxReplicas: 5, ...spec } };
  HorizontalPodAutoscaler.defaults!(object);
  HorizontalPodAutoscaler.prepareCreate!(object, { now: 0 });
  return object;
}
const lines = (errors: readonly { field: string; message: string }[]): string[] => errors.map((e) => `${e.field}: ${e.message}`);

test('defaults of an autoscaler', () => {
  assert.deepEqual(autoscaler().spec, { scaleTargetRef, maxReplicas: 5, minReplicas: 1, metrics: [cpu] });
  assert.deepEqual(autoscaler({ behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } }).spec.behavior, {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    },
    scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
  });
});

test('findings on an autoscaler', () => {
  const external = { metric: { name: 'q' }, target: { type: 'Value', value: '5' } };
  const cases: [Partial<V2HorizontalPodAutoscalerSpec>, string[]][] = [
    [{}, []],
    [{ minReplicas: 0 }, ['spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas']],
    [
      { maxReplicas: 0 },
      ['spec.maxReplicas: Invalid value: 0: must be greater than 0', 'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`'],
    ],
    [
      { scaleTargetRef: { kind: '', name: 'a/b' } },
      ['spec.scaleTargetRef.kind: Required value', `spec.scaleTargetRef.name: Invalid value: "a/b": may not contain '/'`],
    ],
    [
      { metrics: [{ type: 'X' }] },
      ['spec.metrics[0].type: Unsupported value: "X": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"'],
    ],
    [{ metrics: [{ type: 'Pods' }] }, ['spec.metrics[0].pods: Required value: must populate information for the given metric source']],
    [
      { metrics: [{ type: 'External', external, pods: { metric: { name: 'p' }, target: { type: 'AverageValue', averageValue: '1' } } }] },
      ['spec.metrics[0].pods: Forbidden: must populate the given metric source only'],
    ],
    [
      { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] },
      ['spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization'],
    ],
    [
      { metrics: [{ type: 'External', external: { ...external, target: { type: 'Value', value: '0' } } }] },
      ['spec.metrics[0].external.target.value: Invalid value: "0": must be positive'],
    ],
    [
      { behavior: { scaleUp: { stabilizationWindowSeconds: 4000, selectPolicy: 'X', policies: [{ type: 'Y', value: 0, periodSeconds: 2000 }] } } },
      [
        'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600',
        'spec.behavior.scaleUp.selectPolicy: Unsupported value: "X": supported values: "Disabled", "Max", "Min"',
        'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Y": supported values: "Percent", "Pods"',
        'spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero',
        'spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 2000: must be less than or equal to 1800',
      ],
    ],
  ];
  for (const [spec, expected] of cases) assert.deepEqual(lines(HorizontalPodAutoscaler.validate!(autoscaler(spec), undefined)), expected);
  const stored = autoscaler();
  const wrong = { ...stored, status: { desiredReplicas: -1 } };
  assert.deepEqual(lines(HorizontalPodAutoscaler.validateStatus!(wrong, stored)), [
    'status.desiredReplicas: Invalid value: -1: must be greater than or equal to 0',
  ]);
});

test('columns of an autoscaler, in both versions', () => {
  const memory = { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '100Mi' } } };
  const queue = { type: 'External', external: { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '30' } } };
  const object = autoscaler({ metrics: [cpu, memory, queue] });
  object.status = {
    desiredReplicas: 2,
    currentReplicas: 2,
    currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 5 } } }],
  };
  const row = ['h', 'Deployment/web', 'cpu: 5%/80%, memory: <unknown>/100Mi + 1 more...', '1', 5, 2, '<unknown>'];
  assert.deepEqual(
    HorizontalPodAutoscaler.columns.map((column) => column.value(object, 0)),
    row,
  );
  // v1 shows its own metric last.
  const shown = HorizontalPodAutoscalerV1.columns.map((column) => column.value(toV1(object), 0));
  assert.deepEqual([...shown.slice(0, 2), ...shown.slice(3)], [...row.slice(0, 2), ...row.slice(3)]);
});

test('v1 says in annotations what it has no fields for, and everything comes back', () => {
  const selector = { matchLabels: { a: 'b' } };
  const object = autoscaler({
    metrics: [
      cpu,
      { type: 'Pods', pods: { metric: { name: 'rps', selector }, target: { type: 'AverageValue', averageValue: '10' } } },
      { type: 'Object', object: { describedObject: scaleTargetRef, metric: { name: 'hits' }, target: { type: 'Value', value: '3' } } },
      { type: 'ContainerResource', containerResource: { name: 'memory', container: 'c', target: { type: 'Utilization', averageUtilization: 50 } } },
      { type: 'External', external: { metric: { name: 'q', selector }, target: { type: 'AverageValue', averageValue: '30' } } },
    ],
    behavior: { scaleUp: { stabilizationWindowSeconds: 5, policies: [{ type: 'Pods', value: 1, periodSeconds: 5 }] } },
  });
  object.apiVersion = 'autoscaling/v2';
  object.kind = 'HorizontalPodAutoscaler';
  object.metadata!.annotations = { own: 'x' };
  object.status = {
    desiredReplicas: 2,
    currentReplicas: 1,
    conditions: [{ type: 'AbleToScale', status: 'True' }],
    currentMetrics: [
      { type: 'Pods', pods: { metric: { name: 'rps' }, current: { averageValue: '7' } } },
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 40 } } },
    ],
  };
  const old = toV1(object);
  assert.deepEqual(old.spec, { scaleTargetRef, minReplicas: 1, maxReplicas: 5, targetCPUUtilizationPercentage: 80 });
  assert.deepEqual(old.status, { currentReplicas: 1, desiredReplicas: 2, currentCPUUtilizationPercentage: 40 });
  const annotations = old.metadata!.annotations!;
  assert.deepEqual(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/metrics']!)[0], {
    type: 'Pods',
    pods: { metricName: 'rps', selector, targetAverageValue: '10' },
  });
  assert.deepEqual(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/current-metrics']!), [
    { type: 'Pods', pods: { metricName: 'rps', currentAverageValue: '7' } },
  ]);
  assert.deepEqual(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/conditions']!), [{ type: 'AbleToScale', status: 'True' }]);
  // The share of CPU comes last.
  const wanted = cloneObject(object);
  wanted.spec.metrics!.push(wanted.spec.metrics!.shift()!);
  assert.deepEqual(toV2(old), wanted);
  assert.deepEqual(toV2({ ...old, metadata: { ...metadata, annotations: { 'autoscaling.alpha.kubernetes.io/metrics': '{' } } }).spec.metrics, [cpu]);
});

test('defaults and findings of v1', () => {
  const v1 = (spec: object, annotations?: { [key: string]: string }): V1HorizontalPodAutoscaler => {
    const object = {
      metadata: { ...metadata, ...(annotations ? { annotations } : {}) },
      spec: { scaleTargetRef, maxReplicas: 3, ...spec },
    } as V1HorizontalPodAutoscaler;
    HorizontalPodAutoscalerV1.defaults!(object);
    return object;
  };
  assert.deepEqual(v1({}).spec, { scaleTargetRef, maxReplicas: 3, minReplicas: 1, targetCPUUtilizationPercentage: 80 });
  const pods = JSON.stringify([{ type: 'Pods', pods: { metricName: 'a', targetAverageValue: '1' } }]);
  assert.equal(v1({}, { 'autoscaling.alpha.kubernetes.io/metrics': pods }).spec.targetCPUUtilizationPercentage, undefined);
  assert.deepEqual(lines(HorizontalPodAutoscalerV1.validate!(v1({ minReplicas: 4 }), undefined)), [
    'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`',
  ]);
});
