import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '#base';
import { startCompactor } from './compactor.ts';
import { createMemoryStore } from './memory/memory.ts';
import { bytes } from './testing/recorder.ts';

const MINUTE = 60_000;
const commits = (store: ReturnType<typeof createMemoryStore>, n: number): Promise<unknown> =>
  Promise.all(Array.from({ length: n }, (_, i) => store.commit([{ key: `/${i % 10}`, value: bytes('0123456789') }])));

describe('compactor', () => {
  it('keeps five minutes of history, and compacts an idle store once', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore();
    const compactor = startCompactor(store, clock);
    await commits(store, 100);
    await clock.advance(4 * MINUTE);
    await commits(store, 50);
    await clock.advance(2 * MINUTE);
    assert.ok(store.figures().compacted <= 100);
    assert.ok(store.figures().historyEvents >= 50);
    await clock.advance(10 * MINUTE);
    assert.deepEqual([store.figures().compacted, store.figures().historyEvents], [150, 0]);
    compactor.close();
    await store.close();
  });

  it('bounds history by events and by bytes, however young', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore();
    const compactor = startCompactor(store, clock, { keepEvents: 500, keepBytes: 3_000 });
    await commits(store, 2_000);
    await clock.advance(10_000);
    assert.equal(store.figures().historyEvents, 300);
    assert.equal(store.figures().historyBytes, 3_000);
    compactor.close();
    await commits(store, 2_000);
    await clock.advance(10 * MINUTE);
    assert.equal(store.figures().historyEvents, 2_300, 'a closed compactor rests');
    await store.close();
  });

  it('goes on after a failure and stops with the store', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore();
    let failures = 0;
    const flaky = { ...wrap(store), compact: (revision: number) => (failures++ < 2 ? Promise.reject(new Error('disk')) : store.compact(revision)) };
    startCompactor(flaky, clock, { keepEvents: 10 });
    await commits(store, 100);
    await clock.advance(MINUTE);
    assert.equal(store.figures().historyEvents, 10);
    await store.close();
    await clock.advance(20 * MINUTE);
  });
});

function wrap(store: ReturnType<typeof createMemoryStore>): ReturnType<typeof createMemoryStore> {
  return {
    get: (key) => store.get(key),
    list: (prefix, options) => store.list(prefix, options),
    commit: (changes) => store.commit(changes),
    watch: (prefix, from, handler) => store.watch(prefix, from, handler),
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
    figures: () => store.figures(),
    excessHistory: (events, bytesKept) => store.excessHistory(events, bytesKept),
  };
}
