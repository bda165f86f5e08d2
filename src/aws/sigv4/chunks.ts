import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { sha256 } from './canonical.ts';
import { mismatch, type Claim } from './claim.ts';
import { SignatureError } from './request.ts';
import type { Payload } from './verify.ts';

/** A body as it comes. Reading fails at the latest at its end when it is not what was signed: nothing may be kept of it before. */
export interface BodyStream extends AsyncIterable<Buffer> {
  /** Headers that came after the body (checksums), by lower-case name; complete when the body is. */
  readonly trailers: ReadonlyMap<string, string>;
}

/** The body of a request whose head was proved. `decodedLength`: of x-amz-decoded-content-length. */
export function provenBody(source: AsyncIterable<Buffer>, payload: Payload, claim: Claim | undefined, decodedLength: number | undefined): BodyStream {
  const trailers = new Map<string, string>();
  const read = (): AsyncGenerator<Buffer> => {
    if (payload.kind === 'hash') return hashed(source, payload.sha256);
    if (payload.kind === 'unsigned' || !claim) return plain(source);
    return new ChunkReader(source, payload, claim, trailers, decodedLength).read();
  };
  return { trailers, [Symbol.asyncIterator]: () => read() };
}

async function* plain(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* source;
}
async function* hashed(source: AsyncIterable<Buffer>, wanted: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== wanted) throw new SignatureError('payload', "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

const emptyHash = sha256('');
/** Chunks are 64 KiB in the SDKs; whoever sends longer ones makes us hold them. */
const longestChunk = 16 * 1024 * 1024;
const longestLine = 8192;
const malformed = (what: string): SignatureError => new SignatureError('payload', `The chunked body is malformed: ${what}`);

/** Unwraps `aws-chunked` (Signature Version 4, signed and unsigned payload with and without trailing headers). */
class ChunkReader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #payload: Extract<Payload, { kind: 'streaming' }>;
  readonly #scope: string;
  readonly #date: string;
  readonly #trailers: Map<string, string>;
  readonly #length: number | undefined;
  #previous: string;
  #held: Buffer = Buffer.alloc(0);

  constructor(
    source: AsyncIterable<Buffer>,
    payload: Extract<Payload, { kind: 'streaming' }>,
    claim: Claim,
    trailers: Map<string, string>,
    length: number | undefined,
  ) {
    this.#source = source[Symbol.asyncIterator]();
    this.#payload = payload;
    this.#scope = `${claim.scopeDate}/${claim.region}/${claim.service}/aws4_request`;
    this.#date = claim.date;
    this.#trailers = trailers;
    this.#length = length;
    this.#previous = payload.seed;
  }

  async *read(): AsyncGenerator<Buffer> {
    const { mode } = this.#payload;
    const known = ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'];
    if (!known.includes(mode)) throw malformed(`${mode} is not supported`);
    const signed = mode.startsWith('STREAMING-AWS4');
    let total = 0;
    for (;;) {
      const { size, signature } = parseHead(await this.#line());
      const data = await this.#take(size);
      if (signed) this.#prove('AWS4-HMAC-SHA256-PAYLOAD', `${emptyHash}\n${sha256(data)}`, signature);
      total += size;
      if (size === 0) break;
      if ((await this.#take(2)).toString('latin1') !== '\r\n') throw malformed('a chunk does not end where it says');
      yield data;
    }
    if (mode.endsWith('-TRAILER')) await this.#readTrailers(signed);
    if (this.#length !== undefined && total !== this.#length) throw malformed(`${total} bytes came, x-amz-decoded-content-length says ${this.#length}`);
    await this.#drain();
  }

  async #readTrailers(signed: boolean): Promise<void> {
    let canonical = '';
    let signature: string | undefined;
    for (;;) {
      const line = await this.#line();
      if (line === '') break;
      const colon = line.indexOf(':');
      const [name, value] = [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
      if (colon < 1) throw malformed('a trailing header has no name');
      if (name === 'x-amz-trailer-signature') signature = value;
      else {
        this.#trailers.set(name, value);
        canonical += `${name}:${value}\n`;
      }
    }
    if (signed) this.#prove('AWS4-HMAC-SHA256-TRAILER', sha256(canonical), signature);
  }

  #prove(algorithm: string, what: string, signature: string | undefined): void {
    const expected = createHmac('sha256', this.#payload.key).update(`${algorithm}\n${this.#date}\n${this.#scope}\n${this.#previous}\n${what}`).digest();
    if (!signature || !/^[0-9a-f]{64}$/.test(signature) || !timingSafeEqual(expected, Buffer.from(signature, 'hex')))
      throw new SignatureError('mismatch', mismatch);
    this.#previous = signature;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done) return false;
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
    return true;
  }
  async #take(size: number): Promise<Buffer> {
    while (this.#held.length < size) if (!(await this.#more())) throw malformed('it ends too early');
    const taken = this.#held.subarray(0, size);
    this.#held = this.#held.subarray(size);
    return taken;
  }
  async #line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#held.subarray(0, end).toString('latin1');
        this.#held = this.#held.subarray(end + 2);
        return line;
      }
      if (this.#held.length > longestLine) throw malformed('a line is too long');
      if (!(await this.#more())) return this.#held.length === 0 ? '' : this.#take(this.#held.length).then((rest) => rest.toString('latin1'));
    }
  }
  /** What follows the end may only be an empty line. */
  async #drain(): Promise<void> {
    while (await this.#more()) if (this.#held.length > 2) break;
    if (this.#held.toString('latin1').trim() !== '') throw malformed('something follows its end');
  }
}

function parseHead(line: string): { size: number; signature: string | undefined } {
  const match = /^([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
  const size = match ? Number.parseInt(match[1] as string, 16) : Number.NaN;
  if (!Number.isInteger(size)) throw malformed('a chunk has no size');
  if (size > longestChunk) throw malformed(`a chunk is longer than ${longestChunk} bytes`);
  return { size, signature: match?.[2] };
}
