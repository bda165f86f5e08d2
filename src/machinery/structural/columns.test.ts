import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Json, KubeObject } from '../object.ts';
import { parseJsonPath, printerColumns, selectableFields, simplePath, valueAt } from './index.ts';

const object = {
  metadata: { name: 'a', creationTimestamp: '2026-11-24T10:00:00Z', labels: { 'app.kubernetes.io/name': 'web' } },
  spec: { replicas: 3, on: true, list: ['a', 'b', 'c'], map: { k: 'v' } },
  status: {
    conditions: [
      { type: 'Ready', status: 'True', n: 1 },
      { type: 'Synced', status: 'False', n: 2 },
    ],
  },
};

describe('JSONPath of printer columns', () => {
  const cases: [path: string, expected: Json[]][] = [
    ['.spec.replicas', [3]],
    ['{.spec.replicas}', [3]],
    ['.spec.none.x', []],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Nope')].status", []],
    ['.status.conditions[?(@.n>1)].type', ['Synced']],
    ['.status.conditions[?(@.status!="True")].type', ['Synced']],
    ['.status.conditions[*].type', ['Ready', 'Synced']],
    ['.status.conditions[-1].type', ['Synced']],
    ['.spec.list[0]', ['a']],
    ['.spec.list[1:]', ['b', 'c']],
    ['.spec.list[0:3:2]', ['a', 'c']],
    ['.spec.list[0,2]', ['a', 'c']],
    ['.spec.list[7]', []],
    ['.metadata.labels.app\\.kubernetes\\.io/name', ['web']],
    [".metadata.labels['app.kubernetes.io/name']", ['web']],
    ['..type', ['Ready', 'Synced']],
    ['.spec.toString', []],
  ];
  for (const [path, expected] of cases) test(path, () => assert.deepEqual(parseJsonPath(path)(object), expected));
  for (const path of ['.spec[', '.spec[x]', '.a[?(@.b==]', '.a b', '.a[0:1:0]']) {
    test(`${path} is refused`, () => assert.throws(() => parseJsonPath(path), SyntaxError));
  }
});

describe('columns', () => {
  const now = Date.parse('2026-11-24T10:02:05Z');
  const value = (type: string, jsonPath: string): unknown => printerColumns([{ name: 'X', type, jsonPath }])[1]?.value(object as KubeObject, now);
  const cases: [type: string, path: string, expected: unknown][] = [
    ['integer', '.spec.replicas', 3],
    ['integer', '.metadata.name', undefined],
    ['string', '.spec.replicas', '3'],
    ['string', '.spec.map', '{"k":"v"}'],
    ['string', '.spec.list[*]', 'a b c'],
    ['boolean', '.spec.on', true],
    ['date', '.metadata.creationTimestamp', '2m5s'],
    ['date', '.metadata.name', '<invalid>'],
    ['string', '.spec.none', undefined],
  ];
  for (const [type, path, expected] of cases) test(`${type} ${path}`, () => assert.equal(value(type, path), expected));
  test('without columns: name and age', () =>
    assert.deepEqual(
      printerColumns(undefined).map((column) => column.name),
      ['Name', 'Age'],
    ));
});

test('selectable fields read as text', () => {
  const fields = selectableFields([{ jsonPath: '.spec.replicas' }, { jsonPath: '.spec.none' }]);
  assert.deepEqual(Object.fromEntries(Object.entries(fields).map(([name, read]) => [name, read(object as KubeObject)])), {
    'spec.replicas': '3',
    'spec.none': '',
  });
});
test('simple paths', () => {
  assert.deepEqual(simplePath('.metadata.labels.a\\.b'), ['metadata', 'labels', 'a.b']);
  assert.equal(valueAt(object, simplePath('.spec.replicas')), 3);
});
