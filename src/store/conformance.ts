import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commitCases } from './testing/commit-cases.ts';
import { compactionCases } from './testing/compaction-cases.ts';
import { listCases } from './testing/list-cases.ts';
import { reopenCases } from './testing/reopen-cases.ts';
import { watchCases } from './testing/watch-cases.ts';
import type { ClosableStore } from './store.ts';

export interface ConformanceOptions {
  /** Closes the store and opens what it left behind; absent where nothing outlives the store. */
  readonly reopen?: (store: ClosableStore) => Promise<ClosableStore>;
  /** Run only the cases that reopen: for another way of reopening the same driver. */
  readonly onlyReopen?: boolean;
}

/** A case gets a fresh, empty store. */
export type Case = (store: ClosableStore) => Promise<void>;
export type Cases = Readonly<Record<string, Case>>;
/** A case that closes and opens the store again. */
export type ReopenCase = (store: ClosableStore, reopen: (store: ClosableStore) => Promise<ClosableStore>) => Promise<void>;

/** What every driver of the Store promises, as node:test cases. `open` gives a fresh, empty store each time. */
export function storeConformance(name: string, open: () => Promise<ClosableStore>, options: ConformanceOptions = {}): void {
  describe(`${name} store`, () => {
    const plain = options.onlyReopen ? {} : { ...commitCases, ...listCases, ...watchCases, ...compactionCases };
    for (const [title, run] of Object.entries(plain)) {
      it(title, async () => {
        const store = await open();
        await run(store);
        await store.close();
      });
    }
    const { reopen } = options;
    for (const [title, run] of Object.entries(reopenCases)) {
      it(title, { skip: reopen ? false : 'nothing outlives this store' }, async () => {
        assert.ok(reopen);
        let current = await open();
        await run(current, async (store) => (current = await reopen(store)));
        await current.close();
      });
    }
  });
}
