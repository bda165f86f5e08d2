import { open, type FileHandle } from 'node:fs/promises';
import type { Intake, Job } from './intake.ts';
import { pour, shield, type Take } from './pour.ts';
import { Sums } from './sums.ts';

/** Bytes gathered before they are digested and written: few calls, and still in the processor's cache. A body below that is no work for a thread. */
const BATCH = 512 << 10;
/** Bytes after which the disk is told to begin: the flush at the end then waits for little. */
const AHEAD = 32 << 20;

/** A file that grows at its end by bodies, and the digests of all that is in it. One body at a time. */
export class GrowingFile {
  readonly path: string;
  readonly #intake: Intake;
  readonly #algorithms: readonly string[];
  #size: number;
  /** Who knows the digests: this thread while the file is small, then a job. Neither: they are to be read from the file. */
  #sums: Sums | undefined;
  #job: Job | undefined;

  /** `size`: what the file has now. */
  constructor(options: { path: string; size: number; algorithms: readonly string[]; intake: Intake }) {
    this.path = options.path;
    this.#size = options.size;
    this.#algorithms = options.algorithms;
    this.#intake = options.intake;
    if (options.size === 0) this.#sums = new Sums(options.algorithms);
  }
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a body. False: it ended early, and what came of it is kept. When it rejects (the disk is full, the sender's
   * stream failed), the file has the bytes that it had before.
   */
  async append(body: AsyncIterable<Uint8Array>): Promise<boolean> {
    shield(body);
    const handle = await open(this.path, 'r+');
    try {
      const { whole, size } = await this.#add(body, handle);
      this.#size = size;
      // Who left may never come back: no thread waits for that.
      if (!whole) this.end();
      return whole;
    } catch (error) {
      this.end();
      await handle.truncate(this.#size);
      throw error;
    } finally {
      await handle.close();
    }
  }
  async #add(body: AsyncIterable<Uint8Array>, handle: FileHandle): Promise<{ whole: boolean; size: number }> {
    const ahead = flushAhead(handle);
    let size = this.#size;
    const take: Take = (chunks, bytes) => {
      const at = size;
      size += bytes;
      if (!this.#job && at < BATCH && bytes < BATCH) return this.#write(handle, at, chunks);
      const job = (this.#job ??= this.#begin(handle, at));
      if (job.failure) throw job.failure;
      job.write(handle.fd, at, chunks).then(
        () => ahead.wrote(at + bytes),
        () => {}, // told by the next batch, or at the end
      );
      return job.room();
    };
    try {
      const whole = await pour(body, BATCH, take);
      await this.#job?.settled();
      if (this.#job?.failure) throw this.#job.failure;
      return { whole, size };
    } finally {
      // What is written after the file was cut back would stay behind.
      await this.#job?.settled();
      await ahead.ended();
    }
  }
  async #write(handle: FileHandle, at: number, chunks: readonly Uint8Array[]): Promise<void> {
    const sums = (this.#sums ??= await readBack(handle, at, this.#algorithms));
    for (const chunk of chunks) sums.update(chunk);
    await writeAll(handle, chunks, at);
  }
  #begin(handle: FileHandle, size: number): Job {
    this.#sums = undefined;
    const job = this.#intake.begin(this.#algorithms);
    if (size > 0) job.read(handle.fd, size).catch(() => {}); // what follows fails with it
    return job;
  }

  /** The digests of the whole, by algorithm. */
  async values(): Promise<ReadonlyMap<string, Uint8Array>> {
    if (this.#sums) return this.#sums.values();
    if (this.#job) return this.#job.values();
    const handle = await open(this.path, 'r');
    try {
      if (this.#size < BATCH) return (this.#sums = await readBack(handle, this.#size, this.#algorithms)).values();
      return await (this.#job = this.#begin(handle, this.#size)).values();
    } catch (error) {
      this.end();
      throw error;
    } finally {
      await handle.close();
    }
  }
  /** Forgets the digests: the file stays, and they are read from it when they are asked for. */
  end(): void {
    this.#sums = undefined;
    this.#job?.end();
    this.#job = undefined;
  }
}

/** The digests of a small file. */
async function readBack(handle: FileHandle, size: number, algorithms: readonly string[]): Promise<Sums> {
  const sums = new Sums(algorithms);
  const content = Buffer.allocUnsafe(size);
  for (let at = 0; at < size;) {
    const { bytesRead } = await handle.read(content, at, size - at, at);
    if (bytesRead === 0) throw new Error('the file is shorter than it was');
    at += bytesRead;
  }
  sums.update(content);
  return sums;
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  const wanted = chunks.reduce((sum, b) => sum + b.length, 0);
  const { bytesWritten } = await file.writev(chunks, position);
  if (bytesWritten === wanted) return;
  // A short write: finish it plainly.
  const rest = Buffer.concat(chunks).subarray(bytesWritten);
  for (let done = 0; done < rest.length;) done += (await file.write(rest, done, rest.length - done, position + bytesWritten + done)).bytesWritten;
}

/** Lets the disk write while the network brings more: one flush at a time. What it fails at, the flush at the end tells. */
function flushAhead(file: FileHandle): { wrote(offset: number): void; ended(): Promise<void> } {
  let flushed: number | undefined;
  let flushing: Promise<void> | undefined;
  return {
    wrote(offset) {
      flushed ??= offset;
      if (flushing !== undefined || offset - flushed < AHEAD) return;
      flushed = offset;
      const done = (): void => void (flushing = undefined);
      flushing = file.datasync().then(done, done);
    },
    ended: async () => flushing,
  };
}
