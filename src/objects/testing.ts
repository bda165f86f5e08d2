import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, seededRandom, silentLogger } from '#base';
import type { Bucket } from './buckets.ts';
import { ObjectStore } from './object-store.ts';
import type { Attributes } from './objects.ts';
import type { Version } from './versions.ts';

export const plain: Attributes = { headers: {}, user: {}, storageClass: 'STANDARD', tags: [] };

/** A store in a directory of its own, with one bucket. */
export class TestObjects {
  readonly dir = mkdtempSync(join(tmpdir(), 'batuta-objects-'));
  readonly clock = new FakeClock();
  readonly random = seededRandom(7);
  store = this.#open();

  constructor() {
    this.store.buckets.create('box', '000000000000', 'us-east-1');
  }
  #open(): ObjectStore {
    return new ObjectStore({ dir: this.dir, clock: this.clock, random: this.random, log: silentLogger });
  }
  readonly box = (): Bucket => this.store.buckets.get('box');
  put(key: string, content: string | Buffer, attributes: Partial<Attributes> = {}): Promise<Version> {
    return this.store.objects.put(this.box, key, { data: pieces(content) }, { ...plain, ...attributes });
  }
  async text(key: string, version?: string): Promise<string> {
    const found = this.store.objects.find(this.box(), key, version);
    return (await readAll(this.store.objects.read(found, undefined))).toString();
  }
  /** How many files hold bytes. */
  files(): number {
    return readdirSync(join(this.dir, 'data'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
  }
  reopen(): void {
    this.store.close();
    this.store = this.#open();
  }
  [Symbol.dispose](): void {
    this.store.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A body in pieces of odd sizes. */
export async function* pieces(content: string | Buffer): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; at += 70_001) yield bytes.subarray(at, at + 70_001);
}
