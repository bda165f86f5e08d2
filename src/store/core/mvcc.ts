import { StoreError, type Change, type ListOptions, type Listing, type Revision, type Watch, type WatchHandler } from '../store.ts';
import { History, revisionOf, type Group, type LogEvent, type Row } from './history.ts';
import { OrderedMap, prefixEnd } from './ordered-map.ts';
import { Watchers } from './watchers.ts';

/** What a driver found on disk. */
export interface Loaded {
  /** Every row, in the order of id; `value` undefined is a delete. Rows that were superseded at or below `compacted` may be missing. */
  readonly rows: Iterable<LoadedRow>;
  readonly compacted: Revision;
}
export interface LoadedRow {
  readonly id: number;
  readonly key: string;
  readonly revision: Revision;
  readonly created: Revision;
  readonly value: Uint8Array | undefined;
}

/**
 * The multi-version state that every embedded driver shares: newest entry per key, the events since the
 * last compaction, the watchers, and the overlay of commits that are accepted but not yet durable.
 * Synchronous and free of I/O: a driver calls `prepare`, makes the groups durable, then calls `publish`.
 */
export class Mvcc {
  readonly #newest = new OrderedMap<Row>();
  readonly #history = new History();
  readonly #watchers: Watchers;
  /** The last pending event per key: what the key will be once everything queued is durable. */
  readonly #pending = new Map<string, LogEvent>();
  #visible: Revision = 0;
  #assigned: Revision = 0;
  #lastId = 0;
  #compacted: Revision = 0;
  #bytes = 0;
  /** Rows that a crash left behind in the middle of a compaction. */
  readonly leftovers: number[] = [];

  constructor(loaded: Loaded, onHandlerThrow: (error: unknown, prefix: string) => void) {
    this.#compacted = loaded.compacted;
    this.#load(loaded.rows);
    this.#assigned = this.#visible;
    this.#watchers = new Watchers(this.#visible, onHandlerThrow);
  }

  get revision(): Revision {
    return this.#visible;
  }
  get compacted(): Revision {
    return this.#compacted;
  }
  get keys(): number {
    return this.#newest.size;
  }
  /** Bytes of the newest values. */
  get bytes(): number {
    return this.#bytes;
  }
  get history(): { readonly events: number; readonly bytes: number; excess(events: number, bytes: number): Revision | undefined } {
    return this.#history;
  }
  get watchers(): number {
    return this.#watchers.size;
  }

  get(key: string): Row | undefined {
    return this.#newest.get(key);
  }

  list(prefix: string, options: ListOptions): Listing {
    const revision = options.revision ?? this.#visible;
    this.#checkReadable(revision);
    const from = options.after !== undefined && options.after >= prefix ? options.after + '\0' : prefix;
    const to = prefixEnd(prefix);
    const limit = options.limit ?? Infinity;
    const then = revision === this.#visible ? undefined : this.#undo(revision, prefix, from);
    if (!then || then.size === 0) return this.#listNewest(from, to, limit, revision);
    return this.#listPast(from, to, limit, revision, then);
  }

