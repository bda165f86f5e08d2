import type { Kind, KubeObject } from '#machinery';
import type { Revision } from '#store';
import { CacheEntry, Codec } from './entry.ts';
import { CacheEvent } from './event.ts';
import { GroupIndex } from './group-index.ts';
import type { WatchGroup } from './watch-group.ts';

/** How many past events of a kind a watch can still be opened at. */
const window = 2048;

/** The place of a key among the sorted: an object that changes keeps it, and nothing is searched or moved. */
interface Slot {
  entry: CacheEntry;
}

/** All objects of one kind, sorted by key, with the events of the recent past and everyone who follows. */
export class KindCache {
  /** The first that was served of the kinds that share the prefix. */
  readonly kind: Kind;
  /** What the store has and cannot decrypt, by key: unlike what does not exist, it is in the way of who asks for it. */
  readonly unreadable = new Map<string, Error>();
  readonly prefix: string;
  /** How objects of each version are kept. */
  readonly #codecs = new Map<string, Codec>();
  #keepsObjects = false;
  /** How many changes were seen. */
  changes = 0;
  /** Revision of the newest change of this kind. */
  lastChange: Revision;
  /** A watch from this revision or later misses nothing. */
  oldest: Revision;
  readonly #groups = new GroupIndex();
  readonly #entries = new Map<string, Slot>();
  #sorted: Slot[] = [];
  #history: CacheEvent[] = [];
  readonly #observers: ((object: KubeObject | undefined, old: KubeObject | undefined) => void)[] = [];

  constructor(kind: Kind, revision: Revision) {
    this.kind = kind;
    this.prefix = kind.prefix;
    this.lastChange = revision;
    this.oldest = revision;
  }
  get size(): number {
    return this.#entries.size;
  }
  codec(apiVersion: string): Codec {
    let codec = this.#codecs.get(apiVersion);
    if (!codec) {
      this.#codecs.set(apiVersion, (codec = new Codec(this.kind.kind, apiVersion)));
      codec.keepsObjects = this.#keepsObjects;
    }
    return codec;
  }
  /** An entry of bytes from the store; foreign bytes (another layout) are laid out anew. */
  entry(key: string, revision: Revision, value: Uint8Array): CacheEntry {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    for (const codec of this.#codecs.values()) if (codec.fits(bytes)) return new CacheEntry(codec, key, revision, bytes);
    const object = JSON.parse(bytes.toString()) as KubeObject;
    const codec = this.codec(object.apiVersion || this.kind.storageVersion);
    return new CacheEntry(codec, key, revision, codec.fits(bytes) ? bytes : codec.encode(codec.normalize(object)));
  }
  /** From now on decoded objects stay decoded: someone follows them. */
  keepObjects(): void {
    this.#keepsObjects = true;
    for (const codec of this.#codecs.values()) codec.keepsObjects = true;
  }
  get(key: string): CacheEntry | undefined {
    return this.#entries.get(key)?.entry;
  }
  /** Entries whose key starts with `prefix`, in key order, after the key `after`. */
  range(prefix: string, after?: string): readonly CacheEntry[] {
    const from = after === undefined ? lowerBound(this.#sorted, prefix) : lowerBound(this.#sorted, after + '\0');
    const to = prefix === this.prefix ? this.#sorted.length : lowerBound(this.#sorted, prefix.slice(0, -1) + '0');
    return this.#sorted.slice(from, Math.max(from, to)).map((slot) => slot.entry);
  }
  /** The first fill, in key order. */
  load(entry: CacheEntry): void {
    const slot = { entry };
    this.#entries.set(entry.key, slot);
    this.#sorted.push(slot);
  }
  apply(key: string, revision: Revision, entry: CacheEntry | undefined): CacheEvent | undefined {
    const slot = this.#entries.get(key);
    const previous = slot?.entry;
    if (this.unreadable.size > 0) this.unreadable.delete(key);
    if (!entry && !previous) return undefined;
    if (entry) this.#put(entry, slot);
    else this.#drop(key);
    this.lastChange = revision;
    this.changes++;
    const event = new CacheEvent(revision, entry, previous);
    this.#remember(event);
    return event;
  }
  /** Tells observers and watchers. */
  publish(event: CacheEvent): void {
    for (const observer of this.#observers) observer(event.entry?.object, event.previous?.object);
    this.#groups.offer(event);
  }
  observe(handler: (object: KubeObject | undefined, old: KubeObject | undefined) => void): void {
    this.keepObjects();
    for (const { entry } of this.#sorted) handler(entry.object, undefined);
    this.#observers.push(handler);
  }
  groups(): Iterable<WatchGroup> {
    return this.#groups.all();
  }
  /** The group under `key`, made on first use. */
  group<G extends WatchGroup>(key: string, make: () => G): G {
    const group = this.#groups.obtain(key, make);
    if (group.keepsObjects) this.keepObjects();
    return group;
  }
  /** Ends the watches of one version: what it looks like has changed. Clients watch again from where they were. */
  endGroups(apiVersion: string): void {
    for (const group of this.#groups.all()) if (group.filter.apiVersion === apiVersion) group.close();
  }
  dropGroup(key: string): void {
    this.#groups.drop(key);
  }
  /** Events after `revision`; undefined when some of them are forgotten. */
  since(revision: Revision): readonly CacheEvent[] | undefined {
    if (revision < this.oldest) return undefined;
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#history[middle] as CacheEvent).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#history.slice(low);
  }
  /** Drops history at or below `revision`. */
  forget(revision: Revision): void {
    if (revision <= this.oldest) return;
    const kept = this.since(revision);
    if (!kept || kept.length === this.#history.length) return;
    this.#history = [...kept];
    this.oldest = revision;
  }
  #put(entry: CacheEntry, present: Slot | undefined): void {
    if (present) return void (present.entry = entry);
    const slot = { entry };
    this.#entries.set(entry.key, slot);
    const last = this.#sorted.at(-1);
    if (!last || last.entry.key < entry.key) this.#sorted.push(slot);
    else this.#sorted.splice(lowerBound(this.#sorted, entry.key), 0, slot);
  }
  #drop(key: string): void {
    this.#entries.delete(key);
    this.#sorted.splice(lowerBound(this.#sorted, key), 1);
  }
  #remember(event: CacheEvent): void {
    this.#history.push(event);
    if (this.#history.length < window * 2) return;
    this.oldest = (this.#history[window - 1] as CacheEvent).revision;
    this.#history = this.#history.slice(window);
  }
}

function lowerBound(sorted: readonly Slot[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as Slot).entry.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
