import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '#machinery';
import { prepared, refused, refusedStatus, refusedUpdate } from '../fixtures/objects.ts';
import { LimitRange } from './limitrange.ts';
import { ResourceQuota } from './resourcequota.ts';

const limits = (...items: object[]): string[] => refused(LimitRange, (range) => (range.spec = { limits: items as never }));

test('limits of containers default from max to limit to request', () => {
  const range = prepared(LimitRange, {
    metadata: { name: 'r', namespace: 'default' },
    spec: {
      limits: [
        { type: 'Container', max: { cpu: '2' }, min: { memory: '4Mi', cpu: '1m' } },
        { type: 'Pod', max: { cpu: '2' } },
      ],
    },
  });
  assert.deepEqual(range.spec!.limits, [
    { type: 'Container', max: { cpu: '2' }, min: { memory: '4Mi', cpu: '1m' }, default: { cpu: '2' }, defaultRequest: { memory: '4Mi', cpu: '2' } },
    { type: 'Pod', max: { cpu: '2' } },
  ]);
});

test('the values of a limit are in order', () => {
  assert.deepEqual(limits({ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' }, defaultRequest: { cpu: '3' }, default: { cpu: '500m' } }), [
    'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than max value 1',
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than default limit value 500m',
    'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 500m',
  ]);
  assert.deepEqual(limits({ type: 'Pod', maxLimitRequestRatio: { cpu: '500m' } }), [
    'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
  ]);
  assert.deepEqual(limits({ type: 'Pod', min: { cpu: '1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '4' } }), [
    'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "4": ratio 4 is greater than max/min = 2.000000',
  ]);
});

test('limits are of known types, each once, of known resources', () => {
  assert.deepEqual(limits({ type: 'Pod' }, { type: 'Pod' }, { type: 'Deployment' }), [
    'spec.limits[1].type: Duplicate value: "Pod"',
    'spec.limits[2].type: Invalid value: "Deployment": must be a standard limit type or fully qualified',
  ]);
  assert.deepEqual(limits({ type: 'Pod', max: { bananas: '1' }, default: { cpu: '1' } }), [
    'spec.limits[0].max[bananas]: Invalid value: "bananas": must be a standard resource type or fully qualified',
    'spec.limits[0].max[bananas]: Invalid value: "bananas": must be a standard resource for containers',
    "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
  ]);
  assert.deepEqual(limits({ type: 'PersistentVolumeClaim' }), [
    'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
  ]);
});

const quota = (spec: object): string[] => refused(ResourceQuota, (object) => (object.spec = spec));

test('quotas count standard or qualified resources, in whole non-negative numbers', () => {
  assert.deepEqual(quota({ hard: { pods: '1500m', bananas: '1', 'count/bananas.example.com': '3', 'requests.cpu': '-1', 'requests.nvidia.com/gpu': '4' } }), [
    'spec.hard[pods]: Invalid value: "1500m": must be an integer',
    'spec.hard[bananas]: Invalid value: "bananas": must be a standard resource type or fully qualified',
    'spec.hard[bananas]: Invalid value: "bananas": must be a standard resource for quota',
    'spec.hard[requests.cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ]);
  assert.deepEqual(refusedStatus(ResourceQuota, { hard: { pods: '1' }, used: { pods: '-1' } }), [
    'status.used[pods]: Invalid value: "-1": must be greater than or equal to 0',
  ]);
});

test('scopes are known, fit the resources and each other, and stay', () => {
  assert.deepEqual(quota({ hard: { services: '1' }, scopes: ['Terminating', 'NotTerminating', 'Odd'] }), [
    'spec.scopes: Invalid value: ["Terminating","NotTerminating","Odd"]: unsupported scope applied to resource',
    'spec.scopes: Invalid value: ["Terminating","NotTerminating","Odd"]: unsupported scope applied to resource',
    'spec.scopes: Invalid value: ["Terminating","NotTerminating","Odd"]: unsupported scope',
    'spec.scopes: Invalid value: ["Terminating","NotTerminating","Odd"]: conflicting scopes',
  ]);
  assert.deepEqual(
    quota({
      scopeSelector: {
        matchExpressions: [
          { scopeName: 'PriorityClass', operator: 'In' },
          { scopeName: 'BestEffort', operator: 'DoesNotExist', values: ['x'] },
        ],
      },
    }),
    [
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      'spec.scopeSelector.matchExpressions.operator: Invalid value: "DoesNotExist": must be \'Exists\' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity',
      "spec.scopeSelector.matchExpressions.values: Invalid value: [\"x\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
    ],
  );
  assert.deepEqual(
    refusedUpdate(ResourceQuota, (object) => (object.spec!.scopes = ['Terminating'])),
    ['spec.scopes: Invalid value: ["Terminating"]: field is immutable'],
  );
});

test('a quota shows requests and limits apart', () => {
  const object = {
    metadata: { name: 'q', creationTimestamp: '2031-01-01T00:00:00Z' },
    status: { hard: { pods: '3', 'limits.cpu': '2', 'requests.cpu': '1' }, used: { pods: '1' } },
  };
  assert.deepEqual(renderTable(ResourceQuota, [object], Date.parse('2031-01-01T00:00:30Z')).rows[0]!.cells, [
    'q',
    'pods: 1/3, requests.cpu: 0/1',
    'limits.cpu: 0/2',
    '30s',
  ]);
});
