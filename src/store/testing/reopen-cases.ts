import assert from 'node:assert/strict';
import type { ReopenCase } from '../conformance.ts';
import { brief, bytes, record, text } from './recorder.ts';

export const reopenCases: Readonly<Record<string, ReopenCase>> = {
  'state, creation revisions and history are there after a reopen': async (first, reopen) => {
    await first.commit([
      { key: '/a', value: bytes('1') },
      { key: '/é', value: new Uint8Array(0) },
    ]);
    await first.commit([{ key: '/a', value: bytes('2') }]);
    await first.commit([{ key: '/b', value: bytes('b') }]);
    await first.commit([
      { key: '/b', value: undefined },
      { key: '/c', value: bytes('c') },
    ]);
    const store = await reopen(first);
    const { entries, revision } = await store.list('/');
    assert.equal(revision, 4);
    assert.deepEqual(
      entries.map((e) => [e.key, text(e.value), e.revision, e.created]),
      [
        ['/a', '2', 2, 1],
        ['/c', 'c', 4, 4],
        ['/é', '', 1, 1],
      ],
    );
    const watch = record(store, '/', 1);
    await watch.reached(4);
    assert.deepEqual(watch.events.map(brief), ['2 /a=2', '3 /b=b', '4 -/b', '4 /c=c']);
    assert.deepEqual(
      watch.events.map((e) => text(e.previous?.value)),
      ['1', undefined, 'b', undefined],
    );
    assert.deepEqual(watch.faults, []);
    assert.deepEqual(
      (await store.list('/', { revision: 3 })).entries.map((e) => e.key),
      ['/a', '/b', '/é'],
    );
    watch.close();
  },

  'the revision does not go back when the newest change was a delete and was compacted': async (first, reopen) => {
    await first.commit([{ key: '/a', value: bytes('1') }]);
    await first.commit([{ key: '/a', value: undefined }]);
    await first.compact(2);
    const store = await reopen(first);
    assert.deepEqual(await store.list('/'), { entries: [], revision: 2, remaining: 0 });
    assert.equal(await store.commit([{ key: '/a', value: bytes('2'), expected: 0 }]), 3);
  },

  'the compaction revision is remembered': async (first, reopen) => {
    for (let i = 0; i < 300; i++) void first.commit([{ key: `/${i % 3}`, value: bytes(`${i}`) }]);
    const last = await first.commit([{ key: '/last', value: bytes('') }]);
    await first.compact(last - 10);
    const store = await reopen(first);
    const below = record(store, '/', last - 11);
    assert.equal((await below.end()).code, 'compacted');
    const at = record(store, '/', last - 10);
    await at.reached(last);
    assert.equal(at.events.length, 10);
    assert.ok(
      at.events.slice(0, 9).every((event) => event.previous),
      'what was before the compaction revision is kept for the events after it',
    );
    assert.equal((await store.list('/', { revision: last - 10 })).entries.length, 3);
    at.close();
  },
};
