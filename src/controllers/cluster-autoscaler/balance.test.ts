import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeGroup, V1Pod } from '#kinds';
import { balanced } from './balance.ts';
import type { Option } from './scale-up.ts';

const pods: V1Pod[] = Array.from({ length: 6 }, (_, i) => ({ metadata: { name: `p${i}` } }));
const group = (
  name: string,
  replicas: number,
  max: number,
  template: NonNullable<NodeGroup['spec']>['template'] = { instanceType: 'm5.large' },
): NodeGroup => ({
  metadata: { name },
  spec: { replicas, min: 0, max, template: { ...template, zones: [name] } },
});
const option = (of: NodeGroup, count = 6, own = pods): Option => ({ group: of, count, pods: own, waste: 0 });
const told = (options: readonly Option[]): string[] => options.map(({ group: g, count }) => `${g.metadata?.name}+${count}`);

test('new nodes go to the smallest of the groups that are alike, as far as they may grow', () => {
  const [a, b, c] = [option(group('a', 4, 10)), option(group('b', 1, 10)), option(group('c', 0, 2))];
  const result = balanced(a, [a, b, c]);
  assert.deepEqual(told(result), ['a+1', 'b+3', 'c+2']);
  assert.equal(new Set(result.flatMap((one) => one.pods)).size, 6, 'every pod is told of once');
});

test('groups that are not alike, or cannot take all of the pods, stay out of it', () => {
  const chosen = option(group('a', 0, 10));
  const larger = option(group('larger', 0, 10, { instanceType: 'm5.xlarge' }));
  const partial = option(group('partial', 0, 10), 2, pods.slice(0, 2));
  assert.deepEqual(balanced(chosen, [chosen, larger, partial]), [chosen]);
});

test('where there is room for fewer, there are fewer', () => {
  const [a, b] = [option(group('a', 9, 10)), option(group('b', 8, 10))];
  assert.deepEqual(told(balanced(a, [a, b])), ['a+1', 'b+2']);
});
