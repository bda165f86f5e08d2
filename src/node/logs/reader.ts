import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sleep, type Clock } from '#base';
import type { LogOptions } from '#machinery';
import { parseLine } from './format.ts';

const chunkBytes = 64 * 1024;
const pollMs = 200;

/** The rotated files of a log, oldest first, then the log itself. Only those that exist. */
export async function logFiles(path: string): Promise<string[]> {
  const names = await readdir(dirname(path)).catch((): string[] => []);
  const prefix = `${basename(path)}.`;
  const rotated = names.filter((n) => n.startsWith(prefix)).sort();
  return [...rotated, ...(names.includes(basename(path)) ? [basename(path)] : [])].map((n) => join(dirname(path), n));
}

/**
 * The log of one container as kubectl shows it. `alive` tells whether more may come: following ends when the
 * container is gone and all was read. A rotation while following is noticed by the new file's inode.
 */
export async function* readLog(path: string, options: LogOptions, clock: Clock, alive: () => boolean, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const printer = new Printer(options);
  const files = await logFiles(path);
  // Opened at once: a rotation between the listing and the reading must not hide a file.
  const handles = await Promise.all(files.map((f) => open(f).catch(() => undefined)));
  let { index, offset } = await startAt(files, options.tailLines);
  let file: FileHandle | undefined;
  try {
    for (; index < files.length || options.follow;) {
      file ??= handles[index] ?? (await open(path).catch(() => undefined));
      if (!file) {
        if (!options.follow || signal.aborted || !alive()) return;
        await sleep(clock, pollMs, signal);
        continue;
      }
      const last = index >= files.length - 1;
      const wasAlive = alive();
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, offset);
        if (bytesRead === 0) break;
        offset += bytesRead;
        const out = printer.push(buffer.subarray(0, bytesRead));
        if (out.length > 0) yield out;
        if (printer.full || signal.aborted) return;
      }
      const next = !last || (options.follow && (await replaced(path, file)));
      if (next) {
        if (!handles[index]) await file.close();
        file = undefined;
        index++;
        offset = 0;
        continue;
      }
      if (!options.follow || signal.aborted || !wasAlive) return;
      await sleep(clock, pollMs, signal);
    }
  } finally {
    if (file && !handles.includes(file)) await file.close();
    await Promise.all(handles.map(async (h) => h?.close()));
  }
}
async function replaced(path: string, file: FileHandle): Promise<boolean> {
  const now = await stat(path).catch(() => undefined);
  return now !== undefined && now.ino !== (await file.stat()).ino;
}

/** Where the last `lines` entries begin. */
async function startAt(files: readonly string[], lines: number | undefined): Promise<{ index: number; offset: number }> {
  if (lines === undefined) return { index: 0, offset: 0 };
  let wanted = lines;
  for (let index = files.length - 1; index >= 0; index--) {
    const found = await tailOffset(files[index] as string, wanted);
    if (found.lines >= wanted) return { index, offset: found.offset };
    wanted -= found.lines;
  }
  return { index: 0, offset: 0 };
}
async function tailOffset(path: string, wanted: number): Promise<{ offset: number; lines: number }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (wanted === 0) return { offset: size, lines: 0 };
    let lines = 0;
    for (let end = size; end > 0;) {
      const begin = Math.max(0, end - chunkBytes);
      const { buffer } = await file.read(Buffer.alloc(end - begin), 0, end - begin, begin);
      for (let i = end - begin - 1; i >= 0; i--) {
        if (buffer[i] !== 10 || begin + i === size - 1) continue;
        if (++lines === wanted) return { offset: begin + i + 1, lines };
      }
      end = begin;
    }
    return { offset: 0, lines: size > 0 ? lines + 1 : 0 };
  } finally {
    await file.close();
  }
}

/** CRI lines in, what the user sees out. */
export class Printer {
  full = false;
  readonly #options: Pick<LogOptions, 'timestamps' | 'sinceTime' | 'limitBytes'>;
  #rest: Buffer = Buffer.alloc(0);
  #left: number;
  #inLine = false;
  constructor(options: Pick<LogOptions, 'timestamps' | 'sinceTime' | 'limitBytes'>) {
    this.#options = options;
    this.#left = options.limitBytes ?? Infinity;
  }
  push(chunk: Buffer): Uint8Array {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const end = data.lastIndexOf(10) + 1;
    this.#rest = Buffer.from(data.subarray(end));
    let out = '';
    for (const line of data.subarray(0, end).toString().split('\n')) out += this.#print(line);
    const bytes = Buffer.from(out);
    const kept = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= kept.length;
    if (this.#left <= 0) this.full = true;
    return kept;
  }
  #print(line: string): string {
    const entry = parseLine(line);
    if (!entry) return '';
    if (this.#options.sinceTime !== undefined && Date.parse(entry.time) < this.#options.sinceTime) return '';
    const stamp = this.#options.timestamps && !this.#inLine ? `${entry.time} ` : '';
    this.#inLine = entry.partial;
    return stamp + entry.text + (entry.partial ? '' : '\n');
  }
}
