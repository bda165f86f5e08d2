import type { Revision, StoreError } from '../store.ts';
import type { DiskJob } from './disk.ts';
import type { Mvcc } from './mvcc.ts';

/** Rows removed per job: a few milliseconds of disk work at most, so that writers hardly notice. */
const FORGET_SLICE = 128;

interface Step {
  readonly job: DiskJob;
  done(error: StoreError | undefined, more: boolean): void;
}

interface Waiter {
  resolve(): void;
  reject(error: StoreError): void;
}

/**
 * Compaction in small jobs: first the mark (durable before anything is forgotten), then the dead rows a
 * slice at a time, then the free space. Rows go oldest first: a delete's own row never goes before the
 * value it deleted, else a crash in between would bring the value back.
 */
export class Maintenance {
  readonly #mvcc: Mvcc;
  #asked: Revision = 0;
  #waiting: Waiter[] = [];
  /** Waiters of the compaction whose rows are being removed. */
  #running: Waiter[] = [];
  #garbage: number[];
  #removed = 0;
  /** Rows that a failed compaction could not remove: the next one starts with them. */
  #kept: number[] = [];
  #tidy = false;
  #stopped = false;

  constructor(mvcc: Mvcc) {
    this.#mvcc = mvcc;
    this.#garbage = mvcc.leftovers;
  }

  get pending(): boolean {
    return !this.#stopped && (this.#asked > this.#mvcc.compacted || this.#removed < this.#garbage.length || this.#tidy);
  }

  /** Resolves when the history is gone and its space is free. */
  compact(revision: Revision): Promise<void> {
    if (revision <= this.#mvcc.compacted) return Promise.resolve();
    this.#asked = Math.max(this.#asked, revision);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  abandon(error: StoreError): void {
    this.#stopped = true;
    this.#settle(error);
  }

  next(): Step {
    if (this.#asked > this.#mvcc.compacted) return this.#mark(this.#asked);
    if (this.#removed < this.#garbage.length) return this.#forget();
    return { job: { kind: 'tidy' }, done: (error, more) => this.#tidied(error, more) };
  }

  #mark(revision: Revision): Step {
    const done = (error: StoreError | undefined): void => {
      if (error) return this.#fail(error);
      this.#running.push(...this.#waiting.splice(0));
      this.#garbage = this.#kept.splice(0).concat(this.#garbage.slice(this.#removed), this.#mvcc.compact(revision));
      this.#removed = 0;
      this.#tidy = true;
    };
    return { job: { kind: 'compacted', revision }, done };
  }

  #forget(): Step {
    const ids = this.#garbage.slice(this.#removed, this.#removed + FORGET_SLICE);
    const done = (error: StoreError | undefined): void => {
      if (error) return this.#fail(error);
      this.#removed += ids.length;
      if (this.#removed === this.#garbage.length) this.#garbage = [];
      if (this.#garbage.length === 0) this.#removed = 0;
      this.#tidy = true;
    };
    return { job: { kind: 'forget', ids }, done };
  }

  #tidied(error: StoreError | undefined, more: boolean): void {
    if (error) return this.#fail(error);
    this.#tidy = more;
    if (!more && this.#asked <= this.#mvcc.compacted) this.#settle(undefined);
  }

  /** Gives up for now; what is left to remove stays on the list for the next compaction. */
  #fail(error: StoreError): void {
    this.#asked = this.#mvcc.compacted;
    this.#tidy = false;
    this.#kept.push(...this.#garbage.slice(this.#removed));
    this.#garbage = [];
    this.#removed = 0;
    this.#settle(error);
  }

  #settle(error: StoreError | undefined): void {
    const waiters = [...this.#running.splice(0), ...(error || !this.pending ? this.#waiting.splice(0) : [])];
    for (const waiter of waiters) {
      if (error) waiter.reject(error);
      else waiter.resolve();
    }
  }
}
