import type { Clock } from '#base';
import { expired, type KubeObject, type WatchEventType, type WatchSink } from '#machinery';
import type { Revision } from '#store';
import type { CacheEntry } from './entry.ts';
import type { CacheEvent } from './event.ts';
import type { Filter } from './filter.ts';

/** Followers of one kind with the same filter (and, over HTTP, the same representation): an event is judged and rendered once for all. */
export interface WatchGroup {
  readonly filter: Filter;
  /** Whether the followers keep the objects they are given. */
  readonly keepsObjects: boolean;
  offer(event: CacheEvent): void;
  bookmark(revision: Revision): void;
  end(error: Error): void;
  /** Ends without an error: the followers may come back. */
  close(): void;
}

/** What an event means through a filter: entering the selection is ADDED, leaving it is DELETED with the last matching state. */
export function classify(filter: Filter, event: CacheEvent): { type: WatchEventType; entry: CacheEntry } | undefined {
  const is = event.entry !== undefined && filter.matches(event.entry);
  const was = event.previous !== undefined && filter.matches(event.previous);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', entry: event.entry };
  return was ? { type: 'DELETED', entry: event.last } : undefined;
}

interface SinkMember {
  sink: WatchSink<KubeObject>;
  from: Revision;
  bookmarks: boolean;
}

/** Followers in this process: called at once, with the shared object. */
export class SinkGroup implements WatchGroup {
  readonly filter: Filter;
  readonly keepsObjects = true;
  readonly members = new Set<SinkMember>();
  constructor(filter: Filter) {
    this.filter = filter;
  }
  offer(event: CacheEvent): void {
    const seen = classify(this.filter, event);
    if (!seen) return;
    for (const member of this.members) if (event.revision > member.from) member.sink.event(seen.type, seen.entry.object);
  }
  bookmark(revision: Revision): void {
    for (const member of this.members) if (member.bookmarks) member.sink.event('BOOKMARK', { metadata: { resourceVersion: String(revision) } });
  }
  end(error: Error): void {
    for (const member of this.members) member.sink.end(error);
    this.members.clear();
  }
  close(): void {
    this.end(expired('the kind has changed'));
  }
}

/** How objects look to a follower: JSON bytes of the event's object, or undefined to leave it out. */
export type Render = (entry: CacheEntry) => Buffer;

export interface FrameMember {
  write(frames: Frames): void;
  end(error: Error): void;
  finish(): void;
  readonly bookmarks: boolean;
}
/** Frames on their way to many: their bytes, and the same bytes as one chunk of HTTP/1.1's chunked coding. Made once for all. */
export class Frames {
  readonly bytes: Buffer;
  #chunk: Buffer | undefined;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  get chunk(): Buffer {
    return (this.#chunk ??= Buffer.concat([Buffer.from(`${this.bytes.length.toString(16)}\r\n`, 'latin1'), this.bytes, lineEnd]));
  }
}
const lineEnd = Buffer.from('\r\n');

interface Batch {
  readonly sequence: number;
  readonly frames: Frames;
  readonly bookmark: boolean;
}
const slice = 128;
/** From this many followers on, deliveries are spaced: a pause as long as the delivery was lets writers on, and what they write meanwhile goes out together. */
const crowd = 16;
const longestPauseMs = 25;

/** Followers over HTTP: what arrived in one turn becomes one buffer that all of them share; a large audience is served in slices. */
export class FrameGroup implements WatchGroup {
  readonly filter: Filter;
  readonly keepsObjects = false;
  readonly #clock: Clock;
  readonly #render: Render;
  readonly #bookmarkFrame: (revision: Revision) => Buffer;
  readonly #sent: (bytes: number, members: number) => void;
  readonly #members = new Map<FrameMember, number>();
  #pending: Buffer[] = [];
  #queue: Batch[] = [];
  #sequence = 0;
  #pumping = false;

  constructor(
    clock: Clock,
    filter: Filter,
    render: Render,
    bookmarkFrame: (revision: Revision) => Buffer,
    sent: (bytes: number, members: number) => void = () => {},
  ) {
    this.#sent = sent;
    this.#clock = clock;
    this.filter = filter;
    this.#render = render;
    this.#bookmarkFrame = bookmarkFrame;
  }
  get size(): number {
    return this.#members.size;
  }
  /** From now on; everything offered before is not for this member. */
  join(member: FrameMember): void {
    this.#cut();
    this.#members.set(member, this.#sequence);
  }
  leave(member: FrameMember): void {
    this.#members.delete(member);
  }
  offer(event: CacheEvent): void {
    const seen = classify(this.filter, event);
    if (!seen) return;
    const line = frame(seen.type, this.#render(seen.entry));
    this.#sent(line.length, this.#members.size);
    this.#pending.push(line);
    this.#schedule();
  }
  bookmark(revision: Revision): void {
    this.#cut();
    this.#queue.push({ sequence: ++this.#sequence, frames: new Frames(this.#bookmarkFrame(revision)), bookmark: true });
    this.#schedule();
  }
  end(error: Error): void {
    for (const member of this.#members.keys()) member.end(error);
    this.#members.clear();
  }
  close(): void {
    for (const member of this.#members.keys()) member.finish();
    this.#members.clear();
  }
  #cut(): void {
    if (this.#pending.length === 0) return;
    const frames = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#queue.push({ sequence: ++this.#sequence, frames: new Frames(frames), bookmark: false });
  }
  #schedule(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => this.#pump());
  }
  #pump(): void {
    this.#cut();
    const batch = this.#queue.shift();
    if (!batch) {
      this.#pumping = false;
      return;
    }
    this.#deliver(batch, [...this.#members], 0, 0);
  }
  #deliver(batch: Batch, members: [FrameMember, number][], from: number, spentMs: number): void {
    const began = performance.now();
    const to = Math.min(members.length, from + slice);
    for (let i = from; i < to; i++) {
      const [member, joined] = members[i] as [FrameMember, number];
      if (batch.sequence > joined && (!batch.bookmark || member.bookmarks) && this.#members.has(member)) member.write(batch.frames);
    }
    const spent = spentMs + performance.now() - began;
    if (to < members.length) setImmediate(() => this.#deliver(batch, members, to, spent));
    else if (members.length >= crowd) this.#clock.after(Math.min(Math.ceil(spent), longestPauseMs), () => this.#pump(), true);
    else setImmediate(() => this.#pump());
  }
}

const frameHeads: Record<WatchEventType, Buffer> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
};
const frameTail = Buffer.from('}\n');

/** One line of a watch stream. */
export function frame(type: WatchEventType, object: Buffer): Buffer {
  return Buffer.concat([frameHeads[type], object, frameTail]);
}
