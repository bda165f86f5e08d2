import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { createMemoryStore } from './memory/memory.ts';
import { StoreError, type Change, type ClosableStore, type Entry, type Revision } from './store.ts';
import { testFolder } from './testing/folder.ts';
import { brief, bytes, record, text, type Recorder } from './testing/recorder.ts';

/**
 * Random sequences against a reference: a plain list of all commits. A failing run prints its seed and the
 * shortest sequence that still fails; such a seed becomes a named case of the conformance suite.
 */
const SEED = 20_260_101;
const KEYS = ['/a/1', '/a/2', '/a/3', '/b/1', '/b/2', '/c'];
const PREFIXES = ['/', '/a/', '/b/', '/c', '/none'];

/** `expect`: what the commit thinks the key's revision is. */
type Expect = 'anything' | 'right' | 'wrong' | 'absent';
interface PlannedChange {
  key: number;
  delete: boolean;
  expect: Expect;
}
type Step =
  | { kind: 'commits'; commits: PlannedChange[][] }
  | { kind: 'list'; prefix: number; back: number; limit: number; after: number }
  | { kind: 'watch'; prefix: number; back: number }
  | { kind: 'compact'; back: number; wait: boolean }
  | { kind: 'close' }
  | { kind: 'kill' };

const change = fc.record({
  key: fc.nat(KEYS.length - 1),
  delete: fc.boolean(),
  expect: fc.constantFrom<Expect>('anything', 'right', 'right', 'wrong', 'absent'),
});
const commit = fc.uniqueArray(change, { minLength: 1, maxLength: 3, selector: (c) => c.key });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('commits' as const), commits: fc.array(commit, { minLength: 1, maxLength: 6 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('list' as const), prefix: fc.nat(4), back: fc.nat(12), limit: fc.integer({ min: 0, max: 7 }), after: fc.nat(8) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('watch' as const), prefix: fc.nat(4), back: fc.nat(15) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(10), wait: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'close' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'kill' }) },
);

interface Written {
  revision: Revision;
  changes: readonly Change[];
}

/** The reference: everything is computed from the list of commits, slowly and obviously. */
class Model {
  readonly log: Written[] = [];
  compacted = 0;
  get head(): Revision {
    return Math.max(this.compacted, this.log.at(-1)?.revision ?? 0);
  }
  state(at: Revision): Map<string, { value: string; revision: Revision; created: Revision }> {
    const state = new Map<string, { value: string; revision: Revision; created: Revision }>();
    for (const { revision, changes } of this.log) {
      if (revision > at) break;
      for (const { key, value } of changes) {
        if (value) state.set(key, { value: text(value) as string, revision, created: state.get(key)?.created ?? revision });
        else state.delete(key);
      }
    }
    return state;
  }
  /** The index of the change that conflicts, or -1. */
  conflict(changes: readonly Change[]): number {
    const state = this.state(Infinity);
    return changes.findIndex(({ key, value, expected }) => {
      const now = state.get(key)?.revision ?? 0;
      return (value === undefined && now === 0) || (expected !== undefined && expected !== now);
    });
  }
  events(prefix: string, from: Revision): string[] {
    const out: string[] = [];
    for (const { revision, changes } of this.log) {
      if (revision <= from) continue;
      for (const { key, value } of changes) if (key.startsWith(prefix)) out.push(`${revision} ${value ? `${key}=${text(value)}` : `-${key}`}`);
    }
    return out;
  }
}

interface Driver {
  readonly open: () => Promise<ClosableStore>;
  readonly close?: (store: ClosableStore) => Promise<ClosableStore>;
  readonly kill?: (store: ClosableStore) => Promise<ClosableStore>;
}
interface Opened {
  recorder: Recorder;
  prefix: string;
  from: Revision;
}

class Run {
  readonly #driver: Driver;
  readonly #model = new Model();
  #store: ClosableStore;
  #watches: Opened[] = [];
  #compactions: Promise<void>[] = [];
  #writes = 0;
  constructor(driver: Driver, store: ClosableStore) {
    this.#driver = driver;
    this.#store = store;
  }

