import type { Logger } from '#base';
import { type Kind, type KubeObject, unknownResource } from '#machinery';
import type { Change, Entry, Revision, Store, StoreError, StoreEvent, Watch } from '#store';
import { CacheEntry, type Codec } from './entry.ts';
import { KindCache } from './kind-cache.ts';
import type { CacheEvent } from './event.ts';

type Stored = Pick<Entry, 'key' | 'revision' | 'value'>;

interface Pending {
  readonly codec: Codec;
  readonly value: Buffer;
  readonly object: KubeObject;
  entry: CacheEntry | undefined;
}
export interface ObjectChange {
  readonly kind: Kind;
  readonly key: string;
  /** From `Codec.normalize`; undefined deletes. Taken over. */
  readonly object: KubeObject | undefined;
  readonly expected: Revision;
}

export type CommitOperation = 'create' | 'update' | 'delete';
/** Told of every commit: how long the store took for it, and whether it failed; that someone else was faster is no failure. */
export type CommitObserver = (kind: Kind, operation: CommitOperation, seconds: number, failed: boolean) => void;

const root = '/registry/';

/**
 * Every object of the store in memory, fed by one watch. A write is acknowledged when the cache shows it,
 * so whoever was told of a write reads it.
 */
export class ObjectCache {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #kinds = new Map<Kind, KindCache>();
  readonly #byPrefix = new Map<string, KindCache>();
  /** What the store holds under prefixes that no kind claims (yet): by prefix and key. */
  readonly #unclaimed = new Map<string, Map<string, Stored>>();
  readonly #pending = new Map<string, Pending[]>();
  #waiters: { revision: Revision; resolve: () => void; reject: (error: Error) => void }[] = [];
  #watch: Watch | undefined;
  #failure: Error | undefined;
  #closed = false;
  revision: Revision = 0;
  commits: CommitObserver | undefined;

