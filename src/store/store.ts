/**
 * A revision of the whole store. One commit takes one revision; revisions only rise and are never
 * reused once anyone could have seen them. 0 means "before everything" (and, as an expectation,
 * "must not exist"). A safe integer: 2^53 revisions at 30,000 commits a second last 9,500 years.
 */
export type Revision = number;

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the commit that wrote this value. */
  readonly revision: Revision;
  /** Revision of the commit that created the key (survives updates, not deletes). */
  readonly created: Revision;
}

export interface Change {
  readonly key: string;
  /** New value; undefined deletes. */
  readonly value: Uint8Array | undefined;
  /** Revision the key must have now: 0 = must not exist. Undefined = whatever it is (a delete of a missing key still conflicts). */
  readonly expected?: Revision;
}

export interface StoreEvent {
  readonly key: string;
  readonly revision: Revision;
  /** The new entry; undefined when the key was deleted. */
  readonly entry: Entry | undefined;
  /** What was there before; undefined when the key was created. Kept even when `revision` was compacted later. */
  readonly previous: Entry | undefined;
}

export interface ListOptions {
  /** Read the state as of this revision; undefined = newest. Throws `compacted` or `future`. */
  readonly revision?: Revision;
  /** At most this many entries, in key order. */
  readonly limit?: number;
  /** Only keys after this one. */
  readonly after?: string;
}

export interface Listing {
  readonly entries: readonly Entry[];
  /** The revision that the listing shows. */
  readonly revision: Revision;
  /** How many further entries match beyond `limit`. */
  readonly remaining: number;
}

export interface WatchHandler {
  /** All events of one revision that match, in the order of the commit. Called in revision order, never twice, never skipped. Must not throw. */
  events(events: readonly StoreEvent[]): void;
  /** Nothing below or at `revision` is still to come. Never ahead of the stream. */
  progress?(revision: Revision): void;
  /** The watch is over: `compacted` when it asked for revisions that are gone, `closed` when the store closed. */
  end(error: StoreError): void;
}

export interface Watch {
  close(): void;
}

/**
 * A versioned key-value store with watch. Commits are strictly serializable and durable before they
 * are acknowledged *or visible*; every watcher sees every event once, in revision order.
 */
export interface Store {
  get(key: string): Promise<{ entry: Entry | undefined; revision: Revision }>;
  list(prefix: string, options?: ListOptions): Promise<Listing>;
  /** All changes or none, at one revision. Throws StoreError `conflict` (with the index and the current entry) or `unavailable`. */
  commit(changes: readonly Change[]): Promise<Revision>;
  /** Events with revision > `from`, past and future, for keys under `prefix`. */
  watch(prefix: string, from: Revision, handler: WatchHandler): Watch;
  /** Forgets history at or below `revision` (the newest state stays). Watching from `revision` itself still works; listing at `revision` still works. */
  compact(revision: Revision): Promise<void>;
}

/** What an embedded driver adds: life cycle and figures. */
export interface ClosableStore extends Store {
  /** Waits for commits in flight, then releases everything. */
  close(): Promise<void>;
}

/** `unreadable`: one value that no key decrypts; all else works. */
export type StoreErrorCode = 'conflict' | 'compacted' | 'future' | 'unavailable' | 'corrupt' | 'closed' | 'too-large' | 'unreadable';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** For `conflict`: which change, and what is there now. For `compacted`: the compaction revision. */
  readonly detail: { index?: number; current?: Entry | undefined; compacted?: Revision };
  constructor(code: StoreErrorCode, message: string, detail: { index?: number; current?: Entry | undefined; compacted?: Revision } = {}) {
    super(message);
    this.name = 'StoreError';
    this.code = code;
    this.detail = detail;
  }
}
