import type { Kind, KubeObject } from '#machinery';
import { CacheEntry, Codec } from '../cache/entry.ts';

/**
 * What is stored, as one version of its resource: entries are kept in the version they were written in, and shown in
 * the one that is asked for, as its present rules have it. Such an entry is made once. Where nothing is to be converted,
 * nothing is waited for.
 */
export class Versions {
  readonly #kind: Kind;
  readonly #codec: Codec;
  readonly #shown = new WeakMap<CacheEntry, CacheEntry | Promise<CacheEntry>>();
  /** What was written later was written under the present rules. */
  readonly #since: number;
  constructor(kind: Kind, since = 0) {
    this.#kind = kind;
    this.#since = since;
    this.#codec = new Codec(kind.kind, kind.apiVersion);
  }
  /** Whether entries may have to be converted at all. */
  get converts(): boolean {
    return this.#kind.convert !== undefined || this.#kind.restore !== undefined;
  }
  show(entry: CacheEntry): CacheEntry | Promise<CacheEntry> {
    const converted = entry.codec.apiVersion !== this.#kind.apiVersion;
    if (!converted && (!this.#kind.restore || entry.revision > this.#since)) return entry;
    const known = this.#shown.get(entry);
    if (known) return known;
    if (!converted) return this.#restore(entry);
    const made = this.#convert([entry.object], this.#kind.apiVersion);
    const outcome = made instanceof Promise ? this.#later(entry, made) : this.#wrap(entry, made);
    this.#shown.set(entry, outcome);
    return outcome;
  }
  #restore(entry: CacheEntry): CacheEntry {
    const object = this.#kind.restore?.(entry.object) ?? entry.object;
    const made = object === entry.object ? entry : this.#entryOf(entry, object);
    this.#shown.set(entry, made);
    return made;
  }
  /** Many at once: what is still to be converted goes into one call. */
  showAll(entries: readonly CacheEntry[]): readonly CacheEntry[] | Promise<readonly CacheEntry[]> {
    if (!this.converts) return entries;
    const missing = entries.filter((entry) => entry.codec.apiVersion !== this.#kind.apiVersion && !this.#shown.has(entry));
    if (missing.length > 0) this.#prepare(missing);
    const shown = entries.map((entry) => this.show(entry));
    if (!shown.some((entry) => entry instanceof Promise)) return shown as CacheEntry[];
    return Promise.all(shown.map((entry) => Promise.resolve(entry)));
  }
  /** The object as it is to be stored. */
  store(object: KubeObject): KubeObject | Promise<KubeObject> {
    const { storageVersion, apiVersion } = this.#kind;
    if (storageVersion === apiVersion) return object;
    const made = this.#convert([object], storageVersion);
    return made instanceof Promise ? made.then(([only]) => withMetadata(only, object)) : withMetadata(made[0], object);
  }
  #prepare(missing: readonly CacheEntry[]): void {
    const made = this.#convert(
      missing.map((entry) => entry.object),
      this.#kind.apiVersion,
    );
    missing.forEach((entry, i) => {
      if (made instanceof Promise) this.#shown.set(entry, this.#later(entry, made, i));
      else this.#shown.set(entry, this.#wrap(entry, made, i));
    });
  }
  /** A failed conversion is tried again by whoever asks next. */
  #later(entry: CacheEntry, made: Promise<readonly KubeObject[]>, at = 0): Promise<CacheEntry> {
    const outcome = made.then((objects) => this.#wrap(entry, objects, at));
    outcome.then(
      (converted) => this.#shown.set(entry, converted),
      () => this.#shown.delete(entry),
    );
    return outcome;
  }
  #wrap(entry: CacheEntry, objects: readonly KubeObject[], at = 0): CacheEntry {
    const object = withMetadata(objects[at], entry.object);
    return this.#entryOf(entry, this.#kind.restore?.(object) ?? object);
  }
  #entryOf(entry: CacheEntry, object: KubeObject): CacheEntry {
    const normal = this.#codec.normalize(object);
    return new CacheEntry(this.#codec, entry.key, entry.revision, this.#codec.encode(normal), normal);
  }
  #convert(objects: readonly KubeObject[], to: string): readonly KubeObject[] | Promise<readonly KubeObject[]> {
    if (!this.#kind.convert) throw new Error(`${this.#kind.kind} of ${this.#kind.apiVersion} cannot be converted`);
    return this.#kind.convert(objects, to);
  }
}

/** Identity is the server's: a conversion changes labels and annotations at most. */
export function withMetadata(converted: KubeObject | undefined, original: KubeObject): KubeObject {
  if (!converted) throw new Error('a conversion gave fewer objects than it got');
  const { labels, annotations } = converted.metadata ?? {};
  const { labels: _labels, annotations: _annotations, ...identity } = original.metadata ?? {};
  return { ...converted, metadata: { ...identity, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) } };
}
