import {
  StoreError,
  type Change,
  type ClosableStore,
  type Entry,
  type Listing,
  type ListOptions,
  type Revision,
  type Watch,
  type WatchHandler,
} from '../store.ts';
import type { Disk, DiskJob } from './disk.ts';
import type { Group } from './history.ts';
import { Maintenance } from './maintenance.ts';
import type { Mvcc } from './mvcc.ts';

/** Largest commit: keys and values together. Kubernetes allows request bodies of 3 MiB. */
export const MAX_COMMIT_BYTES = 8 * 1024 * 1024;
/** Most bytes that are made durable together: bounds the latency of one batch and the buffer it is packed into. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

export interface StoreFigures {
  /** Newest visible revision. */
  readonly revision: Revision;
  readonly compacted: Revision;
  readonly keys: number;
  /** Bytes of the newest values. */
  readonly bytes: number;
  /** Events that a watch could still replay, and the bytes of their values. */
  readonly historyEvents: number;
  readonly historyBytes: number;
  readonly watchers: number;
  /** Commits that are not durable yet. */
  readonly pending: number;
}

/** A store whose state is in this process: it can say how large it is. */
export interface EmbeddedStore extends ClosableStore {
  figures(): StoreFigures;
  /** The revision to compact at so that at most about `events` events and `bytes` bytes of history stay; undefined when they already do. */
  excessHistory(events: number, bytes: number): Revision | undefined;
}

/** A commit in the queue. Without a group it is a conflict that rests on a commit ahead of it in the queue. */
interface Queued {
  readonly group: Group | undefined;
  readonly bytes: number;
  readonly conflict?: StoreError;
  readonly resolve: (revision: Revision) => void;
  readonly reject: (error: StoreError) => void;
}

/**
 * The store over an Mvcc and a Disk. One disk job runs at a time; everything that is committed while it
 * runs goes to the disk together, next (group commit). Visible means durable.
 */
export class Embedded implements EmbeddedStore {
  readonly #mvcc: Mvcc;
  readonly #disk: Disk;
  readonly #maintenance: Maintenance;
  #queue: Queued[] = [];
  #inFlight = 0;
  #busy = false;
  #scheduled = false;
  /** Writes and maintenance alternate while both have work, so that neither starves. */
  #maintenanceIsNext = false;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(mvcc: Mvcc, disk: Disk) {
    this.#mvcc = mvcc;
    this.#disk = disk;
    this.#maintenance = new Maintenance(mvcc);
    if (this.#maintenance.pending) this.#schedule();
  }