  /**
   * Checks the expectations against everything accepted so far, durable or not, and assigns the revision.
   * Throws `conflict`, and then has changed nothing.
   */
  prepare(changes: readonly Change[]): Group {
    const revision = this.#assigned + 1;
    const events = changes.map((change, index) => this.#check(change, index, revision));
    for (const event of events) this.#pending.set(event.key, event);
    this.#assigned = revision;
    return events;
  }

  /** Whether one of these keys has a commit in flight: a conflict on it must not be told before that commit's fate is known. */
  inFlight(changes: readonly Change[]): boolean {
    return changes.some((change) => this.#pending.has(change.key));
  }

  /** Makes durable groups visible and tells the watchers. Groups come in the order of `prepare`. */
  publish(groups: readonly Group[]): void {
    const last = groups.at(-1);
    if (!last) return;
    for (const group of groups) {
      for (const event of group) {
        this.#apply(event);
        if (this.#pending.get(event.key) === event) this.#pending.delete(event.key);
      }
      this.#history.append(group);
    }
    this.#visible = revisionOf(last);
    this.#watchers.publish(groups, this.#visible);
  }

  /** Forgets everything accepted but not published. Its revisions are not used again. */
  discard(): void {
    this.#pending.clear();
  }

  watch(prefix: string, from: Revision, handler: WatchHandler): Watch {
    if (from >= this.#compacted) return this.#watchers.add(prefix, from, this.#history.after(from), handler);
    let closed = false;
    queueMicrotask(() => {
      if (!closed) handler.end(this.#gone(from));
    });
    return { close: () => void (closed = true) };
  }

  /** Throws `future` when the revision is not there yet. */
  checkCompactable(revision: Revision): void {
    if (revision > this.#visible) throw this.#future(revision);
  }

  /** Drops history at or below `revision`; returns the ids of the rows that nothing needs any more. */
  compact(revision: Revision): number[] {
    if (revision <= this.#compacted) return [];
    this.#compacted = revision;
    const garbage: number[] = [];
    for (const group of this.#history.drop(revision)) {
      for (const event of group) {
        if (event.previous) garbage.push(event.previous.id);
        if (!event.entry) garbage.push(event.id);
      }
    }
    return garbage;
  }

  endWatches(error: StoreError): void {
    this.#watchers.end(error);
  }

  #check(change: Change, index: number, revision: Revision): LogEvent {
    const { key, value, expected } = change;
    const pending = this.#pending.get(key);
    const current = pending ? pending.entry : this.#newest.get(key);
    const missing = value === undefined && !current;
    if (missing || (expected !== undefined && expected !== (current?.revision ?? 0))) throw conflict(change, index, current);
    const id = ++this.#lastId;
    const entry = value && { key, value: owned(value), revision, created: current?.created ?? revision, id };
    return { key, revision, id, entry, previous: current };
  }

  #apply(event: LogEvent): void {
    if (event.entry) this.#newest.set(event.key, event.entry);
    else this.#newest.delete(event.key);
    this.#bytes += (event.entry?.value.byteLength ?? 0) - (event.previous?.value.byteLength ?? 0);
  }

  #listNewest(from: string, to: string | undefined, limit: number, revision: Revision): Listing {
    const entries: Row[] = [];
    if (limit > 0) {
      this.#newest.scan(from, to, (_, row) => {
        entries.push(row);
        return entries.length < limit;
      });
    }
    const remaining = entries.length < limit ? 0 : this.#newest.count(from, to) - entries.length;
    return { entries, revision, remaining };
  }

  #listPast(from: string, to: string | undefined, limit: number, revision: Revision, then: ReadonlyMap<string, Row | undefined>): Listing {
    const old = [...then.values()].filter((row) => row !== undefined).sort((a, b) => (a.key < b.key ? -1 : 1));
    let total = this.#newest.count(from, to) + old.length;
    for (const key of then.keys()) if (this.#newest.has(key)) total--;
    const entries: Row[] = [];
    let next = 0;
    const takeOld = (before: string | undefined): void => {
      while (next < old.length && entries.length < limit) {
        const row = old[next] as Row;
        if (before !== undefined && row.key >= before) return;
        entries.push(row);
        next++;
      }
    };
    this.#newest.scan(from, to, (key, row) => {
      takeOld(key);
      if (entries.length < limit && !then.has(key)) entries.push(row);
      return entries.length < limit;
    });
    takeOld(undefined);
    return { entries, revision, remaining: total - entries.length };
  }

  /** What the keys that changed after `revision` were then (undefined = not there), for keys ≥ `from` under `prefix`. */
  #undo(revision: Revision, prefix: string, from: string): Map<string, Row | undefined> {
    const then = new Map<string, Row | undefined>();
    for (const group of this.#history.after(revision)) {
      for (const event of group) {
        if (event.key.startsWith(prefix) && event.key >= from && !then.has(event.key)) then.set(event.key, event.previous);
      }
    }
    return then;
  }

  #checkReadable(revision: Revision): void {
    if (revision > this.#visible) throw this.#future(revision);
    if (revision < this.#compacted) throw this.#gone(revision);
  }
  #future(revision: Revision): StoreError {
    return new StoreError('future', `revision ${revision} is not there yet; the newest is ${this.#visible}`);
  }
  #gone(revision: Revision): StoreError {
    const message = `revision ${revision} has been compacted; the oldest that can be read is ${this.#compacted}`;
    return new StoreError('compacted', message, { compacted: this.#compacted });
  }

  #load(rows: Iterable<LoadedRow>): void {
    const newest = new Map<string, Row>();
    let group: LogEvent[] = [];
    for (const loaded of rows) {
      const { id, key, revision, created, value } = loaded;
      const entry = value && { key, value, revision, created, id };
      const previous = newest.get(key);
      if (entry) newest.set(key, entry);
      else newest.delete(key);
      this.#lastId = id;
      this.#visible = revision;
      if (revision <= this.#compacted) this.#collectLeftovers(id, entry, previous);
      else {
        if (group[0] && group[0].revision !== revision) {
          this.#history.append(group);
          group = [];
        }
        group.push({ key, revision, id, entry, previous });
      }
    }
    if (group.length > 0) this.#history.append(group);
    // A delete that was compacted away leaves no row: the compaction revision remembers how far we were.
    this.#visible = Math.max(this.#visible, this.#compacted);
    for (const row of newest.values()) this.#bytes += row.value.byteLength;
    this.#newest.load(newest);
  }

  #collectLeftovers(id: number, entry: Row | undefined, previous: Row | undefined): void {
    if (previous) this.leftovers.push(previous.id);
    if (!entry) this.leftovers.push(id);
  }
}

/** A slice of a much larger buffer (Node's pool) is copied: kept as it is, it would keep the whole buffer alive. */
function owned(value: Uint8Array): Uint8Array {
  return value.buffer.byteLength > value.byteLength + 64 ? new Uint8Array(value) : value;
}

function conflict(change: Change, index: number, current: Row | undefined): StoreError {
  const found = current ? `is at revision ${current.revision}` : 'does not exist';
  const wanted = change.expected === undefined ? 'a value to delete' : change.expected === 0 ? 'no such key' : `revision ${change.expected}`;
  return new StoreError('conflict', `${change.key} ${found}, the commit expected ${wanted}`, { index, current });
}
