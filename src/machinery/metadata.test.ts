import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateMetadata } from './metadata.ts';
import { labelKeyProblems, labelValueProblems, nameProblems } from './names.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import { age, columnDefinitions, humanDuration, renderTable } from './table.ts';

const kind = { namespaced: true, nameRule: 'dns-subdomain' } as const;
const problems = (metadata: ObjectMeta, old?: ObjectMeta): string[] =>
  validateMetadata(kind, { metadata }, old ? { metadata: old } : undefined).map((e) => `${e.field}: ${e.message}`);

test('names', () => {
  assert.deepEqual(nameProblems('dns-subdomain', 'a.b-c'), []);
  assert.deepEqual(nameProblems('dns-subdomain', 'A'), [
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ]);
  assert.deepEqual(nameProblems('dns-label', 'a.b'), [
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  assert.equal(nameProblems('dns-label-1035', '1a').length, 1);
  assert.deepEqual(nameProblems('path-segment', 'system:a'), []);
  assert.deepEqual(nameProblems('path-segment', '..'), ["may not be '..'"]);
  assert.deepEqual(nameProblems('dns-label', 'a'.repeat(64)), ['must be no more than 63 characters']);
  assert.deepEqual(nameProblems('dns-subdomain', 'pod-', true), []);
});

test('label keys and values', () => {
  for (const key of ['a', 'app.kubernetes.io/name', 'A_b.c-d']) assert.deepEqual(labelKeyProblems(key), []);
  for (const key of ['', '/a', 'a/', 'a/b/c', '-a', 'a'.repeat(64), 'UPPER/a']) assert.notDeepEqual(labelKeyProblems(key), [], key);
  assert.deepEqual(labelValueProblems(''), []);
  assert.deepEqual(labelValueProblems('-').length, 1);
});

test('metadata on create', () => {
  assert.deepEqual(problems({ name: 'a', namespace: 'n', labels: { app: 'x' } }), []);
  assert.deepEqual(problems({ namespace: 'n' }), ['metadata.name: Required value: name or generateName is required']);
  assert.deepEqual(problems({ name: 'a' }), ['metadata.namespace: Required value']);
  assert.deepEqual(
    validateMetadata({ ...kind, namespaced: false }, { metadata: { name: 'a', namespace: 'b' } }).map((e) => e.message),
    ['Forbidden: not allowed on this type'],
  );
  assert.deepEqual(problems({ name: 'a', namespace: 'n', annotations: { a: 'x'.repeat(256 * 1024) } }), [
    'metadata.annotations: Too long: may not be more than 262144 bytes',
  ]);
  assert.equal(problems({ name: 'a', namespace: 'n', labels: { 'a b': 'c d' } }).length, 2);
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true };
  assert.deepEqual(problems({ name: 'a', namespace: 'n', ownerReferences: [{ ...owner, uid: '' }] }), [
    'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
  ]);
  assert.match(
    problems({ name: 'a', namespace: 'n', ownerReferences: [owner, { ...owner, name: 'q' }] })[0] ?? '',
    /Only one reference can have Controller set to true\. Found "true" in references for Pod\/p and Pod\/q/,
  );
});

test('metadata on update', () => {
  const old: ObjectMeta = { name: 'a', namespace: 'n', uid: 'u', finalizers: ['x.io/a'] };
  assert.deepEqual(problems({ ...old }, old), []);
  assert.deepEqual(problems({ ...old, uid: 'v' }, old), ['metadata.uid: Invalid value: "v": field is immutable']);
  const deleted = { ...old, deletionTimestamp: '2026-01-01T00:00:00Z' };
  assert.deepEqual(problems({ ...deleted, finalizers: ['x.io/a', 'x.io/b'] }, deleted), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.io/b"}',
  ]);
});

test('ages as kubectl prints them', () => {
  const s = 1000,
    m = 60 * s,
    h = 60 * m,
    d = 24 * h,
    y = 365 * d;
  const cases: [number, string][] = [
    [-5 * s, '<invalid>'],
    [-1 * s, '0s'],
    [0, '0s'],
    [5 * s, '5s'],
    [119 * s, '119s'],
    [120 * s, '2m'],
    [150 * s, '2m30s'],
    [599 * s, '9m59s'],
    [10 * m + 9 * s, '10m'],
    [179 * m, '179m'],
    [180 * m, '3h'],
    [3 * h + 5 * m, '3h5m'],
    [8 * h + 5 * m, '8h'],
    [47 * h, '47h'],
    [48 * h, '2d'],
    [49 * h, '2d1h'],
    [8 * d, '8d'],
    [4 * d, '4d'],
    [729 * d, '729d'],
    [2 * y, '2y'],
    [2 * y + 3 * d, '2y3d'],
    [9 * y + 3 * d, '9y'],
  ];
  for (const [ms, wanted] of cases) assert.equal(humanDuration(ms), wanted);
  assert.equal(age(undefined, 0), '<unknown>');
  assert.equal(age('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:07Z')), '7s');
});

test('tables', () => {
  const object: KubeObject = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' } };
  const columns = [
    { name: 'Name', type: 'string', format: 'name', description: 'd', value: (o: KubeObject) => o.metadata?.name },
    { name: 'Age', type: 'string', description: 'd', value: (o: KubeObject, now: number) => age(o.metadata?.creationTimestamp, now) },
    { name: 'Wide', type: 'integer', description: 'd', priority: 1, value: () => undefined },
  ] as const;
  const table = renderTable({ columns }, [object], Date.parse('2026-01-01T00:01:00Z'), { metadata: { resourceVersion: '7' } });
  assert.deepEqual(table.rows[0]?.cells, ['a', '60s', null]);
  assert.deepEqual(table.columnDefinitions?.[2], { name: 'Wide', type: 'integer', format: '', description: 'd', priority: 1 });
  assert.deepEqual(table.rows[0]?.object, { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata });
  assert.equal(renderTable({ columns }, [object], 0, { includeObject: 'Object' }).rows[0]?.object, object);
  assert.equal(renderTable({ columns }, [object], 0, { withoutDefinitions: true }).columnDefinitions, null);
  assert.equal(renderTable({ columns }, [object], 0, { includeObject: 'None' }).rows[0]?.object, null);
  assert.deepEqual(
    columnDefinitions({ columns: [] }).map((c) => c.name),
    ['Name', 'Created At'],
  );
});
