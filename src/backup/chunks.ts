import { BackupError } from './errors.ts';
import { damaged, type Seal } from './seal.ts';
import type { Target } from './target.ts';

/** Largest piece of a content on the target: bounds memory on the way there and back. */
export const CHUNK_BYTES = 8 << 20;

const PREFIX = 'chunks/';
const nameOf = (id: string): string => `${PREFIX}${id.slice(0, 2)}/${id}`;

/** Contents by their digest: what is there already is not sent again. */
export class Chunks {
  readonly #target: Target;
  readonly #seal: Seal;
  /** Ids that are known to be there. */
  readonly #present = new Set<string>();
  /** What this run has sent. */
  readonly sent = { chunks: 0, bytes: 0 };

  constructor(target: Target, seal: Seal) {
    this.#target = target;
    this.#seal = seal;
  }
  /** Looks what is there: once before a backup, and once more before it is announced. */
  async refresh(): Promise<void> {
    this.#present.clear();
    for (const name of await this.#target.list(PREFIX)) this.#present.add(name.slice(name.lastIndexOf('/') + 1));
  }
  has(id: string): boolean {
    return this.#present.has(id);
  }
  ids(): IterableIterator<string> {
    return this.#present.values();
  }
  async put(content: Buffer): Promise<string> {
    const id = this.#seal.id(content);
    if (this.#present.has(id)) return id;
    const name = nameOf(id);
    const sealed = await this.#seal.close(name, content);
    await this.#target.put(name, sealed);
    this.#present.add(id);
    this.sent.chunks++;
    this.sent.bytes += sealed.length;
    return id;
  }
  /** Throws BackupError when it is missing or is not what its id says. */
  async get(id: string): Promise<Buffer> {
    const name = nameOf(id);
    const sealed = await this.#target.get(name);
    if (!sealed) throw new BackupError(`${name} is missing`);
    const content = await this.#seal.open(name, sealed);
    if (this.#seal.id(content) !== id) throw damaged(name);
    return content;
  }
  async delete(id: string): Promise<void> {
    await this.#target.delete(nameOf(id));
    this.#present.delete(id);
  }
  /** A stream in pieces of a fixed size. */
  async putStream(stream: AsyncIterable<Uint8Array>): Promise<string[]> {
    const ids: string[] = [];
    for await (const piece of inPieces(stream, CHUNK_BYTES)) ids.push(await this.put(piece));
    return ids;
  }
}

export async function* inPieces(stream: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let pending: Uint8Array[] = [];
  let length = 0;
  for await (let chunk of stream) {
    while (length + chunk.length >= size) {
      const rest = size - length;
      yield Buffer.concat([...pending, chunk.subarray(0, rest)]);
      chunk = chunk.subarray(rest);
      pending = [];
      length = 0;
    }
    if (chunk.length > 0) pending.push(chunk);
    length += chunk.length;
  }
  if (length > 0) yield Buffer.concat(pending);
}
