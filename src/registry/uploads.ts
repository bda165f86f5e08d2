import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { flush, GrowingFile, Intake, type Clock, type Random } from '#base';
import type { BlobFiles } from './blob-files.ts';
import { algorithmOf } from './digest.ts';
import { RegistryError } from './errors.ts';

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An upload in progress. */
interface Session {
  readonly id: string;
  readonly file: GrowingFile;
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
  readonly #intake: Intake;
  readonly #sessions = new Map<string, Session>();

  constructor(options: { dir: string; blobs: BlobFiles; clock: Clock; random: Random }) {
    this.#dir = options.dir;
    this.#blobs = options.blobs;
    this.#random = options.random;
    this.#intake = new Intake(options.clock);
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  async begin(repository: number): Promise<string> {
    const id = this.#random.uuid();
    const file = this.#file(repository, id);
    await (await open(file, 'wx', 0o600)).close();
    this.#sessions.set(file, this.#session(id, file, 0));
    return id;
  }

  #session(id: string, path: string, size: number): Session {
    return { id, file: new GrowingFile({ path, size, algorithms: ['sha256'], intake: this.#intake }), busy: false };
  }

  /** How many bytes it has. */
  async offset(repository: number, id: string): Promise<number> {
    return (await this.#find(repository, id)).file.size;
  }

  /**
   * Adds a body. `start`, when given, must be where the upload stands. A request cut short keeps what came: the
   * client asks for the offset and goes on from there.
   */
  async receive(repository: number, id: string, body: Readable, start?: number): Promise<Received> {
    const session = await this.#find(repository, id);
    return this.#alone(session, async () => {
      this.#mustStandAt(session, start);
      const whole = await session.file.append(body);
      return { offset: session.file.size, whole };
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
      const whole = await session.file.append(body);
      if (!whole) throw new RegistryError('BLOB_UPLOAD_INVALID', 'the request ended before its body did: ask for the offset and go on from there');
      const actual = await this.#digest(session, algorithmOf(digest));
      if (actual !== digest) {
        await this.#drop(session);
        throw new RegistryError('DIGEST_INVALID', 'the content has another digest: the upload is cancelled', { digest, actual, size: session.file.size });
      }
      await flush(session.file.path);
      await this.#blobs.adopt(session.file.path, digest);
      this.#forget(session);
      return session.file.size;
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
      const session = this.#sessions.get(file);
      if (session) this.#forget(session);
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
    const session = this.#session(id, file, found.size);
    // Two requests may have looked at the same time: one session serves both.
    return this.#sessions.get(file) ?? (this.#sessions.set(file, session), session);
  }
  async #alone<T>(session: Session, work: () => Promise<T>): Promise<T> {
    if (session.busy) throw new RegistryError('BLOB_UPLOAD_INVALID', 'another request is writing to this upload', { uuid: session.id }, { status: 409 });
    if (this.#sessions.get(session.file.path) !== session) throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'the upload has ended', { uuid: session.id });
    session.busy = true;
    try {
      return await work();
    } finally {
      session.busy = false;
    }
  }
  #mustStandAt(session: Session, start: number | undefined): void {
    if (start === undefined || start === session.file.size) return;
    throw new RegistryError(
      'RANGE_INVALID',
      `the upload stands at ${session.file.size}, the request begins at ${start}`,
      { offset: session.file.size },
      { headers: { range: `0-${Math.max(0, session.file.size - 1)}`, 'docker-upload-uuid': session.id } },
    );
  }

  /** Of all bytes. Another algorithm than SHA-256 is told to us only now: the file is read once more. */
  async #digest({ file }: Session, algorithm: string): Promise<string> {
    const read = algorithm === 'sha256' ? file : new GrowingFile({ path: file.path, size: file.size, algorithms: [algorithm], intake: this.#intake });
    try {
      return `${algorithm}:${Buffer.from((await read.values()).get(algorithm) as Uint8Array).toString('hex')}`;
    } finally {
      if (read !== file) read.end();
    }
  }
  #forget(session: Session): void {
    session.file.end();
    this.#sessions.delete(session.file.path);
  }
  async #drop(session: Session): Promise<void> {
    this.#forget(session);
    await rm(session.file.path, { force: true });
  }
  /** Ends the thread that takes large bodies in. */
  async close(): Promise<void> {
    await this.#intake.close();
  }
}
