import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderTable } from '#machinery';
import { allocatableOfTemplate, capacityOf, labelsOfTemplate, nodeOfTemplate } from './node-template.ts';
import { NodeGroup, type NodeGroup as Group } from './nodegroup.ts';

const group = (spec: Group['spec']): Group => {
  const made: Group = { metadata: { name: 'workers' }, ...(spec ? { spec } : {}) };
  NodeGroup.defaults?.(made);
  return made;
};
const problems = (spec: Group['spec']): string[] => (NodeGroup.validate?.(group(spec), undefined) ?? []).map((e) => `${e.field}: ${e.message}`);

describe('NodeGroup', () => {
  test('defaults: as many as the minimum, at most what there is', () => {
    assert.deepEqual(group({ min: 2 }).spec, { min: 2, replicas: 2, max: 2, scaleDown: 'Abrupt', template: {} });
    assert.deepEqual(group(undefined).spec, { min: 0, replicas: 0, max: 0, scaleDown: 'Abrupt', template: {} });
  });
  test('says what is wrong and where', () => {
    assert.deepEqual(problems({ replicas: 3, max: 5, template: { instanceType: 'm5.large', zones: ['a', 'b'], capacity: { 'example.com/fpga': '2' } } }), []);
    assert.deepEqual(problems({ replicas: -1, min: 3, max: 2, template: { zones: ['a', 'a'], taints: [{ key: 'k', effect: 'Never' }] } }), [
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.max: Invalid value: 2: must be greater than or equal to `min`',
      'spec.template.zones[1]: Duplicate value: "a"',
      'spec.template.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ]);
    assert.match(
      problems({ template: { instanceType: 'm5.huge' } })[0] ?? '',
      /^spec\.template\.instanceType: Unsupported value: "m5.huge": supported values: "c5\./,
    );
    assert.match(problems({ template: { capacity: { cpu: '-1' } } })[0] ?? '', /^spec\.template\.capacity\[cpu\]/);
  });
  test('columns', () => {
    const shown = { ...group({ replicas: 3, max: 5, template: { instanceType: 'm5.large', zones: ['a'] } }), status: { replicas: 2, ready: 1 } };
    assert.deepEqual(renderTable(NodeGroup, [shown], 0).rows[0]?.cells, ['workers', 3, 2, 1, 0, 5, 'm5.large', '<unknown>', 'a']);
  });
});

describe('node templates', () => {
  test('an instance type gives capacity, and the system its share of it', () => {
    assert.deepEqual(capacityOf({ instanceType: 'm5.large' }), { cpu: '2', memory: '8Gi', pods: '29', 'ephemeral-storage': '80Gi' });
    assert.equal(allocatableOfTemplate({ instanceType: 'm5.large' })['cpu'], '1930m');
    assert.equal(allocatableOfTemplate({ instanceType: 'm5.4xlarge' })['cpu'], '15890m');
    assert.equal(allocatableOfTemplate({ instanceType: 'm5.large' })['memory'], '7518Mi');
    assert.equal(capacityOf({ instanceType: 'g5.xlarge' })['nvidia.com/gpu'], '1');
  });
  test('what the template says itself counts', () => {
    assert.equal(capacityOf({ capacity: { cpu: '4' } })['cpu'], '4');
    assert.equal(capacityOf({ capacity: { cpu: '4' } })['memory'], '256Gi');
    assert.equal(allocatableOfTemplate({ capacity: { cpu: '4' }, allocatable: { cpu: '3' } })['cpu'], '3');
  });
  test('labels of a cloud', () => {
    assert.deepEqual(labelsOfTemplate({ instanceType: 'm7g.large', region: 'eu-west-1', labels: { team: 'a' } }, 'eu-west-1a'), {
      type: 'sim',
      'topology.kubernetes.io/region': 'eu-west-1',
      'topology.kubernetes.io/zone': 'eu-west-1a',
      'node.kubernetes.io/instance-type': 'm7g.large',
      team: 'a',
    });
    assert.equal(nodeOfTemplate({ instanceType: 'm7g.large' }, 'n', undefined).metadata?.labels?.['kubernetes.io/arch'], 'arm64');
  });
});
