import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../clock.ts';
import type { Order, Reply } from './protocol.ts';

/** Bytes on their way to the disk per file: what the disk is behind by. The smaller, the more stay in the processor's cache. */
const IN_FLIGHT = 4 << 20;
/** How long a thread without work stays, ms. */
const LINGER = 30_000;

/**
 * A thread that digests and writes what large bodies bring: the second core does it, requests are answered meanwhile,
 * and the bytes are no garbage of the main thread's heap (a collection for every hundred megabytes would go through
 * all of it). It starts with the first large body and ends when there was none for a while.
 */
export class Intake {
  readonly #clock: Clock;
  readonly #program: URL;
  #thread: Thread | undefined;
  #timer: Timer | undefined;

  /** `program`: for tests. */
  constructor(clock: Clock, program: URL = new URL('./thread.ts', import.meta.url)) {
    this.#clock = clock;
    this.#program = program;
  }
  begin(algorithms: readonly string[]): Job {
    this.#timer?.cancel();
    const thread = (this.#thread ??= new Thread(this.#program, {
      idle: () => (this.#timer = this.#clock.after(LINGER, () => void this.close())),
      ended: () => (this.#thread = this.#thread === thread ? undefined : this.#thread),
    }));
    return thread.begin(algorithms);
  }
  /** Ends the thread; jobs under way fail. The next job starts another one. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.worker.terminate();
  }
}

class Thread {
  readonly worker: Worker;
  readonly #jobs = new Map<number, Job>();
  readonly #idle: () => void;
  #last = 0;

  constructor(program: URL, on: { idle(): void; ended(): void }) {
    this.#idle = () => on.idle();
    this.worker = new Worker(program, { name: 'intake', resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    this.worker.on('message', ({ job, error, values }: Reply) => {
      const failure = error && Object.assign(new Error(error.message), { code: error.code });
      this.#jobs.get(job)?.replied(failure, values);
    });
    let failure = new Error('the thread that writes uploads has ended');
    this.worker.once('error', (error: Error) => (failure = error));
    this.worker.once('exit', () => {
      on.ended();
      for (const job of this.#jobs.values()) job.fail(failure);
      this.#jobs.clear();
    });
    this.worker.unref();
  }
  begin(algorithms: readonly string[]): Job {
    const id = ++this.#last;
    const post: Job['post'] = (order, transfer = []) => this.worker.postMessage({ ...order, job: id }, transfer);
    const job = new Job(post, () => {
      if (this.#jobs.delete(id) && this.#jobs.size === 0) this.#idle();
    });
    this.#jobs.set(id, job);
    post({ do: 'begin', algorithms });
    return job;
  }
}

type WithoutJob<T> = T extends unknown ? Omit<T, 'job'> : never;
interface Waiting {
  readonly bytes: number;
  resolve(values: ReadonlyMap<string, Uint8Array>): void;
  reject(error: Error): void;
}
const nothing: ReadonlyMap<string, Uint8Array> = new Map();

/** One file. After a failure every call rejects with it. */
export class Job {
  readonly post: (order: WithoutJob<Order>, transfer?: ArrayBuffer[]) => void;
  readonly #ended: () => void;
  readonly #waiting: Waiting[] = [];
  /** Why it can't go on. */
  failure: Error | undefined;
  #inFlight = 0;
  #room: (() => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(post: Job['post'], ended: () => void) {
    this.post = post;
    this.#ended = ended;
  }
  #ask(order: WithoutJob<Order>, bytes = 0, transfer: ArrayBuffer[] = []): Promise<ReadonlyMap<string, Uint8Array>> {
    if (this.failure) return Promise.reject(this.failure);
    this.#inFlight += bytes;
    const answer = new Promise<ReadonlyMap<string, Uint8Array>>((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      this.post(order, transfer);
    });
    this.#last = answer.catch(() => {});
    return answer;
  }
  /** What came back for the oldest order that waits. */
  replied(error: Error | undefined, values = nothing): void {
    const first = this.#waiting.shift();
    if (!first) return;
    this.#inFlight -= first.bytes;
    if (error) {
      this.failure ??= error;
      first.reject(error);
    } else first.resolve(values);
    if (this.#inFlight < IN_FLIGHT) this.#room?.();
  }
  fail(error: Error): void {
    this.failure ??= error;
    while (this.#waiting.length > 0) this.replied(error);
  }

  /** Takes the first bytes of a file into the digests. */
  async read(fd: number, size: number): Promise<void> {
    await this.#ask({ do: 'read', fd, size });
  }
  /** Digests and writes. The chunks are the thread's from now on. Resolves when they are written; more may be sent before, as `room` says. */
  async write(fd: number, at: number, chunks: readonly Uint8Array[]): Promise<void> {
    const own = chunks.map(detachable);
    const bytes = own.reduce((sum, chunk) => sum + chunk.length, 0);
    const memory = own.map((chunk) => chunk.buffer);
    await this.#ask({ do: 'write', fd, at, chunks: own }, bytes, memory);
  }
  /** Undefined: there is room for more. Otherwise resolves when there is. */
  room(): Promise<void> | undefined {
    if (this.#inFlight < IN_FLIGHT) return undefined;
    return new Promise((resolve) => {
      this.#room = () => {
        this.#room = undefined;
        resolve();
      };
    });
  }
  /** Resolves when nothing is under way, whatever became of it. */
  async settled(): Promise<void> {
    await this.#last;
  }
  /** The digests of what was taken in so far. */
  values(): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#ask({ do: 'values' });
  }
  end(): void {
    if (!this.failure) this.post({ do: 'end' });
    this.#ended();
  }
}

/** A chunk that owns all of its memory: a part of somebody's buffer is copied. */
const detachable = (chunk: Uint8Array): Uint8Array<ArrayBuffer> =>
  chunk.buffer instanceof ArrayBuffer && chunk.buffer.byteLength === chunk.byteLength ? (chunk as Uint8Array<ArrayBuffer>) : new Uint8Array(chunk);
