import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settle } from '#base';
import { StoreError, type StoreEvent } from '../store.ts';
import { bytes, record, text } from '../testing/recorder.ts';
import type { Disk, DiskJob } from './disk.ts';
import { Embedded } from './embedded.ts';
import { Mvcc, type LoadedRow } from './mvcc.ts';

/** A disk in memory that can refuse, and that can stop for good after so many jobs, as a kill would make it. */
class FakeDisk implements Disk {
  rows = new Map<number, LoadedRow>();
  compacted = 0;
  jobs = 0;
  stopAfter = Infinity;
  refuse: DiskJob['kind'] | undefined;
  /** After so many refusals the disk takes everything again. */
  refusals = Infinity;

  run(job: DiskJob, done: (error: StoreError | undefined, more: boolean) => void): void {
    queueMicrotask(() => {
      if (this.jobs >= this.stopAfter) return;
      this.jobs++;
      if (job.kind === this.refuse && this.refusals-- > 0) return done(new StoreError('unavailable', 'the disk is full'), false);
      this.#perform(job);
      done(undefined, false);
    });
  }
  #perform(job: DiskJob): void {
    if (job.kind === 'compacted') this.compacted = job.revision;
    if (job.kind === 'forget') for (const id of job.ids) assert.ok(this.rows.delete(id), `row ${id} is removed twice`);
    if (job.kind !== 'write') return;
    for (const { id, key, revision, entry } of job.groups.flat()) this.rows.set(id, { id, key, revision, created: entry?.created ?? 0, value: entry?.value });
  }
  defer(fn: () => void): void {
    queueMicrotask(fn);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  open(onThrow: (error: unknown) => void = assert.ifError): Embedded {
    this.jobs = 0;
    return new Embedded(new Mvcc({ rows: [...this.rows.values()].sort((a, b) => a.id - b.id), compacted: this.compacted }, onThrow), this);
  }
}

/** Writes, rewrites and deletes 300 keys: revisions 1…900, of which the last ones are deletes. */
async function churn(store: Embedded): Promise<void> {
  for (const value of ['1', '2', undefined]) {
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => store.commit([{ key: `/${i % 150}/${i}`, value: value === undefined ? undefined : bytes(value) }])),
    );
  }
  await store.commit([{ key: '/kept', value: bytes('kept') }]);
  await store.commit([{ key: '/gone', value: bytes('gone') }]);
  await store.commit([{ key: '/gone', value: undefined }]);
}

describe('a crash in the middle of a compaction', () => {
  it('brings nothing back, loses nothing and does not move the revision, wherever it strikes', async () => {
    for (let stopAfter = 0; ; stopAfter++) {
      const disk = new FakeDisk();
      const first = disk.open();
      await churn(first);
      const { revision } = first.figures();
      disk.stopAfter = disk.jobs + stopAfter;
      let finished = false;
      void first.compact(revision).then(() => (finished = true));
      await settle();
      disk.stopAfter = Infinity;
      const store = disk.open();
      const { entries, revision: after } = await store.list('/');
      assert.deepEqual([entries.map((entry) => entry.key), after], [['/kept'], revision], `killed after ${stopAfter} jobs`);
      await settle();
      await store.compact(revision);
      assert.equal(disk.rows.size, 1, 'the leftovers are removed');
      assert.equal(await store.commit([{ key: '/gone', value: bytes('new'), expected: 0 }]), revision + 1);
      if (finished) return assert.ok(stopAfter > 5, 'the compaction was one job: nothing was tried');
    }
  });
});

describe('a disk that refuses', () => {
  it('fails what is queued, keeps the state, uses no revision twice and goes on', async () => {
    const disk = new FakeDisk();
    const store = disk.open();
    const watch = record(store, '/', 0);
    const base = await store.commit([{ key: '/a', value: bytes('1') }]);
    disk.refuse = 'write';
    disk.refusals = 1;
    const refused = store.commit([{ key: '/a', value: bytes('2'), expected: base }]);
    await Promise.resolve();
    // These rest on a commit that will be refused: neither may succeed, and the second must not hear of a conflict that never was.
    const behind = store.commit([{ key: '/b', value: bytes('b') }]);
    const loser = store.commit([{ key: '/a', value: bytes('3'), expected: base }]);
    for (const result of await Promise.allSettled([refused, behind, loser])) {
      assert.equal(result.status === 'rejected' && (result.reason as StoreError).code, 'unavailable');
    }
    assert.deepEqual([(await store.list('/')).entries.length, disk.rows.size], [1, 1]);
    assert.equal((await store.get('/a')).entry?.revision, base);
    const next = await store.commit([{ key: '/a', value: bytes('4'), expected: base }]);
    assert.deepEqual(
      watch.events.map((event) => text(event.entry?.value)),
      ['1', '4'],
    );
    assert.deepEqual(watch.faults, []);
    assert.ok(next > base);
    watch.close();
  });

  it('a compaction that fails changes nothing or finishes later', async () => {
    for (const kind of ['compacted', 'forget', 'tidy'] as const) {
      const disk = new FakeDisk();
      const store = disk.open();
      await churn(store);
      const { revision } = store.figures();
      disk.refuse = kind;
      await assert.rejects(store.compact(revision), (error) => error instanceof StoreError && error.code === 'unavailable');
      disk.refuse = undefined;
      const last = await store.commit([{ key: '/kept', value: bytes('still') }]);
      await store.compact(last);
      assert.equal(disk.rows.size, 1, `rows of a compaction that failed at ${kind} are removed by the next`);
    }
  });
});

describe('a watch handler that throws', () => {
  it('ends its own watch only; commits and other watches go on', async () => {
    const thrown: unknown[] = [];
    const store = new FakeDisk().open((error) => thrown.push(error));
    const before = record(store, '/', 0);
    const bad: { ended?: StoreError; events: StoreEvent[] } = { events: [] };
    store.watch('/', 0, {
      events(events) {
        bad.events.push(...events);
        throw new Error('a bug');
      },
      end: (error) => void (bad.ended = error),
    });
    const after = record(store, '/', 0);
    await store.commit([{ key: '/a', value: bytes('1') }]);
    await store.commit([{ key: '/a', value: bytes('2') }]);
    assert.deepEqual([before.events.length, bad.events.length, after.events.length], [2, 1, 2]);
    assert.equal(bad.ended?.code, 'unavailable');
    assert.equal(thrown.length, 1);
    before.close();
    after.close();
  });
});
