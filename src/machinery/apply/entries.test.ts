import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, KubeObject, ManagedFieldsEntry } from '../object.ts';
import { noSchema } from '../schema-view.ts';
import { entryFindings, readEntries, resets } from './entries.ts';
import { orderEntries } from './managers.ts';
import { trackUpdate } from './track.ts';

const entry = (more: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry => ({
  manager: 'm',
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } },
  ...more,
});

test('entries that can be read', () => {
  const odd = { 'f:list': { 'k:{"name":"x"}': { '.': {} }, 'v:"y"': {}, 'v:3': {}, 'i:-1': {} }, 'f:': {} };
  assert.deepEqual(readEntries([entry(), entry({ operation: 'Apply', fieldsV1: odd })])?.length, 2);
  const { fieldsV1: _none, ...bare } = entry();
  assert.deepEqual(readEntries([bare]), [bare]);
});

test('one that cannot be read spoils all', () => {
  const bad: Partial<ManagedFieldsEntry>[] = [
    { operation: 'Create' },
    { operation: '' },
    { apiVersion: '' },
    { fieldsType: '' },
    { fieldsType: 'FieldsV2' },
    ...(['x', [], { 'g:a': {} }, { 'f:a': 1 }, { 'f:a': { 'k:[]': {} } }, { 'v:{': {} }, { 'i:x': {} }, { '': {} }] as Json[]).map((fieldsV1) => ({
      fieldsV1,
    })),
  ];
  for (const more of bad) assert.equal(readEntries([entry(), entry(more)]), undefined, JSON.stringify(more));
});

test('of the entries of one writer the last counts', () => {
  const last = entry({ fieldsV1: { 'f:x': {} } });
  assert.deepEqual(readEntries([entry(), last]), [last]);
  assert.equal(readEntries([entry({ operation: 'Apply' }), entry({ operation: 'Apply', apiVersion: 'v2' })])?.length, 1);
  assert.equal(readEntries([entry(), entry({ apiVersion: 'v2' }), entry({ subresource: 'status' })])?.length, 3);
});

test('what stops the tracking', () => {
  assert.deepEqual([[], [{}], [entry()], [{}, {}], undefined].map(resets), [true, true, false, false, false]);
});

test('names that are too long or cannot be printed', () => {
  assert.deepEqual(entryFindings([entry(), entry({ manager: 'é ok' })]), []);
  assert.deepEqual(
    entryFindings([entry({ manager: 'x'.repeat(129) }), entry({ manager: 'a\u0007' }), entry({ subresource: 's'.repeat(257) })]).map(
      (found) => `${found.field}: ${found.message}`,
    ),
    [
      'metadata.managedFields[0].manager: Too long: may not be more than 128 bytes',
      'metadata.managedFields[1].manager: Invalid value: "a\\u0007": should only contain printable characters',
      'metadata.managedFields[2].subresource: Too long: may not be more than 256 bytes',
    ],
  );
});

test('what a client sends of them is taken, unless it is unreadable or goes to a subresource', () => {
  const old: KubeObject = { metadata: { name: 'a', managedFields: [entry()] } };
  const sent = [entry({ manager: 'renamed' })];
  const next = (managedFields: ManagedFieldsEntry[]): KubeObject => ({ metadata: { name: 'a', managedFields } });
  const track = (to: KubeObject, subresource?: string): ManagedFieldsEntry[] | undefined =>
    trackUpdate({ old, next: to, manager: 'me', apiVersion: 'v1', now: 0, schema: noSchema, type: undefined, subresource });
  assert.deepEqual(track(next(sent)), sent);
  assert.deepEqual(track(next([entry({ operation: 'x' })])), [entry()]);
  assert.deepEqual(track(next(sent), 'status'), [entry()]);
  assert.equal(track(next([])), undefined);
  assert.deepEqual(track({ metadata: { name: 'a' } }), [entry()]);
});

test('joined updaters: the first of a version waits for a second', () => {
  const at = (i: number, apiVersion: string): ManagedFieldsEntry =>
    entry({ manager: `m${i}`, apiVersion, time: new Date(i * 1000).toISOString(), fieldsV1: { [`f:x${i}`]: {} } });
  const mixed = orderEntries([at(0, 'v1'), at(1, 'v2'), ...Array.from({ length: 10 }, (_, i) => at(i + 2, 'v2'))]);
  assert.deepEqual(
    mixed.map(({ manager, apiVersion }) => `${manager} ${apiVersion}`),
    ['m0 v1', 'ancient-changes v2', ...Array.from({ length: 8 }, (_, i) => `m${i + 4} v2`)],
  );
  assert.deepEqual(mixed[1]?.fieldsV1, { 'f:x1': {}, 'f:x2': {}, 'f:x3': {} });
  assert.equal(mixed[1]?.time, at(3, 'v2').time);
});
