import type { Entry, Revision, StoreEvent } from '../store.ts';

/** A stored row: what the log on disk holds, under `id` (rises with every change). */
export interface Row extends Entry {
  readonly id: number;
}

/** An event with the row that recorded it; `previous` still knows its own row. */
export interface LogEvent extends StoreEvent {
  readonly id: number;
  readonly entry: Row | undefined;
  readonly previous: Row | undefined;
}

/** All events of one revision, in the order of the commit; never empty, never changed. */
export type Group = readonly LogEvent[];

export const revisionOf = (group: Group): Revision => (group[0] as LogEvent).revision;

/** The events after the compaction revision, oldest first. */
export class History {
  #groups: Group[] = [];
  #events = 0;
  #bytes = 0;

  get events(): number {
    return this.#events;
  }
  /** Bytes of the values that the events wrote. */
  get bytes(): number {
    return this.#bytes;
  }

  append(group: Group): void {
    this.#groups.push(group);
    this.#events += group.length;
    this.#bytes += bytesOf(group);
  }

  /** Groups with revision > `revision`, oldest first. */
  after(revision: Revision): Group[] {
    return this.#groups.slice(this.#indexAfter(revision));
  }

  /** Drops groups with revision ≤ `revision` and returns them. */
  drop(revision: Revision): Group[] {
    const end = this.#indexAfter(revision);
    const dropped = this.#groups.slice(0, end);
    for (const group of dropped) {
      this.#events -= group.length;
      this.#bytes -= bytesOf(group);
    }
    // Freed references matter more than the copy: a dropped group must not keep its values alive.
    this.#groups = this.#groups.slice(end);
    return dropped;
  }

  /** The highest revision that may be forgotten so that about `events` events and `bytes` bytes stay; undefined when nothing needs to go. */
  excess(events: number, bytes: number): Revision | undefined {
    if (this.#events <= events && this.#bytes <= bytes) return undefined;
    let leftEvents = this.#events;
    let leftBytes = this.#bytes;
    let last: Revision | undefined;
    for (let i = 0; i < this.#groups.length && (leftEvents > events || leftBytes > bytes); i++) {
      const group = this.#groups[i] as Group;
      leftEvents -= group.length;
      leftBytes -= bytesOf(group);
      last = revisionOf(group);
    }
    return last;
  }

  #indexAfter(revision: Revision): number {
    let low = 0;
    let high = this.#groups.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (revisionOf(this.#groups[middle] as Group) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function bytesOf(group: Group): number {
  let bytes = 0;
  for (const event of group) bytes += event.entry?.value.byteLength ?? 0;
  return bytes;
}