  async step(step: Step): Promise<void> {
    if (step.kind === 'commits') return this.#commits(step.commits);
    if (step.kind === 'list') return this.#list(step);
    if (step.kind === 'watch') return this.#watch(PREFIXES[step.prefix] as string, Math.max(0, this.#model.head - step.back));
    if (step.kind === 'compact') return this.#compact(Math.max(0, this.#model.head - step.back), step.wait);
    const restart = step.kind === 'close' ? this.#driver.close : this.#driver.kill;
    if (!restart) return;
    await this.#checkWatches();
    await Promise.all(this.#compactions.splice(0));
    for (const { recorder } of this.#watches.splice(0)) recorder.close();
    this.#store = await restart(this.#store);
    await this.#checkState();
  }

  /** Several commits in flight at once, each judged against all before it. */
  async #commits(planned: readonly PlannedChange[][]): Promise<void> {
    const outcomes = planned.map((plan) => {
      const changes = plan.map((item) => this.#change(item));
      const conflict = this.#model.conflict(changes);
      const promise = this.#store.commit(changes);
      promise.catch(() => {}); // Looked at below, when all are in flight.
      // The model runs ahead: the revision is the next one, as no commit is refused by a disk here.
      if (conflict < 0) this.#model.log.push({ revision: this.#model.head + 1, changes });
      return { promise, conflict, revision: this.#model.head };
    });
    for (const { promise, conflict, revision } of outcomes) {
      if (conflict < 0) assert.equal(await promise, revision);
      else await assert.rejects(promise, (error) => error instanceof StoreError && error.code === 'conflict' && error.detail.index === conflict);
    }
  }

  #change({ key: index, delete: remove, expect }: PlannedChange): Change {
    const key = KEYS[index] as string;
    const now = this.#model.state(Infinity).get(key)?.revision ?? 0;
    const value = remove ? undefined : bytes(`v${this.#writes++}`);
    if (expect === 'anything') return { key, value };
    return { key, value, expected: expect === 'right' ? now : expect === 'absent' ? 0 : now + 1 };
  }

  async #list(step: { prefix: number; back: number; limit: number; after: number }): Promise<void> {
    const prefix = PREFIXES[step.prefix] as string;
    const revision = Math.max(0, this.#model.head - step.back);
    const after = KEYS[step.after];
    const options = { ...(step.back > 0 && { revision }), ...(step.limit > 0 && { limit: step.limit }), ...(after !== undefined && { after }) };
    if (revision < this.#model.compacted) {
      const compacted = this.#model.compacted;
      return assert.rejects(
        this.#store.list(prefix, options),
        (error) => error instanceof StoreError && error.code === 'compacted' && error.detail.compacted === compacted,
      );
    }
    const all = [...this.#model.state(revision)]
      .filter(([key]) => key.startsWith(prefix) && (after === undefined || key > after))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const listing = await this.#store.list(prefix, options);
    assert.deepEqual(
      listing.entries.map(plain),
      all.slice(0, step.limit || Infinity).map(([key, entry]) => ({ key, ...entry })),
    );
    assert.deepEqual([listing.revision, listing.remaining], [revision, all.length - listing.entries.length]);
  }

  async #watch(prefix: string, from: Revision): Promise<void> {
    const recorder = record(this.#store, prefix, from);
    if (from < this.#model.compacted) assert.equal((await recorder.end()).code, 'compacted');
    else this.#watches.push({ recorder, prefix, from });
  }

  async #compact(revision: Revision, wait: boolean): Promise<void> {
    const done = this.#store.compact(revision);
    this.#compactions.push(done);
    // Not waiting leaves the slices to run between the next commits; the mark itself must be known to the model.
    if (wait) await done;
    else while (this.#compactedNow() < revision) await new Promise((resolve) => setImmediate(resolve));
    this.#model.compacted = Math.max(this.#model.compacted, revision);
  }

  #compactedNow(): Revision {
    return (this.#store as ReturnType<typeof createMemoryStore>).figures().compacted;
  }

  async #checkWatches(): Promise<void> {
    for (const { recorder, prefix, from } of this.#watches) {
      await recorder.reached(this.#model.head);
      assert.deepEqual(recorder.faults, []);
      assert.deepEqual(recorder.events.map(brief), this.#model.events(prefix, from));
      for (const { key, revision, previous } of recorder.events) {
        const before = this.#model.state(revision - 1).get(key);
        assert.deepEqual(previous && plain(previous), before && { key, ...before });
      }
    }
  }

  async #checkState(): Promise<void> {
    const { entries, revision } = await this.#store.list('');
    assert.equal(revision, this.#model.head);
    const expected = [...this.#model.state(Infinity)].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(
      entries.map(plain),
      expected.map(([key, entry]) => ({ key, ...entry })),
    );
  }

  async finish(): Promise<void> {
    await this.#checkWatches();
    await this.#checkState();
    await Promise.all(this.#compactions);
    await this.#store.close();
  }
}

const plain = ({ key, value, revision, created }: Entry): object => ({ key, value: text(value), revision, created });

async function explore(driver: Driver, numRuns: number): Promise<void> {
  const sequences = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
    const run = new Run(driver, await driver.open());
    for (const each of steps) await run.step(each);
    await run.finish();
  });
  await fc.assert(sequences, { seed: SEED, numRuns });
}

describe('random commits, lists, watches, compactions and kills against a reference map', () => {
  const folder = testFolder();
  const files = new WeakMap<ClosableStore, string>();
  const open = async (file: string): Promise<ClosableStore> => {
    const store = await folder.open({ file });
    files.set(store, file);
    return store;
  };
  const fileOf = (store: ClosableStore): string => files.get(store) as string;

  it('memory', () => explore({ open: () => Promise.resolve(createMemoryStore()) }, 200));
  it('sqlite', () =>
    explore(
      {
        open: () => open(folder.path()),
        async close(store) {
          await store.close();
          return open(fileOf(store));
        },
        async kill(store) {
          const left = folder.crash(fileOf(store));
          await store.close();
          return open(left);
        },
      },
      15,
    ));
});
