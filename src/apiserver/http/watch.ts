import type { Clock, Random, Timer } from '#base';
import { columnDefinitions, isApiError, type Kind, type WatchOptions } from '#machinery';
import type { CacheEntry } from '../cache/entry.ts';
import type { CacheEvent } from '../cache/event.ts';
import type { Filter } from '../cache/filter.ts';
import { classify, frame, FrameGroup, Frames, type FrameMember } from '../cache/watch-group.ts';
import { ConvertingGroup } from '../registry/converting-group.ts';
import type { Registry } from '../registry/registry.ts';
import { startWatch, type WatchStart } from '../registry/watches.ts';
import { renderObject } from './list.ts';
import type { WatchMetrics } from '../metrics/watch.ts';
import type { IncludeObject, View } from './negotiate.ts';
import { isGone, statusOf, writeHead } from './respond.ts';
import type { Response } from './types.ts';

/** A client that leaves this much unread is cut off; it lists again when it is able to. */
const unreadLimit = 16 * 1024 * 1024;
/** Initial states go out in pieces of about this size. */
const piece = 256 * 1024;

export interface HttpWatch {
  readonly kind: Kind;
  readonly options: WatchOptions;
  readonly view: View;
  readonly includeObject: IncludeObject;
  readonly timeoutSeconds: number | undefined;
}
export interface WatchDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly watched: WatchMetrics;
}

/** Answers with a stream of frames, one per line. Resolves when the stream is over. Throws ApiError before anything was sent. */
export function serveWatch(deps: WatchDeps, request: HttpWatch, response: Response): Promise<void> {
  const { registry, clock } = deps;
  const { versions } = registry.resource(request.kind);
  let start: WatchStart;
  try {
    start = startWatch(registry.cache, request.kind, request.options, versions.converts);
  } catch (error) {
    if (!isApiError(error, 'Expired')) throw error;
    open(response);
    response.end(errorFrame(error));
    return Promise.resolve();
  }
  open(response);
  const cache = registry.cache.of(request.kind);
  const render = (entry: CacheEntry): Buffer => renderObject(request.kind, entry, request.view, clock.now(), request.includeObject, true);
  const bookmark = (revision: number, annotations?: Record<string, string>): Buffer => bookmarkFrame(request, revision, annotations);
  return new Promise((resolve) => {
    let over = false;
    const definitions = request.view === 'table' ? Buffer.from(JSON.stringify(columnDefinitions(request.kind))) : undefined;
    const follower = new Follower(response, request.options.allowWatchBookmarks === true, () => done(), definitions);
    const key = `http\0${request.view}\0${request.includeObject}\0${start.filter.key}`;
    const sent = deps.watched.of(request.kind);
    const make = (): FrameGroup => new FrameGroup(clock, start.filter, render, (revision) => bookmark(revision), sent);
    const begin = (group: FrameGroup, initial: readonly CacheEvent[]): void => {
      sendInitial(start.filter, initial, follower, render, sent);
      if (start.endMark) follower.write(new Frames(bookmark(start.from, { 'k8s.io/initial-events-end': 'true' })));
      if (!over) group.join(follower);
    };
    const converting = versions.converts ? cache.group(key, () => new ConvertingGroup(make(), versions)) : undefined;
    const group = converting?.inner ?? cache.group(key, make);
    const dropEmpty = (): void => {
      if (group.size === 0 && !converting?.awaited) cache.dropGroup(key);
    };
    if (converting)
      converting.join(
        start.initial,
        (initial) => begin(group, initial),
        (error) => follower.end(error),
        dropEmpty,
      );
    else begin(group, start.initial);
    const timer: Timer = clock.after(1000 * (request.timeoutSeconds || 1800 + Math.floor(deps.random.next() * 1800)), () => follower.finish());
    function done(): void {
      if (over) return;
      over = true;
      timer.cancel();
      group.leave(follower);
      dropEmpty();
      resolve();
    }
  });
}

function open(response: Response): void {
  writeHead(response, 200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  if ('flushHeaders' in response) response.flushHeaders();
  else response.stream.uncork();
}
type Count = (bytes: number, members: number) => void;
function sendInitial(filter: Filter, initial: readonly CacheEvent[], follower: Follower, render: (entry: CacheEntry) => Buffer, sent: Count): void {
  let frames: Buffer[] = [];
  let size = 0;
  const flush = (): void => {
    if (size > 0) follower.write(new Frames(Buffer.concat(frames)), true);
    frames = [];
    size = 0;
  };
  for (const event of initial) {
    const seen = classify(filter, event);
    if (!seen) continue;
    const line = frame(seen.type, render(seen.entry));
    frames.push(line);
    sent(line.length, 1);
    size += line.length;
    if (size >= piece) flush();
  }
  flush();
}
function bookmarkFrame({ kind, view }: HttpWatch, revision: number, annotations?: Record<string, string>): Buffer {
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...(annotations ? { annotations } : {}) };
  const type = view === 'metadata' ? { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' } : { kind: kind.kind, apiVersion: kind.apiVersion };
  const object =
    view === 'table'
      ? { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: null, rows: [{ cells: [], object: { ...type, metadata } }] }
      : { ...type, metadata };
  return frame('BOOKMARK', Buffer.from(JSON.stringify(object)));
}
function errorFrame(error: unknown): Buffer {
  return Buffer.from(`{"type":"ERROR","object":${JSON.stringify(statusOf(error).status)}}\n`);
}

function unread(response: Response): number {
  return 'stream' in response ? response.stream.writableLength : response.writableLength;
}

const noDefinitions = Buffer.from('"columnDefinitions":null');
/** A copy whose first Table has its definitions; nothing that a user writes comes before them. */
function withDefinitions({ bytes }: Frames, definitions: Buffer): Frames {
  const end = bytes.indexOf(noDefinitions) + noDefinitions.length;
  const start = end - 'null'.length;
  return new Frames(Buffer.concat([bytes.subarray(0, start), definitions, bytes.subarray(end)]));
}

/** One watching client. */
class Follower implements FrameMember {
  readonly bookmarks: boolean;
  readonly #response: Response;
  /** Bytes of initial state that do not count as unread. */
  #allowance = unreadLimit;

  /** Of a Table's columns, until they were told: in the first event only, which otherwise all followers share. */
  #definitions: Buffer | undefined;

  constructor(response: Response, bookmarks: boolean, closed: () => void, definitions: Buffer | undefined) {
    this.#definitions = definitions;
    this.#response = response;
    this.bookmarks = bookmarks;
    response.on('close', closed);
    response.on('error', closed);
  }
  write(shared: Frames, initial = false): void {
    if (isGone(this.#response) || this.#response.writableEnded) return;
    const frames = this.#definitions ? withDefinitions(shared, this.#definitions) : shared;
    this.#definitions = undefined;
    if (initial) this.#allowance += frames.bytes.length;
    if (!this.#send(frames) && unread(this.#response) > this.#allowance) this.#response.destroy();
  }
  /** Chunked by us, an HTTP/1.1 answer is one write of bytes that all followers share; Node would frame and copy them for each. */
  #send(frames: Frames): boolean {
    const response = this.#response;
    if ('stream' in response) return response.write(frames.bytes);
    return response.chunkedEncoding && response.socket ? response.socket.write(frames.chunk) : response.write(frames.bytes);
  }
  end(error: Error): void {
    if (!this.#response.writableEnded) this.#response.end(errorFrame(error));
  }
  finish(): void {
    if (!this.#response.writableEnded) this.#response.end();
  }
}
