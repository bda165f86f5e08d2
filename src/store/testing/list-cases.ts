import assert from 'node:assert/strict';
import type { Cases } from '../conformance.ts';
import { StoreError, type Listing } from '../store.ts';
import { bytes, text } from './recorder.ts';

const keys = ({ entries }: Listing): string[] => entries.map((entry) => entry.key);

export const listCases: Cases = {
  'lists by prefix in key order': async (store) => {
    for (const key of ['/b/2', '/b0', '/a/1', '/b/10', '/b/1', '/b']) await store.commit([{ key, value: bytes(key) }]);
    assert.deepEqual(keys(await store.list('/b/')), ['/b/1', '/b/10', '/b/2']);
    assert.deepEqual(keys(await store.list('/b')), ['/b', '/b/1', '/b/10', '/b/2', '/b0']);
    assert.deepEqual(keys(await store.list('')), ['/a/1', '/b', '/b/1', '/b/10', '/b/2', '/b0']);
    assert.deepEqual(keys(await store.list('/c')), []);
  },

  'pages with limit and after, and counts what remains': async (store) => {
    const all = Array.from({ length: 1_500 }, (_, i) => `/p/${String(i).padStart(5, '0')}`);
    await store.commit(all.map((key) => ({ key, value: bytes(key) })));
    await store.commit([{ key: '/q', value: bytes('') }]);
    const seen: string[] = [];
    for (let after: string | undefined, remaining = 1; remaining > 0; after = seen.at(-1)) {
      const page = await store.list('/p/', { limit: 400, ...(after !== undefined && { after }) });
      seen.push(...keys(page));
      remaining = page.remaining;
      assert.equal(remaining, all.length - seen.length);
    }
    assert.deepEqual(seen, all);
    const none = await store.list('/p/', { after: '/q' });
    assert.deepEqual([keys(none), none.remaining], [[], 0]);
    assert.equal((await store.list('/p/', { limit: 0 })).remaining, all.length);
  },

  'lists the past: pages of one revision stay consistent while the store moves on': async (store) => {
    for (const key of ['/a', '/b', '/c', '/d']) await store.commit([{ key, value: bytes('old') }]);
    const then = (await store.list('/')).revision;
    await store.commit([{ key: '/b', value: undefined }]);
    await store.commit([{ key: '/c', value: bytes('new') }]);
    await store.commit([{ key: '/bb', value: bytes('new') }]);
    await store.commit([{ key: '/b', value: bytes('new') }]);
    const first = await store.list('/', { revision: then, limit: 2 });
    assert.deepEqual([keys(first), first.remaining, first.revision], [['/a', '/b'], 2, then]);
    const second = await store.list('/', { revision: then, limit: 2, after: '/b' });
    assert.deepEqual([keys(second), second.remaining], [['/c', '/d'], 0]);
    assert.deepEqual(
      [...first.entries, ...second.entries].map((entry) => text(entry.value)),
      ['old', 'old', 'old', 'old'],
    );
    assert.deepEqual(keys(await store.list('/', { revision: 0 })), []);
  },

  'a revision that is not there yet is refused': async (store) => {
    const revision = await store.commit([{ key: '/a', value: bytes('1') }]);
    await assert.rejects(store.list('/', { revision: revision + 1 }), (error) => error instanceof StoreError && error.code === 'future');
    await assert.rejects(store.compact(revision + 1), (error) => error instanceof StoreError && error.code === 'future');
  },
};
