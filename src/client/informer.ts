import { type Clock, type Logger } from '#base';
import type { Api, Kind, KubeObject } from '#machinery';

export interface Subscription {
  close(): void;
}

/** Called after the cache holds the change. `object` is undefined on deletion, `old` is undefined on creation. Must be quick and must not throw. */
export type ChangeHandler<T> = (object: T | undefined, old: T | undefined) => void;

/** A cache of all objects of a kind, fed by list and watch. What it hands out is shared: never change it. */
export interface Informer<T extends KubeObject> {
  readonly kind: Kind<T>;
  /** True once the first list is in. */
  readonly synced: boolean;
  /** The revision up to which the cache has seen everything; '' before the first list. Compare as numbers. */
  readonly resourceVersion: string;
  ready(): Promise<void>;
  get(namespace: string | undefined, name: string): T | undefined;
  list(namespace?: string): T[];
  readonly size: number;
  /** Objects for which the index function gave `value`. */
  byIndex(index: string, value: string): T[];
  /** The values under which an index has objects. */
  indexValues(index: string): string[];
  /** Adds an index (idempotent per name); the present objects are indexed at once. */
  addIndex(name: string, values: (object: T) => readonly string[]): void;
  /** Replays the present objects as creations, then follows. */
  onChange(handler: ChangeHandler<T>): Subscription;
}

interface Deps {
  api: Api;
  clock: Clock;
  log: Logger;
}

interface Index<T> {
  readonly values: (object: T) => readonly string[];
  /** By value, and by the object's identity: an object that changes takes the place of its former self, which costs next to nothing. */
  readonly entries: Map<string, Map<string, T>>;
}

export class CachingInformer<T extends KubeObject> implements Informer<T> {
  readonly kind: Kind<T>;
  synced = false;
  resourceVersion = '';
  readonly #deps: Deps;
  /** By namespace and name: no key is made for a look or a change. What has no namespace is under ''. */
  readonly #namespaces = new Map<string, Map<string, T>>();
  #size = 0;
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #ready: Promise<void>;
  #markReady: () => void = () => {};
  #watch: { close(): void } | undefined;
  #closed = false;
  #failures = 0;

  constructor(kind: Kind<T>, deps: Deps) {
    this.kind = kind;
    this.#deps = deps;
    this.#ready = new Promise((resolve) => (this.#markReady = resolve));
    void this.#relist();
  }

  ready(): Promise<void> {
    return this.#ready;
  }
  get size(): number {
    return this.#size;
  }
  get(namespace: string | undefined, name: string): T | undefined {
    return this.#namespaces.get(this.kind.namespaced ? (namespace ?? '') : '')?.get(name);
  }
  list(namespace?: string): T[] {
    if (namespace !== undefined) return [...(this.#namespaces.get(namespace)?.values() ?? [])];
    const all: T[] = [];
    for (const objects of this.#namespaces.values()) for (const object of objects.values()) all.push(object);
    return all;
  }
  byIndex(index: string, value: string): T[] {
    return [...(this.#entries(index).get(value)?.values() ?? [])];
  }
  indexValues(index: string): string[] {
    return [...this.#entries(index).keys()];
  }
  #entries(index: string): ReadonlyMap<string, ReadonlyMap<string, T>> {
    const found = this.#indexes.get(index);
    if (!found) throw new Error(`informer of ${this.kind.plural} has no index ${index}`);
    return found.entries;
  }
  addIndex(name: string, values: (object: T) => readonly string[]): void {
    if (this.#indexes.has(name)) return;
    const index = { values, entries: new Map<string, Map<string, T>>() };
    this.#indexes.set(name, index);
    for (const object of this.list()) addTo(index.entries, values(object), object);
  }
  onChange(handler: ChangeHandler<T>): Subscription {
    for (const object of this.list()) handler(object, undefined);
    this.#handlers.add(handler);
    return { close: () => void this.#handlers.delete(handler) };
  }
  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  async #relist(): Promise<void> {
    if (this.#closed) return;
    try {
      const list = await this.#deps.api.list(this.kind);
      if (this.#closed) return;
      this.#failures = 0;
      this.resourceVersion = list.resourceVersion;
      this.#replace(list.items);
      this.#open(list.resourceVersion);
      this.synced = true;
      this.#markReady();
    } catch (error) {
      this.#deps.log.debug('list failed', { kind: this.kind.plural, error });
      this.#deps.clock.after(Math.min(30_000, 250 * 2 ** Math.min(this.#failures++, 7)), () => void this.#relist());
    }
  }
  #open(resourceVersion: string): void {
    this.#watch = this.#deps.api.watch(
      this.kind,
      { resourceVersion, allowWatchBookmarks: true },
      {
        event: (type, object) => {
          this.resourceVersion = object.metadata?.resourceVersion ?? this.resourceVersion;
          if (type === 'BOOKMARK') return;
          if (type === 'DELETED') this.#remove(object);
          else this.#put(object);
        },
        end: (error) => {
          this.#deps.log.debug('watch ended', { kind: this.kind.plural, error });
          this.#deps.clock.after(50, () => void this.#relist());
        },
      },
    );
  }
  #replace(items: readonly T[]): void {
    const seen = new Map<string, Set<string>>();
    for (const object of items) {
      const { namespace = '', name = '' } = object.metadata ?? {};
      let names = seen.get(namespace);
      if (!names) seen.set(namespace, (names = new Set()));
      names.add(name);
      const old = this.#namespaces.get(namespace)?.get(name);
      if (!old || old.metadata?.resourceVersion !== object.metadata?.resourceVersion) this.#put(object);
    }
    for (const object of this.list()) if (!seen.get(object.metadata?.namespace ?? '')?.has(object.metadata?.name ?? '')) this.#remove(object);
  }
  #put(object: T): void {
    const { namespace = '', name = '' } = object.metadata ?? {};
    let objects = this.#namespaces.get(namespace);
    if (!objects) this.#namespaces.set(namespace, (objects = new Map()));
    const old = objects.get(name);
    objects.set(name, object);
    if (!old) this.#size++;
    for (const index of this.#indexes.values()) {
      const values = index.values(object);
      if (old) removeFrom(index.entries, index.values(old), old, identity(old) === identity(object) ? values : none);
      addTo(index.entries, values, object);
    }
    for (const handler of this.#handlers) handler(object, old);
  }
  #remove(object: T): void {
    const { namespace = '', name = '' } = object.metadata ?? {};
    const objects = this.#namespaces.get(namespace);
    const old = objects?.get(name);
    if (!objects || !old) return;
    objects.delete(name);
    if (objects.size === 0) this.#namespaces.delete(namespace);
    this.#size--;
    for (const index of this.#indexes.values()) removeFrom(index.entries, index.values(old), old, none);
    for (const handler of this.#handlers) handler(undefined, old);
  }
}

const none: readonly string[] = [];
const identity = ({ metadata }: KubeObject): string => metadata?.uid ?? `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

function addTo<T extends KubeObject>(entries: Map<string, Map<string, T>>, values: readonly string[], object: T): void {
  for (const value of values) {
    let found = entries.get(value);
    if (!found) entries.set(value, (found = new Map<string, T>()));
    found.set(identity(object), object);
  }
}
/** Takes the object out of `values`, but not out of those that it has still. */
function removeFrom<T extends KubeObject>(entries: Map<string, Map<string, T>>, values: readonly string[], object: T, still: readonly string[]): void {
  for (const value of values) {
    if (still.includes(value)) continue;
    const found = entries.get(value);
    found?.delete(identity(object));
    if (found?.size === 0) entries.delete(value);
  }
}
