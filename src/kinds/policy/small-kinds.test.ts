import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodDisruptionBudget, PriorityClass, RuntimeClass, type V1PodDisruptionBudget, type V1PodDisruptionBudgetSpec, type V1PriorityClass } from '#kinds';

const now = 0;
const lines = (errors: readonly { field: string; message: string }[]): string[] => errors.map((e) => `${e.field}: ${e.message}`);

function budget(spec: V1PodDisruptionBudgetSpec): V1PodDisruptionBudget {
  const object: V1PodDisruptionBudget = { metadata: { name: 'b', namespace: 'default' }, spec };
  PodDisruptionBudget.prepareCreate!(object, { now });
  return object;
}

test('disruption budgets', () => {
  const texts = (spec: V1PodDisruptionBudgetSpec): string[] => lines(PodDisruptionBudget.validate!(budget(spec), undefined));
  assert.deepEqual(texts({ minAvailable: '50%', selector: {}, unhealthyPodEvictionPolicy: 'AlwaysAllow' }), []);
  assert.deepEqual(texts({ minAvailable: 1, maxUnavailable: 1 }), [
    'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
  ]);
  assert.deepEqual(texts({ minAvailable: -1 }), ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0']);
  assert.deepEqual(texts({ maxUnavailable: '120%' }), ['spec.maxUnavailable: Invalid value: "120%": must not be greater than 100%']);
  assert.match(texts({ maxUnavailable: 'x' })[0]!, /^spec.maxUnavailable: Invalid value: "x": a valid percent string must be/);
  assert.deepEqual(texts({ unhealthyPodEvictionPolicy: 'X' }), [
    'spec.unhealthyPodEvictionPolicy: Unsupported value: "X": supported values: "AlwaysAllow", "IfHealthyBudget"',
  ]);
  const stored = budget({ maxUnavailable: '25%' });
  assert.deepEqual(
    PodDisruptionBudget.columns.map((column) => column.value(stored, now)),
    ['b', 'N/A', '25%', 0, '<unknown>'],
  );
  const status = { disruptionsAllowed: -1, conditions: [{ type: 'A', status: 'Maybe', reason: '', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }] };
  assert.deepEqual(lines(PodDisruptionBudget.validateStatus!({ ...stored, status }, stored)), [
    'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
    'status.conditions[0].reason: Required value: must be set',
    'status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0',
  ]);
});

function priority(own: Partial<V1PriorityClass>): V1PriorityClass {
  const object: V1PriorityClass = { metadata: { name: 'p' }, ...own };
  PriorityClass.defaults!(object);
  return object;
}

test('priority classes', () => {
  assert.deepEqual(priority({}), { metadata: { name: 'p' }, value: 0, preemptionPolicy: 'PreemptLowerPriority' });
  const texts = (object: V1PriorityClass, old?: V1PriorityClass): string[] => lines(PriorityClass.validate!(object, old));
  assert.deepEqual(texts(priority({ value: 1_000_000_000 })), []);
  assert.deepEqual(texts(priority({ value: 1_000_000_001 })), ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000']);
  const reserved = "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: ";
  assert.deepEqual(texts(priority({ metadata: { name: 'system-x' } })), [`${reserved}system-x is not a known system priority class`]);
  assert.deepEqual(texts(priority({ metadata: { name: 'system-node-critical' }, value: 5 })), [
    `${reserved}value of system-node-critical PriorityClass must be 2000001000`,
  ]);
  assert.deepEqual(texts(priority({ metadata: { name: 'system-cluster-critical' }, value: 2_000_000_000 })), []);
  assert.deepEqual(texts(priority({ value: 2, preemptionPolicy: 'Never' }), priority({ value: 1 })), [
    'value: Forbidden: may not be changed in an update.',
    'preemptionPolicy: Invalid value: "Never": field is immutable',
  ]);
  assert.deepEqual(
    PriorityClass.columns.map((column) => column.value(priority({ value: 7 }), now)),
    ['p', 7, false, '<unknown>', 'PreemptLowerPriority'],
  );
});

test('runtime classes', () => {
  const runtime = { metadata: { name: 'r' }, handler: 'runc' };
  const texts = (object: object, old?: object): string[] => lines(RuntimeClass.validate!(object as never, old as never));
  assert.deepEqual(texts(runtime), []);
  assert.match(texts({ ...runtime, handler: 'Run_C' })[0]!, /^handler: Invalid value: "Run_C": a lowercase RFC 1123 label/);
  assert.deepEqual(texts({ ...runtime, handler: 'kata' }, runtime), ['handler: Invalid value: "kata": field is immutable']);
  const toleration = { key: 'a', operator: 'Exists' };
  assert.deepEqual(texts({ ...runtime, scheduling: { tolerations: [toleration, toleration] } }), [
    'scheduling.tolerations[1]: Duplicate value: {"key":"a","operator":"Exists"}',
  ]);
  assert.deepEqual(
    RuntimeClass.columns.map((column) => column.value(runtime, now)),
    ['r', 'runc', '<unknown>'],
  );
});
