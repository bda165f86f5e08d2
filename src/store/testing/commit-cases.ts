import assert from 'node:assert/strict';
import type { Cases } from '../conformance.ts';
import { StoreError, type Revision } from '../store.ts';
import { bytes, record, text } from './recorder.ts';

const fails = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code;

export const commitCases: Cases = {
  'starts empty at revision 0': async (store) => {
    assert.deepEqual(await store.get('/a'), { entry: undefined, revision: 0 });
    assert.deepEqual(await store.list('/'), { entries: [], revision: 0, remaining: 0 });
  },

  'creates, updates and deletes with expectations': async (store) => {
    const created = await store.commit([{ key: '/a', value: bytes('1'), expected: 0 }]);
    const updated = await store.commit([{ key: '/a', value: bytes('2'), expected: created }]);
    assert.ok(updated > created);
    const { entry, revision } = await store.get('/a');
    assert.equal(text(entry?.value), '2');
    assert.deepEqual([entry?.created, entry?.revision, revision], [created, updated, updated]);
    await store.commit([{ key: '/a', value: undefined, expected: updated }]);
    assert.equal((await store.get('/a')).entry, undefined);
    const again = await store.commit([{ key: '/a', value: bytes('3'), expected: 0 }]);
    assert.equal((await store.get('/a')).entry?.created, again, 'created does not survive a delete');
  },

  'keeps empty values apart from deletes': async (store) => {
    await store.commit([{ key: '/a', value: new Uint8Array(0) }]);
    assert.equal((await store.get('/a')).entry?.value.byteLength, 0);
  },

  'a conflict names the change and what is there': async (store) => {
    const revision = await store.commit([{ key: '/a', value: bytes('1') }]);
    const changes = [
      { key: '/b', value: bytes('1'), expected: 0 },
      { key: '/a', value: bytes('2'), expected: 0 },
    ];
    await assert.rejects(store.commit(changes), (error: unknown) => {
      assert.ok(error instanceof StoreError);
      assert.deepEqual([error.code, error.detail.index, error.detail.current?.revision], ['conflict', 1, revision]);
      return true;
    });
    assert.equal((await store.get('/b')).entry, undefined, 'all changes or none');
    assert.equal((await store.get('/b')).revision, revision, 'a conflict takes no visible revision');
  },

  'a delete of a missing key conflicts': async (store) => {
    await assert.rejects(store.commit([{ key: '/a', value: undefined }]), fails('conflict'));
    await assert.rejects(store.commit([{ key: '/a', value: undefined, expected: 0 }]), fails('conflict'));
  },

  'several changes take one revision': async (store) => {
    const revision = await store.commit([
      { key: '/a', value: bytes('1') },
      { key: '/b', value: bytes('2') },
    ]);
    const { entries } = await store.list('/');
    assert.deepEqual(
      entries.map((entry) => entry.revision),
      [revision, revision],
    );
  },

  'refuses nonsense': async (store) => {
    await assert.rejects(store.commit([]), TypeError);
    await assert.rejects(
      store.commit([
        { key: '/a', value: bytes('1') },
        { key: '/a', value: bytes('2') },
      ]),
      TypeError,
    );
    await assert.rejects(store.commit([{ key: '/a', value: new Uint8Array(64 * 1024 * 1024) }]), fails('too-large'));
  },

  'one of many concurrent compare-and-swaps wins': async (store) => {
    const base = await store.commit([{ key: '/a', value: bytes('0') }]);
    const results = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => store.commit([{ key: '/a', value: bytes(`${i}`), expected: base }])));
    const won = results.filter((result) => result.status === 'fulfilled');
    assert.equal(won.length, 1);
    assert.equal((await store.get('/a')).entry?.revision, (won[0] as PromiseFulfilledResult<Revision>).value);
  },

  'a chain of commits can be queued without waiting': async (store) => {
    const results = [];
    for (let i = 0; i < 50; i++) results.push(store.commit([{ key: '/a', value: i % 2 ? undefined : bytes(`${i}`), ...(i % 2 ? {} : { expected: 0 }) }]));
    const revisions = await Promise.all(results);
    assert.deepEqual(
      revisions,
      [...revisions].sort((a, b) => a - b),
    );
    assert.equal((await store.get('/a')).entry, undefined);
  },

  'a conflict with a commit in flight is told only when that commit is visible': async (store) => {
    let visible = false;
    const winner = store.commit([{ key: '/a', value: bytes('1'), expected: 0 }]);
    const watch = record(store, '/a', 0, () => (visible = true));
    await assert.rejects(store.commit([{ key: '/a', value: bytes('2'), expected: 0 }]), (error: unknown) => {
      assert.ok(visible, 'the loser heard of a value that nobody could see yet');
      return error instanceof StoreError && error.code === 'conflict' && text(error.detail.current?.value) === '1';
    });
    await winner;
    watch.close();
  },

  'a commit is visible and was watched before it is acknowledged, and not visible before it is durable': async (store) => {
    const watch = record(store, '/', 0);
    const commit = store.commit([{ key: '/a', value: bytes('1') }]);
    assert.equal((await store.get('/a')).entry, undefined);
    const revision = await commit;
    assert.deepEqual(
      watch.events.map((event) => event.revision),
      [revision],
    );
    assert.equal((await store.get('/a')).entry?.revision, revision);
    watch.close();
  },

  'close waits for commits in flight, then everything says closed': async (store) => {
    const commit = store.commit([{ key: '/a', value: bytes('1') }]);
    const watch = record(store, '/', 0);
    await store.close();
    assert.equal(await commit, 1);
    assert.equal((await watch.end()).code, 'closed');
    assert.equal((await record(store, '/', 0).end()).code, 'closed');
    await assert.rejects(store.get('/a'), fails('closed'));
    await assert.rejects(store.list('/'), fails('closed'));
    await assert.rejects(store.commit([{ key: '/b', value: bytes('1') }]), fails('closed'));
    await assert.rejects(store.compact(1), fails('closed'));
    await store.close();
  },
};
