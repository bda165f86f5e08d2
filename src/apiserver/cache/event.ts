import type { Revision } from '#store';
import type { CacheEntry } from './entry.ts';

/** One change of one object. */
export class CacheEvent {
  readonly revision: Revision;
  readonly entry: CacheEntry | undefined;
  readonly previous: CacheEntry | undefined;
  #last: CacheEntry | undefined;
  constructor(revision: Revision, entry: CacheEntry | undefined, previous: CacheEntry | undefined) {
    this.revision = revision;
    this.entry = entry;
    this.previous = previous;
  }
  /** What was there before, under the revision of this event. */
  get last(): CacheEntry {
    if (!this.previous) throw new Error('event without a previous state');
    return (this.#last ??= this.previous.at(this.revision));
  }
}
