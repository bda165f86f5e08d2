import { Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { ScanError } from '../types.ts';
import type { Budget } from './limits.ts';

export type EntryType = 'file' | 'directory' | 'symlink' | 'link' | 'other';

export interface Entry {
  /** Without a leading slash, without `.` and `..`. */
  readonly path: string;
  readonly type: EntryType;
  readonly size: number;
  readonly mode: number;
  /** Of a hard link: the path that it shares its bytes with. */
  readonly target: string | undefined;
}

/** Takes the bytes of a file as they come. */
export interface Sink {
  write(chunk: Buffer): void;
  end(): void | Promise<void>;
}

/**
 * Reads a layer (tar, as it is or compressed by gzip or zstd: its first bytes tell) as a stream; nothing is ever
 * written. `visit` says for each entry where its bytes go; undefined skips them. Throws ScanError `malformed` for
 * what is no archive and `limit-exceeded` for what is made to hurt.
 */
export async function readLayer(source: AsyncIterable<Buffer>, budget: Budget, visit: (entry: Entry) => Sink | undefined): Promise<void> {
  const archive = extract();
  const input = await decompressed(source, budget);
  const failed = (error: Error): void => void archive.destroy(error);
  input.once('error', failed);
  input.pipe(archive);
  try {
    for await (const stream of archive) {
      budget.entry();
      const entry = entryOf(stream.header, budget);
      const sink = entry && visit(entry);
      if (!sink) {
        stream.resume();
        continue;
      }
      for await (const chunk of stream as AsyncIterable<Buffer>) sink.write(chunk);
      await sink.end();
    }
  } catch (error) {
    throw error instanceof ScanError ? error : new ScanError('malformed', `a layer cannot be read: ${(error as Error).message}`);
  } finally {
    input.off('error', failed);
    input.on('error', () => {});
    input.destroy();
    archive.destroy();
  }
}

/** The bytes of the archive, counted before and after decompression. */
async function decompressed(source: AsyncIterable<Buffer>, budget: Budget): Promise<Readable> {
  let read = 0;
  let made = 0;
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 4) {
    const { done, value } = await iterator.next();
    if (done) break;
    head = Buffer.concat([head, value as Buffer]);
  }
  async function* rest(): AsyncGenerator<Buffer> {
    try {
      if (head.length > 0) yield head;
      read += head.length;
      for (;;) {
        const { done, value } = await iterator.next();
        if (done) return;
        read += (value as Buffer).length;
        yield value as Buffer;
      }
    } finally {
      await iterator.return?.();
    }
  }
  const counter = new Transform({
    transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback) {
      made += chunk.length;
      try {
        budget.bytes(chunk.length);
        budget.ratio(Math.max(read, head.length), made);
        callback(null, chunk);
      } catch (error) {
        callback(error as Error);
      }
    },
  });
  const raw = Readable.from(rest(), { objectMode: false });
  const decoder = decoderFor(head);
  const chain: [Readable, ...Transform[]] = decoder ? [raw, decoder, counter] : [raw, counter];
  for (let i = 0; i + 1 < chain.length; i++) {
    const [from, to] = [chain[i] as Readable, chain[i + 1] as Transform];
    from.once('error', (error) => to.destroy(error));
    to.once('close', () => from.destroy());
    from.pipe(to);
  }
  return counter;
}

function decoderFor(head: Buffer): Transform | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip();
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return createZstdDecompress();
  return undefined;
}

const types: Partial<Record<string, EntryType>> = { file: 'file', 'contiguous-file': 'file', directory: 'directory', symlink: 'symlink', link: 'link' };

function entryOf(header: Header, budget: Budget): Entry | undefined {
  const path = cleanPath(header.name, budget);
  if (path === undefined) return undefined;
  const type = types[header.type ?? ''] ?? 'other';
  const target = type === 'link' ? cleanPath(header.linkname ?? '', budget) : undefined;
  return { path, type, size: header.size ?? 0, mode: header.mode ?? 0, target };
}

/** Undefined, with a warning, for a path that leads out of the image. */
export function cleanPath(name: string, budget: Budget): string | undefined {
  if (name.length > budget.limits.pathLength) {
    budget.warn(`a path of ${name.length} characters was left out`);
    return undefined;
  }
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (!parts.includes('..')) return parts.join('/');
  budget.warn(`a path with .. was left out: ${name.slice(0, 200)}`);
  return undefined;
}
