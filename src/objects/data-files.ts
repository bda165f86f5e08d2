import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { flush, GrowingFile, Intake, type Clock, type Random } from '#base';
import type { ChecksumAlgorithm } from './checksums.ts';

/** Bytes read at a time. */
const BATCH = 1 << 20;

/** A stretch of an object's bytes: the whole of a file. */
export interface Segment {
  readonly file: string;
  readonly size: number;
}

/** Bytes that came in whole and are flushed, under a name that nothing knows yet. */
export interface Incoming {
  readonly path: string;
  readonly size: number;
  /** MD5 in hexadecimal digits. */
  readonly md5: string;
  /** Base64 by algorithm. */
  readonly checksums: ReadonlyMap<ChecksumAlgorithm, string>;
}

/** The bytes of objects and parts as files: DIR/data/ab/abcd…, named by chance, never changed. What stands there is whole and flushed. */
export class DataFiles {
  readonly #data: string;
  readonly #incoming: string;
  readonly #random: Random;
  readonly #intake: Intake;
  /** How many readers a file has; those whose object is gone are removed after the last of them. */
  readonly #readers = new Map<string, number>();
  readonly #doomed = new Set<string>();

  constructor(dir: string, clock: Clock, random: Random) {
    this.#data = join(dir, 'data');
    this.#incoming = join(dir, 'incoming');
    this.#random = random;
    this.#intake = new Intake(clock);
    // What was under way when the process ended was never acknowledged.
    rmSync(this.#incoming, { recursive: true, force: true });
    for (const folder of [this.#data, this.#incoming]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Takes a body in. It rejects as the body does, and nothing of it stays then. */
  async receive(body: AsyncIterable<Uint8Array>, algorithms: ReadonlySet<ChecksumAlgorithm> | readonly ChecksumAlgorithm[] = []): Promise<Incoming> {
    const path = join(this.#incoming, this.#random.uuid());
    await (await open(path, 'wx', 0o600)).close();
    const file = new GrowingFile({ path, size: 0, algorithms: ['md5', ...[...algorithms].map(sumOf)], intake: this.#intake });
    try {
      if (!(await file.append(body))) throw Object.assign(new Error('the sender left before the end of the body'), { code: 'ECONNRESET' });
      await flush(path);
      const values = await file.values();
      const text = (name: string, encoding: BufferEncoding): string => Buffer.from(values.get(name) as Uint8Array).toString(encoding);
      const checksums = new Map([...algorithms].map((algorithm) => [algorithm, text(sumOf(algorithm), 'base64')]));
      return { path, size: file.size, md5: text('md5', 'hex'), checksums };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      file.end();
    }
  }
  /** Ends the thread that takes large bodies in. */
  async close(): Promise<void> {
    await this.#intake.close();
  }
  async discard(incoming: Incoming): Promise<void> {
    await rm(incoming.path, { force: true });
  }
  /** Gives it its lasting name. When this resolves it survives a power cut. */
  async adopt(incoming: Incoming): Promise<Segment> {
    const file = this.#random.uuid();
    const target = this.#path(file);
    const parent = join(target, '..');
    const made = await mkdir(parent, { recursive: true, mode: 0o700 });
    await rename(incoming.path, target);
    await flush(parent);
    if (made !== undefined) await flush(this.#data);
    return { file, size: incoming.size };
  }

  /** Bytes `start` to `end` (both included) of segments in a row. The files stay until the stream has ended. */
  read(segments: readonly Segment[], start: number, end: number): Readable {
    const wanted = slice(segments, start, end);
    for (const { file } of wanted) this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1);
    const stream = Readable.from(this.#chunks(wanted), { objectMode: false, highWaterMark: BATCH });
    stream.once('close', () => {
      for (const { file } of wanted) this.#release(file);
    });
    return stream;
  }
  async *#chunks(wanted: readonly Slice[]): AsyncGenerator<Buffer> {
    for (const { file, from, to } of wanted) {
      const handle = await open(this.#path(file), 'r');
      try {
        for (let at = from; at < to;) {
          const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(Math.min(BATCH, to - at)), 0, Math.min(BATCH, to - at), at);
          if (bytesRead === 0) throw new Error(`${file} is shorter than its object`);
          at += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await handle.close();
      }
    }
  }
  #release(file: string): void {
    const left = (this.#readers.get(file) ?? 1) - 1;
    if (left > 0) return void this.#readers.set(file, left);
    this.#readers.delete(file);
    if (this.#doomed.delete(file)) rmSync(this.#path(file), { force: true });
  }
  /** Removes files that no object has any more; those being read go with their last reader. */
  remove(files: Iterable<string>): void {
    for (const file of files) {
      if (this.#readers.has(file)) this.#doomed.add(file);
      else rmSync(this.#path(file), { force: true });
    }
  }
  /** Names of files last changed before a time, ms since the epoch: what a crash left between two steps is among them. */
  *older(before: number): Generator<string> {
    for (const prefix of readdirSync(this.#data)) {
      for (const file of readdirSync(join(this.#data, prefix))) {
        const found = statSync(join(this.#data, prefix, file), { throwIfNoEntry: false });
        if (found && found.mtimeMs < before) yield file;
      }
    }
  }
  #path(file: string): string {
    return join(this.#data, file.slice(0, 2), file);
  }
}

/** The name by which a file's digests go. */
const sumOf = (algorithm: ChecksumAlgorithm): string => (algorithm.startsWith('SHA') ? algorithm.toLowerCase() : algorithm);

interface Slice {
  readonly file: string;
  readonly from: number;
  /** Not included. */
  readonly to: number;
}
function slice(segments: readonly Segment[], start: number, end: number): Slice[] {
  const slices: Slice[] = [];
  let at = 0;
  for (const { file, size } of segments) {
    const from = Math.max(0, start - at);
    const to = Math.min(size, end + 1 - at);
    if (from < to) slices.push({ file, from, to });
    at += size;
  }
  return slices;
}
