import assert from 'node:assert/strict';
import type { Cases } from '../conformance.ts';
import type { StoreEvent } from '../store.ts';
import { brief, bytes, record, text } from './recorder.ts';

export const watchCases: Cases = {
  'a watch tells what is, what was, and deletes': async (store) => {
    const watch = record(store, '/a', 0);
    await store.commit([{ key: '/a', value: bytes('1') }]);
    await store.commit([{ key: '/b', value: bytes('x') }]);
    await store.commit([{ key: '/a', value: bytes('2') }]);
    await store.commit([{ key: '/a', value: undefined }]);
    assert.deepEqual(watch.events.map(brief), ['1 /a=1', '3 /a=2', '4 -/a']);
    assert.deepEqual(
      watch.events.map((event) => text(event.previous?.value)),
      [undefined, '1', '2'],
    );
    assert.deepEqual(watch.faults, []);
    watch.close();
  },

  'all events of a commit come together, in its order, those under the prefix only': async (store) => {
    const calls: string[][] = [];
    const watch = record(store, '/a', 0, (events) => calls.push(events.map((event) => event.key)));
    await store.commit(['/a/2', '/b', '/a/1'].map((key) => ({ key, value: bytes('1') })));
    await store.commit([{ key: '/b', value: bytes('2') }]);
    assert.deepEqual(calls, [['/a/2', '/a/1']]);
    watch.close();
  },

  'a late watcher hears every event once, in order, while commits go on (watch going back, duplicating, dropping)': async (store) => {
    const commits: Promise<number>[] = [];
    for (let i = 0; i < 1_500; i++) commits.push(store.commit([{ key: `/k/${i % 7}`, value: bytes(`${i}`) }]));
    await commits[700];
    const watchers = [0, 1, 350, 1_200].map((from) => ({ from, watch: record(store, '/k/', from) }));
    for (let i = 1_500; i < 3_000; i++) {
      commits.push(store.commit([{ key: `/k/${i % 7}`, value: bytes(`${i}`) }]));
      if (i % 500 === 0) {
        await commits.at(-1);
        const from = Math.floor(i / 2);
        watchers.push({ from, watch: record(store, '/k/', from) });
      }
    }
    const last = Math.max(...(await Promise.all(commits)));
    for (const { from, watch } of watchers) {
      await watch.reached(last);
      assert.deepEqual(watch.faults, []);
      assert.deepEqual(
        watch.events.map((event) => event.revision),
        Array.from({ length: last - from }, (_, i) => from + 1 + i),
      );
      watch.close();
    }
  },

  'a watch opened inside a handler starts exactly where it asked': async (store) => {
    const inner: ReturnType<typeof record>[] = [];
    const outer = record(store, '/', 0, ([event]) => {
      if (inner.length < 3) inner.push(record(store, '/', (event as StoreEvent).revision));
    });
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => store.commit([{ key: `/${n}`, value: bytes('') }])));
    for (const [index, watch] of inner.entries()) {
      await watch.reached(6);
      assert.deepEqual(
        watch.events.map((event) => event.revision),
        [1, 2, 3, 4, 5, 6].slice(index + 1),
      );
      assert.deepEqual(watch.faults, []);
      watch.close();
    }
    outer.close();
  },

  'a closed watch is silent at once, even from inside a handler': async (store) => {
    await store.commit([{ key: '/a', value: bytes('1') }]);
    const unheard = record(store, '/', 0);
    unheard.close();
    const other = record(store, '/', 1);
    const closer = record(store, '/', 1, () => other.close());
    await Promise.all([store.commit([{ key: '/a', value: bytes('2') }]), store.commit([{ key: '/a', value: bytes('3') }])]);
    assert.equal(unheard.events.length, 0);
    assert.ok(other.events.length <= 1);
    assert.equal(closer.events.length, 2);
    closer.close();
  },

  'a watch from a future revision hears only what comes after it': async (store) => {
    const watch = record(store, '/', 2);
    for (let i = 0; i < 4; i++) await store.commit([{ key: '/a', value: bytes(`${i}`) }]);
    assert.deepEqual(
      watch.events.map((event) => event.revision),
      [3, 4],
    );
    assert.deepEqual(watch.faults, []);
    watch.close();
  },

  'progress is never ahead of the stream, and comes for commits elsewhere': async (store) => {
    await Promise.all(Array.from({ length: 2_500 }, (_, i) => store.commit([{ key: `/a/${i}`, value: bytes('') }])));
    const seen: number[] = [];
    let last = 0;
    const handler = {
      end() {},
      events: (events: readonly StoreEvent[]) => void (last = events.at(-1)?.revision ?? NaN),
      progress: (revision: number) => void seen.push(revision - last),
    };
    const watch = store.watch('/a/', 0, handler);
    const more = store.commit([{ key: '/a/x', value: bytes('') }]);
    assert.deepEqual(seen, [], 'nothing is told inside the call to watch');
    const revision = await more;
    const elsewhere = await store.commit([{ key: '/b', value: bytes('') }]);
    const check = record(store, '/a/', 0);
    await check.reached(elsewhere);
    assert.deepEqual(check.faults, []);
    assert.equal(last, revision);
    assert.deepEqual(
      seen.filter((ahead) => ahead !== 0 && ahead !== elsewhere - revision),
      [],
    );
    watch.close();
    check.close();
  },
};