  get(key: string): Promise<{ entry: Entry | undefined; revision: Revision }> {
    if (this.#closing) return Promise.reject(closedError());
    return Promise.resolve({ entry: this.#mvcc.get(key), revision: this.#mvcc.revision });
  }

  async list(prefix: string, options: ListOptions = {}): Promise<Listing> {
    if (this.#closing) throw closedError();
    return this.#mvcc.list(prefix, options);
  }

  commit(changes: readonly Change[]): Promise<Revision> {
    if (this.#closing) return Promise.reject(closedError());
    const bytes = sizeOf(changes);
    const refused = refuse(changes, bytes);
    if (refused) return Promise.reject(refused);
    let group: Group | undefined;
    let conflict: StoreError | undefined;
    try {
      group = this.#mvcc.prepare(changes);
    } catch (error) {
      if (!(error instanceof StoreError) || !this.#mvcc.inFlight(changes)) return Promise.reject(error);
      conflict = error;
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ group, bytes, resolve, reject, ...(conflict && { conflict }) });
      this.#schedule();
    });
  }

  watch(prefix: string, from: Revision, handler: WatchHandler): Watch {
    if (!this.#closing) return this.#mvcc.watch(prefix, from, handler);
    queueMicrotask(() => handler.end(closedError()));
    return { close() {} };
  }

  async compact(revision: Revision): Promise<void> {
    if (this.#closing) throw closedError();
    this.#mvcc.checkCompactable(revision);
    const done = this.#maintenance.compact(revision);
    this.#schedule();
    await done;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  figures(): StoreFigures {
    const { revision, compacted, keys, bytes, watchers, history } = this.#mvcc;
    const pending = this.#queue.length + this.#inFlight;
    return { revision, compacted, keys, bytes, watchers, pending, historyEvents: history.events, historyBytes: history.bytes };
  }

  excessHistory(events: number, bytes: number): Revision | undefined {
    return this.#mvcc.history.excess(events, bytes);
  }

  async #close(): Promise<void> {
    this.#maintenance.abandon(closedError());
    if (this.#busy || this.#queue.length > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    this.#mvcc.endWatches(closedError());
    await this.#disk.close();
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    this.#disk.defer(() => {
      this.#scheduled = false;
      if (!this.#busy) this.#next();
    });
  }

  /** Starts the next disk job, if there is work. */
  #next(): void {
    if (this.#maintenance.pending && (this.#maintenanceIsNext || this.#queue.length === 0)) return this.#maintain();
    if (this.#queue.length > 0) return this.#write();
    this.#drained?.();
  }

  #maintain(): void {
    this.#maintenanceIsNext = false;
    const step = this.#maintenance.next();
    this.#run(step.job, (error, more) => {
      step.done(error, more);
      this.#next();
    });
  }

  #write(): void {
    this.#maintenanceIsNext = true;
    const batch = this.#take();
    const groups = batch.map((queued) => queued.group).filter((group) => group !== undefined);
    if (groups.length === 0) {
      settle(batch);
      return this.#next();
    }
    this.#inFlight = batch.length;
    this.#run({ kind: 'write', groups }, (error) => {
      this.#inFlight = 0;
      if (error) this.#fail(batch, error);
      else {
        this.#mvcc.publish(groups);
        settle(batch);
      }
      this.#schedule();
    });
  }

  #run(job: DiskJob, done: (error: StoreError | undefined, more: boolean) => void): void {
    this.#busy = true;
    this.#disk.run(job, (error, more) => {
      this.#busy = false;
      done(error, more);
    });
  }

  /** What goes to the disk together: everything queued, up to the batch limit. */
  #take(): Queued[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && (count === 0 || bytes < MAX_BATCH_BYTES)) bytes += (this.#queue[count++] as Queued).bytes;
    if (count < this.#queue.length) return this.#queue.splice(0, count);
    const all = this.#queue;
    this.#queue = [];
    return all;
  }

  /** The disk refused: what is queued behind may rest on the refused batch, so all of it fails. */
  #fail(batch: readonly Queued[], error: StoreError): void {
    const failed = [...batch, ...this.#queue.splice(0)];
    this.#mvcc.discard();
    for (const queued of failed) queued.reject(error);
  }
}

function settle(batch: readonly Queued[]): void {
  for (const { group, conflict, resolve, reject } of batch) {
    if (group) resolve((group[0] as Group[number]).revision);
    else reject(conflict as StoreError);
  }
}

function refuse(changes: readonly Change[], bytes: number): Error | undefined {
  if (changes.length === 0) return new TypeError('a commit needs at least one change');
  if (changes.length > 1 && new Set(changes.map((change) => change.key)).size < changes.length) return new TypeError('a commit may name each key only once');
  if (bytes <= MAX_COMMIT_BYTES) return undefined;
  return new StoreError(
    'too-large',
    `the commit is ${bytes} bytes, more than the ${MAX_COMMIT_BYTES} that the store takes at once; split the object or make it smaller`,
  );
}

function sizeOf(changes: readonly Change[]): number {
  let bytes = 0;
  for (const { key, value } of changes) bytes += key.length + (value?.byteLength ?? 0);
  return bytes;
}

const closedError = (): StoreError => new StoreError('closed', 'the store is closed');
