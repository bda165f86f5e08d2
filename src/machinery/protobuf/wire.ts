import { badRequest, type ApiError } from '../errors.ts';

/** BadRequest: the bytes are no protobuf body of Kubernetes. */
export function malformed(why: string): ApiError {
  return badRequest(`the protobuf body could not be decoded: ${why}`);
}

/** What a field carries on the wire: a varint, or bytes (length-delimited, or the 4 or 8 bytes of a fixed number). */
export type Raw = number | Buffer;

/** Reads the protobuf wire format. Every read moves forward or throws BadRequest, so no input can make it spin. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }
  /** A signed 64-bit number; beyond 2^53 it is rounded, as in JSON. */
  varint(): number {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low += (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw malformed('a varint is longer than 10 bytes');
  }
  /** Calls `take` with every field: number, then value. */
  fields(take: (number: number, raw: Raw) => void): void {
    while (!this.done) {
      const tag = this.varint();
      if (tag < 8 || tag > 0xffffffff) throw malformed(`illegal tag ${tag}`);
      take(Math.floor(tag / 8), this.#value(tag % 8));
    }
  }
  #value(wireType: number): Raw {
    switch (wireType) {
      case 0:
        return this.varint();
      case 1:
        return this.#take(8);
      case 2:
        return this.#take(this.varint());
      case 5:
        return this.#take(4);
      default:
        throw malformed(`illegal wire type ${wireType}`);
    }
  }
  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed('unexpected EOF');
    this.#at++;
    return byte;
  }
  #take(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw malformed('unexpected EOF');
    const out = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return out;
  }
}
