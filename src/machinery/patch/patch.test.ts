import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSchema } from '../apply/test-schema.ts';
import { isApiError } from '../errors.ts';
import type { Json } from '../object.ts';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMergePatch } from './strategic.ts';

type Case = [name: string, target: Json, patch: Json, wanted: Json];

const rfc6902: Case[] = [
  ['A.1 add a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
  ['A.2 add an element', { foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
  ['A.3 remove a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
  ['A.4 remove an element', { foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
  ['A.5 replace', { baz: 'qux', foo: 'bar' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo', foo: 'bar' }],
  [
    'A.6 move a value',
    { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  ['A.7 move an element', { foo: ['all', 'grass', 'cows', 'eat'] }, [{ op: 'move', from: '/foo/1', path: '/foo/3' }], { foo: ['all', 'cows', 'eat', 'grass'] }],
  [
    'A.8 test',
    { baz: 'qux', foo: ['a', 2, 'c'] },
    [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    { baz: 'qux', foo: ['a', 2, 'c'] },
  ],
  ['A.10 add a nested object', { foo: 'bar' }, [{ op: 'add', path: '/child', value: { grandchild: {} } }], { foo: 'bar', child: { grandchild: {} } }],
  ['A.11 unknown members', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }], { foo: 'bar', baz: 'qux' }],
  ['A.14 escapes', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
  ['A.16 append', { foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }], { foo: ['bar', ['abc', 'def']] }],
  [
    'copy',
    { a: { b: [1] } },
    [
      { op: 'copy', from: '/a/b', path: '/c' },
      { op: 'add', path: '/c/-', value: 2 },
    ],
    { a: { b: [1] }, c: [1, 2] },
  ],
  ['whole document', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
];
for (const [name, target, patch, wanted] of rfc6902) {
  test(`RFC 6902 ${name}`, () => {
    const before = structuredClone(target);
    assert.deepEqual(jsonPatch(target, patch), wanted);
    assert.deepEqual(target, before, 'the target was changed');
  });
}

const refused: [Json, Json, string][] = [
  [{ baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }], 'testing value /baz failed: test failed'],
  [{ '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }], 'testing value /~01 failed: test failed'],
  [{ foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }], 'add operation does not apply: doc is missing path: "/baz/bat": missing value'],
  [{ a: 1 }, [{ op: 'remove', path: '/b' }], "error in remove for path: '/b': Unable to remove nonexistent key: b: missing value"],
  [{ a: 1 }, [{ op: 'replace', path: '/b', value: 1 }], 'replace operation does not apply: doc is missing key: /b: missing value'],
  [{ a: [1] }, [{ op: 'add', path: '/a/2', value: 1 }], "error in add for path: '/a/2': Unable to access invalid index: 2: invalid index referenced"],
  [{ a: [1] }, [{ op: 'add', path: '/a/01', value: 1 }], "error in add for path: '/a/01': Unable to access invalid index: 01: invalid index referenced"],
  [{ a: {} }, [{ op: 'move', from: '/a', path: '/a/b' }], "error in move for path: '/a/b': cannot move a value into itself"],
];
for (const [target, patch, cause] of refused) {
  test(`JSON patch refuses ${JSON.stringify(patch)}`, () => {
    assert.throws(
      () => jsonPatch(target, patch),
      (error) => isApiError(error, 'Invalid') && error.details?.causes?.[0]?.message === cause,
    );
  });
}
test('JSON patch: a wrong shape is a bad request, too many operations too large', () => {
  assert.throws(
    () => jsonPatch({}, { op: 'add' }),
    (e) => isApiError(e, 'BadRequest'),
  );
  const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '', value: null }));
  assert.throws(
    () => jsonPatch({}, many),
    (e) => isApiError(e, 'RequestEntityTooLarge'),
  );
});

const rfc7386: [Json, Json, Json][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];
rfc7386.forEach(([target, patch, wanted], i) => {
  test(`RFC 7386 example ${i + 1}`, () => assert.deepEqual(mergePatch(target, patch), wanted));
});

const container = (name: string, image: string): Json => ({ name, image });
const strategic: [name: string, type: string, target: Json, patch: Json, wanted: Json][] = [
  [
    'lists with a merge key merge',
    'PodSpec',
    { containers: [container('a', '1'), container('b', '1')] },
    { containers: [container('b', '2'), container('c', '1')] },
    { containers: [container('a', '1'), container('b', '2'), container('c', '1')] },
  ],
  ['lists without one are replaced', 'PodSpec', { tolerations: [{ key: 'a' }] }, { tolerations: [{ key: 'b' }] }, { tolerations: [{ key: 'b' }] }],
  [
    '$patch delete of an item',
    'PodSpec',
    { containers: [container('a', '1'), container('b', '1')] },
    { containers: [{ $patch: 'delete', name: 'a' }] },
    { containers: [container('b', '1')] },
  ],
  [
    '$patch replace of a list',
    'PodSpec',
    { containers: [container('a', '1'), container('b', '1')] },
    { containers: [container('c', '1'), { $patch: 'replace' }] },
    { containers: [container('c', '1')] },
  ],
  ['$patch replace of a map', 'ConfigMap', { data: { a: '1', b: '2' } }, { data: { $patch: 'replace', c: '3' } }, { data: { c: '3' } }],
  ['$patch delete of a map', 'ConfigMap', { data: { a: '1' }, metadata: {} }, { data: { $patch: 'delete' } }, { metadata: {} }],
  ['null removes', 'ConfigMap', { data: { a: '1', b: '2' } }, { data: { a: null } }, { data: { b: '2' } }],
  [
    '$retainKeys',
    'DeploymentSpec',
    { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } },
    { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    { strategy: { type: 'Recreate' } },
  ],
  [
    '$retainKeys in a list item',
    'PodSpec',
    { volumes: [{ name: 'v', emptyDir: {} }] },
    { volumes: [{ $retainKeys: ['name', 'hostPath'], name: 'v', hostPath: { path: '/x' } }] },
    { volumes: [{ name: 'v', hostPath: { path: '/x' } }] },
  ],
  [
    '$deleteFromPrimitiveList',
    'Meta',
    { finalizers: ['a', 'b', 'c'] },
    { '$deleteFromPrimitiveList/finalizers': ['b'], finalizers: ['d'] },
    { finalizers: ['a', 'c', 'd'] },
  ],
  [
    '$setElementOrder of objects',
    'PodSpec',
    { containers: [container('a', '1'), container('b', '1'), container('c', '1')] },
    { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'n' }], containers: [container('n', '1')] },
    { containers: [container('b', '1'), container('c', '1'), container('a', '1'), container('n', '1')] },
  ],
  ['$setElementOrder of primitives', 'Meta', { finalizers: ['a', 'b'] }, { '$setElementOrder/finalizers': ['b', 'a'] }, { finalizers: ['b', 'a'] }],
  [
    'an item with null members',
    'Container',
    { env: [] },
    { env: [{ name: 'X', value: null, valueFrom: { k: 'v' } }] },
    { env: [{ name: 'X', valueFrom: { k: 'v' } }] },
  ],
  ['dollar signs in data stay', 'ConfigMap', { data: {} }, { data: { $HOME: 'x' } }, { data: { $HOME: 'x' } }],
];
for (const [name, type, target, patch, wanted] of strategic) {
  test(`strategic merge: ${name}`, () => {
    const before = structuredClone(target);
    assert.deepEqual(strategicMergePatch(target, patch, testSchema, type), wanted);
    assert.deepEqual(target, before, 'the target was changed');
  });
}
test('strategic merge: an item without its merge key is a bad request', () => {
  assert.throws(() => strategicMergePatch({}, { containers: [{ image: 'x' }] }, testSchema, 'PodSpec'), /does not contain declared merge key: name/);
});
