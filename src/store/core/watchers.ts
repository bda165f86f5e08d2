import { StoreError, type Revision, type Watch, type WatchHandler } from '../store.ts';
import { revisionOf, type Group } from './history.ts';

/** History groups handed to one watcher per turn of the loop, so that a long replay does not stall the rest. */
const REPLAY_SLICE = 1_000;

interface Watcher {
  readonly prefix: string;
  readonly handler: WatchHandler;
  /** Highest revision that was delivered or is in the backlog: nothing at or below it is added again. */
  cursor: Revision;
  /** What must be delivered before the watcher is live; undefined once it is live. */
  backlog: Group[] | undefined;
  closed: boolean;
}

/** Hands every watcher every event once, in revision order. */
export class Watchers {
  readonly #byPrefix = new Map<string, Set<Watcher>>();
  readonly #onThrow: (error: unknown, prefix: string) => void;
  #head: Revision;

  constructor(head: Revision, onThrow: (error: unknown, prefix: string) => void) {
    this.#head = head;
    this.#onThrow = onThrow;
  }

  get size(): number {
    let size = 0;
    for (const set of this.#byPrefix.values()) size += set.size;
    return size;
  }

  /** `past`: the groups after `from` that exist now. Taking them here makes the watch immune to a compaction during its replay. */
  add(prefix: string, from: Revision, past: Group[], handler: WatchHandler): Watch {
    const watcher: Watcher = { prefix, handler, cursor: Math.max(from, this.#head), backlog: past, closed: false };
    let set = this.#byPrefix.get(prefix);
    if (!set) this.#byPrefix.set(prefix, (set = new Set()));
    set.add(watcher);
    // Never inside the call: the caller does not hold the Watch yet.
    queueMicrotask(() => this.#replay(watcher));
    return { close: () => this.#remove(watcher) };
  }

  /** Delivers groups that just became visible, up to and including `head`. */
  publish(groups: readonly Group[], head: Revision): void {
    this.#head = head;
    for (const group of groups) {
      for (const [prefix, set] of this.#byPrefix) {
        const matching = match(group, prefix);
        if (matching) for (const watcher of set) this.#offer(watcher, matching);
      }
    }
    for (const set of this.#byPrefix.values()) for (const watcher of set) if (!watcher.backlog) this.#progress(watcher);
  }

  /** Ends every watch. */
  end(error: StoreError): void {
    for (const set of this.#byPrefix.values()) for (const watcher of set) this.#finish(watcher, error);
  }

  #offer(watcher: Watcher, group: Group): void {
    const revision = revisionOf(group);
    if (watcher.closed || revision <= watcher.cursor) return;
    watcher.cursor = revision;
    if (watcher.backlog) watcher.backlog.push(group);
    else this.#deliver(watcher, group);
  }

  #replay(watcher: Watcher): void {
    const backlog = watcher.backlog as Group[];
    for (const group of backlog.splice(0, REPLAY_SLICE)) {
      if (watcher.closed) return;
      const matching = match(group, watcher.prefix);
      if (matching) this.#deliver(watcher, matching);
    }
    if (watcher.closed) return;
    if (backlog.length > 0) return void setImmediate(() => this.#replay(watcher));
    watcher.backlog = undefined;
    this.#progress(watcher);
  }

  #deliver(watcher: Watcher, group: Group): void {
    try {
      watcher.handler.events(group);
    } catch (error) {
      this.#thrown(watcher, error);
    }
  }

  #progress(watcher: Watcher): void {
    // A watch from a future revision has nothing to hear of before that revision.
    if (watcher.closed || !watcher.handler.progress || this.#head < watcher.cursor) return;
    try {
      watcher.handler.progress(this.#head);
    } catch (error) {
      this.#thrown(watcher, error);
    }
  }

  /** A handler that threw may have lost events: its watch ends, the others go on. */
  #thrown(watcher: Watcher, error: unknown): void {
    this.#onThrow(error, watcher.prefix);
    this.#finish(watcher, new StoreError('unavailable', `the watch on ${watcher.prefix} was ended because its handler threw; list and watch again`));
  }

  #finish(watcher: Watcher, error: StoreError): void {
    if (watcher.closed) return;
    this.#remove(watcher);
    try {
      watcher.handler.end(error);
    } catch (thrown) {
      this.#onThrow(thrown, watcher.prefix);
    }
  }

  #remove(watcher: Watcher): void {
    watcher.closed = true;
    watcher.backlog?.splice(0);
    const set = this.#byPrefix.get(watcher.prefix);
    set?.delete(watcher);
    if (set?.size === 0) this.#byPrefix.delete(watcher.prefix);
  }
}

/** The events of a group under `prefix`; the group itself when all match, undefined when none does. */
function match(group: Group, prefix: string): Group | undefined {
  if (group.length === 1) return (group[0] as Group[number]).key.startsWith(prefix) ? group : undefined;
  const matching = group.filter((event) => event.key.startsWith(prefix));
  return matching.length === 0 ? undefined : matching.length === group.length ? group : matching;
}
