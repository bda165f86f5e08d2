import { createHash, type Hash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { flush, type Random } from '#base';
import type { BlobFiles } from './blob-files.ts';
import { algorithmOf } from './digest.ts';
import { RegistryError } from './errors.ts';

/** Bytes gathered before they are written, so that a large layer costs few system calls and little memory. */
const BATCH = 1 << 20;
/** Bytes after which the disk is told to begin: the flush at the end then waits for little. */
const AHEAD = 32 << 20;

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An upload in progress. Its file holds exactly `offset` bytes whenever it is not busy. */
interface Session {
  readonly id: string;
  readonly file: string;
  offset: number;
  /** SHA-256 of the bytes so far; undefined when it must be read from the file (after a restart or a failed write). */
  hash: Hash | undefined;
  busy: boolean;
}

export interface Received {
  readonly offset: number;
  /** False: the client went away before the end of its request. What came is kept. */
  readonly whole: boolean;
}

/**
 * Uploads of blobs. A session is a file named after its repository and a random id, so it outlives the process; one
 * request at a time may write to it. Errors are those of the distribution specification.
 */
export class Uploads {
  readonly #dir: string;
  readonly #blobs: BlobFiles;
  readonly #random: Random;
  readonly #sessions = new Map<string, Session>();

  constructor(options: { dir: string; blobs: BlobFiles; random: Random }) {
    this.#dir = options.dir;
    this.#blobs = options.blobs;
    this.#random = options.random;
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  async begin(repository: number): Promise<string> {
    const id = this.#random.uuid();
    const file = this.#file(repository, id);
    await (await open(file, 'wx', 0o600)).close();
    this.#sessions.set(file, { id, file, offset: 0, hash: createHash('sha256'), busy: false });
    return id;
  }

  /** How many bytes it has. */
  async offset(repository: number, id: string): Promise<number> {
    return (await this.#find(repository, id)).offset;
  }

  /**
   * Adds a body. `start`, when given, must be where the upload stands. A request cut short keeps what came: the
   * client asks for the offset and goes on from there.
   */
  async receive(repository: number, id: string, body: Readable, start?: number): Promise<Received> {
    const session = await this.#find(repository, id);
    return this.#alone(session, async () => {
      this.#mustStandAt(session, start);
      return this.#append(session, body);
    });
  }

  /**
   * Adds the last body, checks the digest and moves the file to its place. Gives the size. A wrong digest ends the
   * upload: nothing of it stays.
   */
  async finish(repository: number, id: string, digest: string, body: Readable, start?: number): Promise<number> {
    const session = await this.#find(repository, id);
    return this.#alone(session, async () => {
      this.#mustStandAt(session, start);
      const { whole } = await this.#append(session, body);
      if (!whole) throw new RegistryError('BLOB_UPLOAD_INVALID', 'the request ended before its body did: ask for the offset and go on from there');
      const actual = await this.#digest(session, algorithmOf(digest));
      if (actual !== digest) {
        await this.#drop(session);
        throw new RegistryError('DIGEST_INVALID', 'the content has another digest: the upload is cancelled', { digest, actual, size: session.offset });
      }
      await flush(session.file);
      await this.#blobs.adopt(session.file, digest);
      this.#sessions.delete(session.file);
      return session.offset;
    });
  }

  async cancel(repository: number, id: string): Promise<void> {
    const session = await this.#find(repository, id);
    await this.#alone(session, () => this.#drop(session));
  }

  /** Ends uploads that nobody has written to since a time, ms since the epoch. Gives their number. */
  expire(before: number): number {
    let ended = 0;
    for (const name of readdirSync(this.#dir)) {
      const file = join(this.#dir, name);
      if (this.#sessions.get(file)?.busy) continue;
      const found = statSync(file, { throwIfNoEntry: false });
      if (!found || found.mtimeMs >= before) continue;
      rmSync(file, { force: true });
      this.#sessions.delete(file);
      ended++;
    }
    return ended;
  }

  #file(repository: number, id: string): string {
    return join(this.#dir, `${repository}-${id}`);
  }
  async #find(repository: number, id: string): Promise<Session> {
    const unknown = new RegistryError('BLOB_UPLOAD_UNKNOWN', 'no such upload: it ended, expired, or belongs to another repository', { uuid: id });
    if (!uuid.test(id)) throw unknown;
    const file = this.#file(repository, id);
    const known = this.#sessions.get(file);
    if (known) return known;
    const found = await stat(file).catch(() => undefined);
    if (!found) throw unknown;
    const session: Session = { id, file, offset: found.size, hash: undefined, busy: false };
    // Two requests may have looked at the same time: one session serves both.
    return this.#sessions.get(file) ?? (this.#sessions.set(file, session), session);
  }
  async #alone<T>(session: Session, work: () => Promise<T>): Promise<T> {
    if (session.busy) throw new RegistryError('BLOB_UPLOAD_INVALID', 'another request is writing to this upload', { uuid: session.id }, { status: 409 });
    if (this.#sessions.get(session.file) !== session) throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'the upload has ended', { uuid: session.id });
    session.busy = true;
    try {
      return await work();
    } finally {
      session.busy = false;
    }
  }
  #mustStandAt(session: Session, start: number | undefined): void {
    if (start === undefined || start === session.offset) return;
    throw new RegistryError(
      'RANGE_INVALID',
      `the upload stands at ${session.offset}, the request begins at ${start}`,
      { offset: session.offset },
      { headers: { range: `0-${Math.max(0, session.offset - 1)}`, 'docker-upload-uuid': session.id } },
    );
  }

  async #append(session: Session, body: Readable): Promise<Received> {
    session.hash ??= await hashFile(session, 'sha256');
    const handle = await open(session.file, 'r+');
    try {
      const received = await drain(body, handle, session.offset, session.hash);
      session.offset = received.offset;
      return received;
    } catch (error) {
      // Half a batch may stand in the file: back to where the upload stood.
      session.hash = undefined;
      await handle.truncate(session.offset);
      throw error;
    } finally {
      await handle.close();
    }
  }
  async #digest(session: Session, algorithm: string): Promise<string> {
    if (algorithm === 'sha256' && session.hash) return `sha256:${session.hash.copy().digest('hex')}`;
    return `${algorithm}:${(await hashFile(session, algorithm)).digest('hex')}`;
  }
  async #drop(session: Session): Promise<void> {
    this.#sessions.delete(session.file);
    await rm(session.file, { force: true });
  }
}

