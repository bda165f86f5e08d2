import { open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Clock, Logger } from '#base';

/** Where events go. */
export interface Sink {
  write(line: string): void;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}
export interface FileSinkOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** A file that would grow beyond this many bytes is put away and a new one begun; 0 = never. */
  readonly maxBytes: number;
  /** Files that were put away and stay; 0 = all. */
  readonly maxBackups: number;
  /** Told of events that could not be written. */
  readonly lost: (events: number) => void;
}

/** What is not on disk yet: beyond it events are lost, rather than the process. */
const mostPending = 64 * 1024 * 1024;

/** A file of lines, written behind the requests: what arrives while the disk is busy goes to it together. Rejects when the file cannot be opened. */
export async function fileSink(options: FileSinkOptions): Promise<Sink> {
  const sink = new FileSink(options);
  await sink.open();
  return sink;
}

class FileSink implements Sink {
  readonly #options: FileSinkOptions;
  #file: FileHandle | undefined;
  #size = 0;
  /** Time of the file that was put away last. */
  #stamp = 0;
  #pending: string[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | undefined;
  constructor(options: FileSinkOptions) {
    this.#options = options;
  }
  async open(): Promise<void> {
    this.#file = await open(this.#options.path, 'a', 0o600);
    this.#size = (await this.#file.stat()).size;
  }
  write(line: string): void {
    if (this.#pendingBytes > mostPending) return this.#options.lost(1);
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    this.#writing ??= this.#flush();
  }
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.#file?.sync().catch(() => {});
    await this.#file?.close();
    this.#file = undefined;
  }
  async #flush(): Promise<void> {
    // What the same turn of the event loop still brings comes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      try {
        await this.#append(lines);
      } catch (error) {
        this.#options.lost(lines.length);
        this.#options.log.error('audit events could not be written', { events: lines.length, path: this.#options.path, error });
      }
    }
    this.#writing = undefined;
  }
  /** Whole lines only, so that no event is cut in two by a rotation. */
  async #append(lines: readonly string[]): Promise<void> {
    const { maxBytes } = this.#options;
    let chunk: Buffer[] = [];
    let bytes = 0;
    const put = async (): Promise<void> => {
      if (bytes > 0) await this.#file?.appendFile(Buffer.concat(chunk));
      this.#size += bytes;
      chunk = [];
      bytes = 0;
    };
    for (const line of lines) {
      const buffer = Buffer.from(line);
      if (maxBytes > 0 && this.#size + bytes > 0 && this.#size + bytes + buffer.length > maxBytes) {
        await put();
        await this.#rotate();
      }
      chunk.push(buffer);
      bytes += buffer.length;
    }
    await put();
  }
  async #rotate(): Promise<void> {
    const { path, maxBackups } = this.#options;
    await this.#file?.close();
    await rename(path, await this.#backupName());
    await this.open();
    if (maxBackups === 0) return;
    const backups = (await readdir(dirname(path))).filter((name) => this.#isBackup(name)).sort();
    for (const name of backups.slice(0, Math.max(0, backups.length - maxBackups))) await unlink(join(dirname(path), name));
  }
  /** `audit-2026-01-31T12-00-00.000.log`, each later than the ones before it. */
  async #backupName(): Promise<string> {
    const { path, clock } = this.#options;
    const extension = extname(path);
    for (this.#stamp = Math.max(clock.now(), this.#stamp + 1); ; this.#stamp++) {
      const time = new Date(this.#stamp).toISOString().slice(0, -1).replaceAll(':', '-');
      const name = join(dirname(path), `${basename(path, extension)}-${time}${extension}`);
      if (!(await stat(name).catch(() => undefined))) return name;
    }
  }
  #isBackup(name: string): boolean {
    const extension = extname(this.#options.path);
    const stem = `${basename(this.#options.path, extension)}-`;
    return name.startsWith(stem) && name.endsWith(extension) && /^\d{4}-\d\d-\d\dT/.test(name.slice(stem.length));
  }
}

/** Lines to standard output. */
export function standardOutput(): Sink {
  return {
    write: (line) => void process.stdout.write(line),
    close: () => new Promise((resolve) => process.stdout.write('', () => resolve())),
  };
}
