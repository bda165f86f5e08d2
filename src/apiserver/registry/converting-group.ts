import type { CacheEntry } from '../cache/entry.ts';
import { CacheEvent } from '../cache/event.ts';
import type { Filter } from '../cache/filter.ts';
import type { WatchGroup } from '../cache/watch-group.ts';
import type { Versions } from './versions.ts';

type Task = () => void | Promise<void>;

/** Followers of one version of a resource: events are converted on their way to them, in order. */
export class ConvertingGroup<G extends WatchGroup> implements WatchGroup {
  readonly inner: G;
  readonly filter: Filter;
  readonly #versions: Versions;
  readonly #tasks: Task[] = [];
  #busy = false;
  #joining = 0;
  constructor(inner: G, versions: Versions) {
    this.inner = inner;
    this.#versions = versions;
    // A bucket of one field's value looks at what is stored, which may say it otherwise.
    this.filter = { ...inner.filter, trigger: undefined };
  }
  get keepsObjects(): boolean {
    return this.inner.keepsObjects;
  }
  offer(event: CacheEvent): void {
    this.enter(() => {
      const converted = convertEvents(this.#versions, [event]);
      if (!(converted instanceof Promise)) return this.inner.offer(converted[0] as CacheEvent);
      return converted.then(([only]) => this.inner.offer(only as CacheEvent));
    });
  }
  bookmark(revision: number): void {
    this.enter(() => this.inner.bookmark(revision));
  }
  end(error: Error): void {
    this.inner.end(error);
  }
  close(): void {
    this.inner.close();
  }
  /** Whether someone is yet to join. */
  get awaited(): boolean {
    return this.#joining > 0;
  }
  /** Converts what a new follower sees first, and lets it `begin` behind everything that was offered so far. */
  join(initial: readonly CacheEvent[], begin: (initial: readonly CacheEvent[]) => void, fail: (error: Error) => void, settled: () => void): void {
    this.#joining++;
    this.enter(async () => {
      try {
        begin(await convertEvents(this.#versions, initial));
      } catch (error) {
        fail(error as Error);
      }
      this.#joining--;
      settled();
    });
  }
  /** Does something behind everything that was offered so far. When it fails, so do all followers. */
  enter(task: Task): void {
    this.#tasks.push(task);
    if (!this.#busy) this.#work();
  }
  #work(): void {
    this.#busy = true;
    for (let task = this.#tasks.shift(); task; task = this.#tasks.shift()) {
      const pending = this.#attempt(task);
      if (!pending) continue;
      void pending.catch((error: unknown) => this.inner.end(error as Error)).then(() => this.#work());
      return;
    }
    this.#busy = false;
  }
  #attempt(task: Task): void | Promise<void> {
    try {
      return task();
    } catch (error) {
      this.inner.end(error as Error);
    }
  }
}

/** Events with their objects as the version shows them. */
export function convertEvents(versions: Versions, events: readonly CacheEvent[]): readonly CacheEvent[] | Promise<readonly CacheEvent[]> {
  const entries = events.flatMap((event) => [event.entry, event.previous].filter((entry) => entry !== undefined));
  const shown = versions.showAll(entries);
  const rebuild = (all: readonly CacheEntry[]): CacheEvent[] => {
    let at = 0;
    return events.map(({ revision, entry, previous }) => new CacheEvent(revision, entry && all[at++], previous && all[at++]));
  };
  return shown instanceof Promise ? shown.then(rebuild) : rebuild(shown);
}
