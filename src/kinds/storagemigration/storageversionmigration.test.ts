import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1beta1StorageVersionMigration, V1Condition } from '../generated/types.ts';
import { StorageVersionMigration } from './storageversionmigration.ts';

const time = '2026-01-01T00:00:00Z';
const holds = (type: string, status: 'True' | 'False' = 'True'): V1Condition => ({ type, status, reason: 'Because', message: '', lastTransitionTime: time });
const migration = (resource: { group?: string; resource?: string }, status: V1beta1StorageVersionMigration['status'] = {}): V1beta1StorageVersionMigration => ({
  metadata: { name: 'm' },
  spec: { resource: resource as { group: string; resource: string } },
  status,
});
const pods = (status?: V1beta1StorageVersionMigration['status']): V1beta1StorageVersionMigration => migration({ resource: 'pods' }, status);
const texts = (errors: readonly { field: string; message: string }[] | undefined): string[] =>
  (errors ?? []).map(({ field, message }) => `${field}: ${message}`);

describe('StorageVersionMigration', () => {
  it('names a resource, for good', () => {
    assert.deepEqual(texts(StorageVersionMigration.validate?.(pods(), undefined)), []);
    assert.deepEqual(texts(StorageVersionMigration.validate?.({ metadata: { name: 'm' } }, undefined)), [
      'spec.resource.resource: Required value: resource is required',
    ]);
    assert.deepEqual(texts(StorageVersionMigration.validate?.(migration({ group: 'apps', resource: 'deployments' }), pods())), [
      'group: Invalid value: "apps": field is immutable',
      'resource: Invalid value: "deployments": field is immutable',
    ]);
    assert.deepEqual(texts(StorageVersionMigration.validate?.(migration({ group: '', resource: 'pods' }), pods())), []);
  });
  it('ends once, in one way', () => {
    const check = (now: V1beta1StorageVersionMigration['status'], old: V1beta1StorageVersionMigration['status'] = {}): string[] =>
      texts(StorageVersionMigration.validateStatus?.(pods(now), pods(old))).map((text) => text.replace(/Invalid value: \[.*\]: /, ''));
    const field = 'status.conditions:';
    assert.deepEqual(check({ resourceVersion: '12', conditions: [holds('Running')] }), []);
    assert.deepEqual(check({ conditions: [holds('Running', 'False'), holds('Succeeded')] }, { conditions: [holds('Running')] }), []);
    assert.deepEqual(check({ conditions: [holds('Succeeded'), holds('Failed')] }), [
      `${field} Both success and failed conditions cannot be true at the same time`,
    ]);
    assert.deepEqual(check({ conditions: [holds('Succeeded'), holds('Running')] }), [
      `${field} Running condition cannot be true when success condition is true`,
    ]);
    assert.deepEqual(check({ conditions: [holds('Failed'), holds('Running')] }), [`${field} Running condition cannot be true when failed condition is true`]);
    assert.deepEqual(check({}, { conditions: [holds('Succeeded')] }), [`${field} Success condition cannot be set to false once it is true`]);
    assert.deepEqual(check({}, { conditions: [holds('Failed')] }), [`${field} Failed condition cannot be set to false once it is true`]);
  });
  it('keeps its resource version, a number', () => {
    const check = (now: string, old = ''): string[] =>
      texts(StorageVersionMigration.validateStatus?.(pods({ resourceVersion: now }), pods(old ? { resourceVersion: old } : {})));
    assert.deepEqual(check('5', '5'), []);
    assert.deepEqual(check('6', '5'), ['status.resourceVersion: Invalid value: "6": cannot be updated']);
    assert.deepEqual(check('-1'), ['status.resourceVersion: Invalid value: -1: must be greater than or equal to 0']);
    assert.match(check('x')[0] ?? '', /^status\.resourceVersion: Invalid value: "x": failed to parse resource version "x"/);
  });
  it('is printed with what it is about', () => {
    const [, resource] = StorageVersionMigration.columns;
    assert.equal(resource?.value(migration({ group: 'apps', resource: 'deployments' }), 0), 'deployments.apps');
    assert.equal(resource?.value(pods(), 0), 'pods');
  });
});