  constructor(store: Store, kinds: readonly Kind[], log: Logger) {
    this.#store = store;
    this.#log = log;
    for (const kind of kinds) this.serve(kind);
  }
  /** Makes a kind known; what the store already holds of it is there at once. Versions of one resource share a cache; `former` is what it replaces. */
  serve(kind: Kind, former?: Kind): void {
    if (former) this.#kinds.delete(former);
    const present = this.#byPrefix.get(kind.prefix);
    if (present && ![...this.#kinds].every(([other, cache]) => cache !== present || canShare(other, kind)))
      throw new Error(`kinds ${present.kind.kind} and ${kind.kind} share the store prefix ${kind.prefix}`);
    const cache = present ?? new KindCache(kind, this.revision);
    this.#kinds.set(kind, cache);
    if (former) cache.endGroups(former.apiVersion);
    if (present) return;
    this.#byPrefix.set(kind.prefix, cache);
    const found = this.#unclaimed.get(kind.prefix);
    this.#unclaimed.delete(kind.prefix);
    for (const entry of [...(found?.values() ?? [])].toSorted((a, b) => (a.key < b.key ? -1 : 1))) this.#load(entry);
  }
  /** Forgets a kind and ends its watches. What the store holds stays there. */
  withdraw(kind: Kind): void {
    const cache = this.#kinds.get(kind);
    if (!cache) return;
    this.#kinds.delete(kind);
    cache.endGroups(kind.apiVersion);
    if ([...this.#kinds.values()].includes(cache)) return;
    this.#byPrefix.delete(cache.prefix);
    const left = cache.range(cache.prefix).map(({ key, revision, value }): [string, Stored] => [key, { key, revision, value }]);
    if (left.length > 0) this.#unclaimed.set(cache.prefix, new Map(left));
  }
  async start(): Promise<void> {
    const listing = await this.#store.list(root);
    for (const entry of listing.entries) this.#load(entry);
    this.revision = listing.revision;
    for (const cache of this.#byPrefix.values()) cache.lastChange = cache.oldest = listing.revision;
    this.#follow();
  }
  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#fail(new Error('the API server is shutting down'));
  }
  of(kind: Kind): KindCache {
    const found = this.#kinds.get(kind) ?? this.#byPrefix.get(kind.prefix);
    if (!found) throw unknownResource();
    return found;
  }
  all(): Iterable<KindCache> {
    return this.#byPrefix.values();
  }
  /** Resolves when everything up to `revision` is visible here. */
  reached(revision: Revision): Promise<void> {
    if (this.revision >= revision) return Promise.resolve();
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiters.push({ revision, resolve, reject }));
  }
  /** Commits all or none and gives the new states (undefined where deleted). Throws StoreError. */
  async commit(changes: readonly ObjectChange[]): Promise<{ revision: Revision; entries: (CacheEntry | undefined)[] }> {
    const pendings = changes.map((change) => this.#expect(change));
    const began = performance.now();
    try {
      const revision = await this.#store.commit(
        changes.map((change, i): Change => ({ key: change.key, value: pendings[i]?.value, expected: change.expected })),
      );
      this.#observe(changes, began, false);
      await this.reached(revision);
      return { revision, entries: pendings.map((p, i) => p && (p.entry ?? this.of((changes[i] as ObjectChange).kind).get((changes[i] as ObjectChange).key))) };
    } catch (error) {
      this.#observe(changes, began, (error as Partial<StoreError>).code !== 'conflict');
      throw error;
    } finally {
      changes.forEach((change, i) => this.#forget(change.key, pendings[i]));
    }
  }
  #observe([first]: readonly ObjectChange[], began: number, failed: boolean): void {
    if (first) this.commits?.(first.kind, operationOf(first), (performance.now() - began) / 1000, failed);
  }
  #expect(change: ObjectChange): Pending | undefined {
    if (!change.object) return undefined;
    const codec = this.of(change.kind).codec(change.object.apiVersion ?? change.kind.storageVersion);
    const pending: Pending = { codec, value: codec.encode(change.object), object: change.object, entry: undefined };
    const list = this.#pending.get(change.key);
    if (list) list.push(pending);
    else this.#pending.set(change.key, [pending]);
    return pending;
  }
  #forget(key: string, pending: Pending | undefined): void {
    const list = this.#pending.get(key);
    if (!list || !pending) return;
    if (list.length === 1) this.#pending.delete(key);
    else list.splice(list.indexOf(pending), 1);
  }
  #load(entry: Stored): void {
    const cache = this.#route(entry.key);
    if (!cache) return this.#setAside(entry.key, entry);
    try {
      cache.load(cache.entry(entry.key, entry.revision, entry.value));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      if (cache.unreadable.size === 0) this.#log.error('objects cannot be decrypted; all others are served', { resource: cache.kind.plural, error });
      cache.unreadable.set(entry.key, error);
    }
  }
  #setAside(key: string, entry: Stored | undefined): void {
    const prefix = prefixOf(key);
    let aside = this.#unclaimed.get(prefix);
    if (!aside) this.#unclaimed.set(prefix, (aside = new Map()));
    if (entry) aside.set(key, entry);
    else aside.delete(key);
  }
  #route(key: string): KindCache | undefined {
    return this.#byPrefix.get(prefixOf(key));
  }
  #follow(): void {
    this.#watch = this.#store.watch(root, this.revision, {
      events: (events) => this.#apply(events),
      progress: (revision) => this.#advance(revision),
      end: (error) => this.#ended(error),
    });
  }
  /** All of one revision is applied before anyone is told: who opens a watch meanwhile sees whole revisions. */
  #apply(events: readonly StoreEvent[]): void {
    const told: [KindCache, CacheEvent][] = [];
    for (const { key, revision, entry } of events) {
      const cache = this.#route(key);
      if (!cache) this.#setAside(key, entry);
      const event = cache?.apply(key, revision, entry && this.#entry(cache, entry));
      if (cache && event) told.push([cache, event]);
    }
    const newest = events.at(-1)?.revision ?? this.revision;
    if (newest > this.revision) this.revision = newest;
    for (const [cache, event] of told) {
      cache.publish(event);
      // Everyone has the new state: the old one is kept for watches that begin in the past, and its bytes do for them.
      event.previous?.release();
    }
    this.#advance(newest);
  }
  #entry(cache: KindCache, { key, value, revision }: Entry): CacheEntry {
    for (const pending of this.#pending.get(key) ?? []) {
      if (pending.entry || !same(pending.value, value)) continue;
      return (pending.entry = new CacheEntry(pending.codec, key, revision, pending.value, pending.object));
    }
    return cache.entry(key, revision, value);
  }
  #advance(revision: Revision): void {
    if (revision > this.revision) this.revision = revision;
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter((w) => w.revision <= this.revision);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((w) => w.revision > this.revision);
    for (const waiter of due) waiter.resolve();
  }
  #ended(error: StoreError): void {
    if (this.#closed) return;
    this.#log.warn('watch of the store ended', { error });
    if (error.code === 'closed') this.#fail(error);
    else void this.#resync().catch((failure: unknown) => this.#fail(failure as Error));
  }
  /** After lost history: compares everything and tells the differences as events of the listing's revision. */
  async #resync(): Promise<void> {
    const { entries, revision } = await this.#store.list(root);
    const present = new Set(entries.map((entry) => entry.key));
    const events: StoreEvent[] = [];
    for (const cache of this.#byPrefix.values()) {
      for (const entry of cache.range(cache.prefix))
        if (!present.has(entry.key)) events.push({ key: entry.key, revision, entry: undefined, previous: undefined });
    }
    for (const entry of entries)
      if (this.#route(entry.key)?.get(entry.key)?.revision !== entry.revision) events.push({ key: entry.key, revision, entry, previous: undefined });
    this.#apply(events);
    this.#advance(revision);
    this.#follow();
  }
  #fail(error: Error): void {
    this.#failure = error;
    for (const cache of this.#byPrefix.values()) for (const group of cache.groups()) group.end(error);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}

function isUnreadable(error: unknown): error is StoreError {
  return error instanceof Error && error.name === 'StoreError' && (error as StoreError).code === 'unreadable';
}
/** `/registry/GROUP/PLURAL/` of a key. */
function prefixOf(key: string): string {
  const group = key.indexOf('/', root.length);
  return key.slice(0, key.indexOf('/', group + 1) + 1);
}
/** Versions of one resource: other apiVersions, with a way to go from one to the other. */
function canShare(a: Kind, b: Kind): boolean {
  return a.apiVersion !== b.apiVersion && (a.convert ?? b.convert) !== undefined;
}
function same(a: Buffer, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.equals(b));
}
function operationOf({ object, expected }: ObjectChange): CommitOperation {
  if (!object) return 'delete';
  return expected === 0 ? 'create' : 'update';
}
