import assert from 'node:assert/strict';
import type { Cases } from '../conformance.ts';
import { StoreError, type ClosableStore } from '../store.ts';
import { brief, bytes, record, text } from './recorder.ts';

/** Revisions 1…n on one key. */
async function write(store: ClosableStore, n: number): Promise<void> {
  for (let i = 1; i <= n; i++) await store.commit([{ key: '/a', value: bytes(`${i}`) }]);
}

export const compactionCases: Cases = {
  'a watch at the compaction revision works, one below ends as compacted': async (store) => {
    await write(store, 10);
    await store.compact(6);
    const at = record(store, '/', 6);
    const below = record(store, '/', 5);
    const error = await below.end();
    assert.deepEqual([error.code, error.detail.compacted], ['compacted', 6]);
    await at.reached(10);
    assert.deepEqual(
      at.events.map((event) => event.revision),
      [7, 8, 9, 10],
    );
    assert.equal(text(at.events[0]?.previous?.value), '6', 'what was before is kept');
    assert.deepEqual([...at.faults, ...below.events], []);
    at.close();
  },

  'a list at the compaction revision works, one below is compacted': async (store) => {
    await write(store, 10);
    await store.compact(6);
    assert.equal(text((await store.list('/', { revision: 6 })).entries[0]?.value), '6');
    await assert.rejects(
      store.list('/', { revision: 5 }),
      (error) => error instanceof StoreError && error.code === 'compacted' && error.detail.compacted === 6,
    );
    assert.equal(text((await store.get('/a')).entry?.value), '10');
  },

  'compacting at the newest revision keeps the state and the revision': async (store) => {
    await write(store, 3);
    await store.commit([{ key: '/b', value: bytes('b') }]);
    await store.commit([{ key: '/a', value: undefined }]);
    await store.compact(5);
    const { entries, revision } = await store.list('/');
    assert.deepEqual([entries.map((entry) => entry.key), revision], [['/b'], 5]);
    assert.equal(await store.commit([{ key: '/a', value: bytes('again'), expected: 0 }]), 6);
  },

  'compacting again, or below, does nothing': async (store) => {
    await write(store, 5);
    await store.compact(3);
    await store.compact(3);
    await store.compact(1);
    await assert.rejects(store.list('/', { revision: 2 }), (error) => error instanceof StoreError && error.detail.compacted === 3);
  },

  'a delete at the compaction revision still reaches a slow watcher': async (store) => {
    await write(store, 2);
    await store.commit([{ key: '/a', value: undefined }]);
    const slow = record(store, '/', 1);
    const compacting = store.compact(3);
    await slow.reached(3);
    await compacting;
    assert.deepEqual(slow.events.map(brief), ['2 /a=2', '3 -/a']);
    assert.deepEqual(slow.faults, []);
    slow.close();
  },

  'a replay longer than one turn survives a compaction in the middle': async (store) => {
    await Promise.all(Array.from({ length: 3_500 }, (_, i) => store.commit([{ key: `/${i % 5}`, value: bytes(`${i}`) }])));
    const slow = record(store, '/', 0);
    await store.compact(3_500);
    await slow.reached(3_500);
    assert.equal(slow.events.length, 3_500);
    assert.deepEqual(slow.faults, []);
    slow.close();
  },

  'revisions do not go back while compacting under writes': async (store) => {
    let last = 0;
    const compactions: Promise<void>[] = [];
    for (let round = 0; round < 20; round++) {
      const commits = Array.from({ length: 30 }, (_, i) => store.commit([{ key: `/${i % 3}`, value: bytes(`${round}`) }]));
      if (last > 0) compactions.push(store.compact(last));
      for (const revision of await Promise.all(commits)) {
        assert.ok(revision > last);
        last = revision;
      }
      assert.equal((await store.get('/0')).revision, last);
    }
    await Promise.all(compactions);
    assert.equal((await store.list('/')).revision, last);
  },
};
