import type { Worker } from 'node:worker_threads';
import type { Disk, DiskJob } from '../core/disk.ts';
import type { Group } from '../core/history.ts';
import type { LoadedRow } from '../core/mvcc.ts';
import { StoreError, type Revision } from '../store.ts';
import type { StoreThread } from './thread.ts';
import { HEAD, type Failure, type PackedRows, type Reply, type Request, type WorkerInput } from './protocol.ts';

type Done = (error: StoreError | undefined, more: boolean) => void;

/** This side of the writer thread. */
export class Writer implements Disk {
  readonly #worker: Worker;
  readonly #file: string;
  #head: Float64Array = new Float64Array(0);
  #values: Uint8Array = new Uint8Array(0);
  #done: Done | undefined;
  #dead: StoreError | undefined;
  readonly #ended: Promise<void>;

  private constructor(worker: Worker, file: string, ended: Promise<void>) {
    this.#worker = worker;
    this.#file = file;
    this.#ended = ended;
  }

  /** Has the thread read the file. Rejects with `corrupt` or `unavailable`. */
  static async open(thread: StoreThread, input: WorkerInput): Promise<{ writer: Writer; rows: LoadedRow[]; compacted: Revision }> {
    const { worker, ended } = thread;
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
    worker.postMessage({ kind: 'open', input } satisfies Request);
    const rows: LoadedRow[] = [];
    const compacted = await new Promise<Revision>((resolve, reject) => {
      const onReply = (reply: Reply): void => {
        if (reply.kind === 'rows') unpack(reply.rows, rows);
        else if (reply.kind === 'ready') resolve(reply.compacted);
        else if (reply.kind === 'refused') reject(refusal(input.file, reply.failure));
      };
      worker.on('message', onReply);
      void ended.then(() => reject(unopened(input.file, thread.failure)));
    }).catch(async (error: unknown) => {
      await ended;
      throw error;
    });
    const writer = new Writer(worker, input.file, ended);
    writer.#listen();
    return { writer, rows, compacted };
  }

  run(job: DiskJob, done: Done): void {
    if (this.#dead) {
      const error = this.#dead;
      return void setImmediate(() => done(error, false));
    }
    this.#done = done;
    this.#worker.ref();
    if (job.kind === 'write') this.#write(job.groups);
    else this.#post(job);
  }

  defer(fn: () => void): void {
    setImmediate(fn);
  }

  async close(): Promise<void> {
    if (this.#dead) return;
    this.#worker.ref();
    this.#post({ kind: 'close' });
    await this.#ended;
  }

  #listen(): void {
    this.#worker.on('message', (reply: Reply) => {
      if (reply.kind === 'done') this.#finish(reply.failure && writeError(this.#file, reply.failure), reply.more);
    });
    let reason = 'it ended';
    this.#worker.on('error', (error: Error) => void (reason = error.message));
    this.#worker.on('exit', () => {
      this.#dead = new StoreError('unavailable', `the store's writer thread died (${reason}); restart the process: everything acknowledged is on disk`);
      this.#finish(this.#dead, false);
    });
    // An idle store does not keep the process alive; one with a job does (see run).
    this.#worker.unref();
  }

  #finish(error: StoreError | undefined, more: boolean): void {
    const done = this.#done;
    this.#done = undefined;
    if (done) this.#worker.unref();
    done?.(error, more);
  }

  #post(request: Request): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
    this.#worker.postMessage(request);
  }

  /** Packs the rows into buffers that both threads see: safe because one job runs at a time. */
  #write(groups: readonly Group[]): void {
    let count = 0;
    let bytes = 0;
    let keys = '';
    for (const group of groups) {
      for (const { key, entry } of group) {
        count++;
        keys += key;
        bytes += entry?.value.byteLength ?? 0;
      }
    }
    this.#reserve(count * HEAD, bytes);
    this.#fill(groups);
    this.#post({ kind: 'write', count, keys });
  }

  #fill(groups: readonly Group[]): void {
    const head = this.#head;
    let at = 0;
    let offset = 0;
    for (const group of groups) {
      for (const { id, key, revision, entry } of group) {
        head[at] = id;
        head[at + 1] = revision;
        head[at + 2] = entry?.created ?? 0;
        head[at + 3] = key.length;
        head[at + 4] = entry?.value.byteLength ?? 0;
        at += HEAD;
        if (!entry) continue;
        this.#values.set(entry.value, offset);
        offset += entry.value.byteLength;
      }
    }
  }

  #reserve(numbers: number, bytes: number): void {
    if (this.#head.length >= numbers && this.#values.length >= bytes) return;
    const head = new SharedArrayBuffer(8 * Math.max(this.#head.length, 2 ** Math.ceil(Math.log2(numbers + 64))));
    const values = new SharedArrayBuffer(Math.max(this.#values.length, 2 ** Math.ceil(Math.log2(bytes + 65_536))));
    this.#head = new Float64Array(head);
    this.#values = new Uint8Array(values);
    this.#post({ kind: 'buffers', head, values });
  }
}

function unpack({ count, head, keys, values }: PackedRows, into: LoadedRow[]): void {
  let key = 0;
  let value = 0;
  for (let i = 0; i < count; i++) {
    const at = i * HEAD;
    const keyEnd = key + (head[at + 3] as number);
    const valueEnd = value + (head[at + 4] as number);
    const created = head[at + 2] as number;
    // A view: chunks are small, so that one long-lived value does not keep much else in memory.
    const bytes = created === 0 ? undefined : values.subarray(value, valueEnd);
    into.push({ id: head[at] as number, revision: head[at + 1] as number, created, key: keys.slice(key, keyEnd), value: bytes });
    key = keyEnd;
    value = valueEnd;
  }
}

function unopened(file: string, failure: Error | undefined): StoreError {
  const why = failure ? `did not start: ${failure.message}` : `ended while reading ${file}; start again`;
  return new StoreError('unavailable', `the store's writer thread ${why}`);
}

/** Why the file could not be opened. */
function refusal(file: string, { reason, message }: Failure): StoreError {
  if (reason === 'corrupt') {
    return new StoreError(
      'corrupt',
      `${file} is damaged or not a store (${message}); it was left as it is: move it away to start empty, or put a backup in its place`,
    );
  }
  if (reason === 'empty') return new StoreError('corrupt', `${file} is empty, it was cut off; move it away to start empty, or put a backup in its place`);
  if (reason === 'unmade')
    return new StoreError('unavailable', `${file} cannot be made: ${message}; check that its directory exists, is writable and has space`);
  if (reason === 'busy') return new StoreError('unavailable', `${file} is in use by another process; stop it first, or use another data directory`);
  if (reason === 'newer') return new StoreError('unavailable', `${file} cannot be read: ${message}; use the version that wrote it, or a newer one`);
  return new StoreError('unavailable', `${file} cannot be opened: ${message}; check that the disk has space and that the directory is writable`);
}

/** Why a job failed. Nothing of it was written. */
function writeError(file: string, { reason, message }: Failure): StoreError {
  const remedy =
    reason === 'space' ? 'free space on its disk, then try again' : reason === 'corrupt' ? 'stop and restore a backup' : 'check the disk, then try again';
  return new StoreError('unavailable', `${file} cannot be written: ${message}; nothing of the write was kept: ${remedy}`);
}
