import { MAX_COMMIT_BYTES, type EmbeddedStore, type StoreFigures } from '../core/embedded.ts';
import type { Change, Entry, Listing, ListOptions, Revision, StoreEvent, Watch, WatchHandler } from '../store.ts';
import { StoreError } from '../store.ts';
import { sealedMark, unreadable, type Transformer } from './transformers.ts';

/** How the values under a prefix are written: by the first transformer; all of them read. */
export interface EncryptionRule {
  readonly prefix: string;
  readonly transformers: readonly [Transformer, ...Transformer[]];
}

/** A store with some values encrypted. Reading `value` of an entry throws StoreError `unreadable` when no key fits. */
export interface EncryptedStore extends EmbeddedStore {
  /** Writes again what is not written by the first transformer of its rule: after a key was added, or encryption switched on. Gives the number of values. */
  rewrite(): Promise<number>;
}

/** `store` with the values of the keys that a rule is for encrypted; the first rule whose prefix fits counts. Closing it closes `store`. */
export function encryptedStore(store: EmbeddedStore, rules: readonly EncryptionRule[]): EncryptedStore {
  return new Encrypted(store, rules);
}

/** An entry whose value is decrypted when somebody asks for it: most previous values never are. */
class SealedEntry implements Entry {
  readonly key: string;
  readonly revision: Revision;
  readonly created: Revision;
  readonly #open: () => Uint8Array;
  #value: Uint8Array | undefined;
  constructor(entry: Entry, open: () => Uint8Array) {
    this.key = entry.key;
    this.revision = entry.revision;
    this.created = entry.created;
    this.#open = open;
  }
  get value(): Uint8Array {
    return (this.#value ??= this.#open());
  }
}

class Encrypted implements EncryptedStore {
  readonly #store: EmbeddedStore;
  readonly #rules: readonly EncryptionRule[];
  /** What was just written need not be decrypted to be read. */
  readonly #plain = new WeakMap<Uint8Array, Uint8Array>();

  constructor(store: EmbeddedStore, rules: readonly EncryptionRule[]) {
    this.#store = store;
    this.#rules = rules;
  }

  async get(key: string): Promise<{ entry: Entry | undefined; revision: Revision }> {
    const { entry, revision } = await this.#store.get(key);
    return { entry: this.#opened(entry), revision };
  }

  async list(prefix: string, options?: ListOptions): Promise<Listing> {
    const listing = await this.#store.list(prefix, options);
    if (!this.#touches(prefix)) return listing;
    return { ...listing, entries: listing.entries.map((entry) => this.#opened(entry)) };
  }

  commit(changes: readonly Change[]): Promise<Revision> {
    let sealed: Change[] | undefined;
    for (let i = 0; i < changes.length; i++) {
      const change = changes[i] as Change;
      const rule = this.#ruleOf(change.key);
      if (rule) (sealed ??= [...changes])[i] = this.#seal(rule, change);
    }
    if (!sealed) return this.#store.commit(changes);
    return this.#store.commit(sealed).catch((error: unknown) => Promise.reject(this.#translated(error)));
  }

  watch(prefix: string, from: Revision, handler: WatchHandler): Watch {
    if (!this.#touches(prefix)) return this.#store.watch(prefix, from, handler);
    const { progress } = handler;
    return this.#store.watch(prefix, from, {
      events: (events) => handler.events(events.map((event) => this.#openedEvent(event))),
      ...(progress ? { progress: (revision: Revision) => handler.progress?.(revision) } : {}),
      end: (error) => handler.end(error),
    });
  }

  compact(revision: Revision): Promise<void> {
    return this.#store.compact(revision);
  }
  close(): Promise<void> {
    return this.#store.close();
  }
  figures(): StoreFigures {
    return this.#store.figures();
  }
  excessHistory(events: number, bytes: number): Revision | undefined {
    return this.#store.excessHistory(events, bytes);
  }

  async rewrite(): Promise<number> {
    let written = 0;
    for (const rule of this.#rules) {
      const { entries } = await this.#store.list(rule.prefix);
      const stale = entries.filter((entry) => this.#ruleOf(entry.key) === rule && !startsWith(entry.value, rule.transformers[0]));
      const results = await Promise.all(stale.map((entry) => this.#rewriteOne(entry)));
      written += results.filter(Boolean).length;
    }
    return written;
  }
  async #rewriteOne(entry: Entry): Promise<boolean> {
    try {
      const { value } = this.#opened(entry);
      await this.commit([{ key: entry.key, value, expected: entry.revision }]);
      return true;
    } catch (error) {
      // Someone wrote it meanwhile, or its key is gone: whoever reads it is told.
      if (error instanceof StoreError && (error.code === 'conflict' || error.code === 'unreadable')) return false;
      throw error;
    }
  }

  #ruleOf(key: string): EncryptionRule | undefined {
    for (const rule of this.#rules) if (key.startsWith(rule.prefix)) return rule;
    return undefined;
  }
  /** Whether a key under `prefix` can have a rule. */
  #touches(prefix: string): boolean {
    return this.#rules.some((rule) => rule.prefix.startsWith(prefix) || prefix.startsWith(rule.prefix));
  }

  #seal(rule: EncryptionRule, change: Change): Change {
    const plain = change.value;
    // What is too large for the store is refused by it.
    if (!plain || plain.byteLength > MAX_COMMIT_BYTES) return change;
    const value = rule.transformers[0].seal(change.key, plain);
    if (value !== plain) this.#plain.set(value, plain);
    return { ...change, value };
  }

  #opened<E extends Entry | undefined>(entry: E): E | Entry {
    const rule = entry && this.#ruleOf(entry.key);
    return rule ? new SealedEntry(entry, () => this.#read(rule, entry)) : entry;
  }
  #openedEvent(event: StoreEvent): StoreEvent {
    if (!this.#ruleOf(event.key)) return event;
    return { key: event.key, revision: event.revision, entry: this.#opened(event.entry), previous: this.#opened(event.previous) };
  }
  #read({ transformers }: EncryptionRule, { key, value }: Entry): Uint8Array {
    const known = this.#plain.get(value);
    if (known) return known;
    const reader = transformers.find((transformer) => startsWith(value, transformer));
    if (!reader) throw unreadable(key, 'no configured key wrote it (no matching prefix found)');
    return reader.open(key, value);
  }

  /** A conflict shows what is there now. */
  #translated(error: unknown): unknown {
    if (!(error instanceof StoreError) || !error.detail.current) return error;
    return new StoreError(error.code, error.message, { ...error.detail, current: this.#opened(error.detail.current) });
  }
}

/** Whether the transformer wrote the value: by its prefix; without a prefix, when nobody else did. */
function startsWith(value: Uint8Array, { prefix }: Transformer): boolean {
  if (prefix.length === 0) return !begins(value, sealedMark);
  return begins(value, prefix);
}
function begins(value: Uint8Array, prefix: Buffer): boolean {
  if (value.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (value[i] !== prefix[i]) return false;
  return true;
}