async function hashFile(session: Session, algorithm: string): Promise<Hash> {
  const hash = createHash(algorithm);
  if (session.offset === 0) return hash;
  const handle = await open(session.file, 'r');
  for await (const chunk of handle.createReadStream({ start: 0, end: session.offset - 1, highWaterMark: BATCH }) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash;
}

/** Hashes and writes a body from `offset` on. One batch is written while the next one comes in; none is under way when this ends. */
async function drain(body: Readable, file: FileHandle, offset: number, hash: Hash): Promise<Received> {
  let batch: Buffer[] = [];
  let size = 0;
  let at = offset;
  let whole = true;
  let writing: Promise<void> = Promise.resolve();
  const ahead = flushAhead(file);
  const flushBatch = async (): Promise<void> => {
    await writing;
    const [buffers, position] = [batch, at];
    at += size;
    batch = [];
    size = 0;
    writing = writeAll(file, buffers, position);
    writing.catch(() => {}); // awaited before the next batch and at the end
    ahead.wrote(at);
  };
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      hash.update(chunk);
      batch.push(chunk);
      size += chunk.length;
      if (size >= BATCH) await flushBatch();
    }
  } catch (error) {
    if (!isAbort(error)) {
      // A write that ends after the file was cut back would leave its bytes behind.
      await writing.catch(() => {});
      await ahead.ended();
      throw error;
    }
    whole = false;
  }
  if (size > 0) await flushBatch();
  await writing;
  await ahead.ended();
  return { offset: at, whole };
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
      flushing = file.datasync().then(
        () => void (flushing = undefined),
        () => void (flushing = undefined),
      );
    },
    ended: async () => flushing,
  };
}
const isAbort = (error: unknown): boolean => ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes((error as { code?: string }).code ?? '');

async function writeAll(file: FileHandle, buffers: Buffer[], position: number): Promise<void> {
  const wanted = buffers.reduce((sum, b) => sum + b.length, 0);
  const { bytesWritten } = await file.writev(buffers, position);
  if (bytesWritten === wanted) return;
  // A short write: finish it plainly.
  const rest = Buffer.concat(buffers).subarray(bytesWritten);
  for (let done = 0; done < rest.length;) done += (await file.write(rest, done, rest.length - done, position + bytesWritten + done)).bytesWritten;
}
