import { crc32 as zlibCrc32 } from 'node:zlib';

/** A cyclic redundancy check over what it was fed; both ends are inverted, as CRC-32, CRC-32C and CRC-64/NVME have it. */
export interface Crc {
  update(chunk: Uint8Array): void;
  value(): bigint;
}

export type CrcName = 'CRC32' | 'CRC32C' | 'CRC64NVME';

/** Generator polynomials, reflected (RFC 1952; RFC 3720; NVM Express, the 64-bit guard). */
export const crcPolynomials: Record<CrcName, { readonly width: bigint; readonly polynomial: bigint }> = {
  CRC32: { width: 32n, polynomial: 0xedb88320n },
  CRC32C: { width: 32n, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
};

export function createCrc(name: CrcName): Crc {
  switch (name) {
    case 'CRC32': {
      let crc = 0;
      return { update: (chunk) => void (crc = zlibCrc32(chunk, crc)), value: () => BigInt(crc >>> 0) };
    }
    case 'CRC32C':
      return crc32c();
    case 'CRC64NVME':
      return crc64();
  }
}

/** Tables of a polynomial, made when first used: entry i is what a byte i turns into; `hi` holds bits 32 to 63. */
interface Tables {
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
}
const tablesMade = new Map<CrcName, Tables>();
function tables(name: CrcName): Tables {
  let made = tablesMade.get(name);
  if (made) return made;
  made = { lo: new Uint32Array(256), hi: new Uint32Array(256) };
  for (let i = 0; i < 256; i++) {
    let value = BigInt(i);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ crcPolynomials[name].polynomial : value >> 1n;
    made.lo[i] = Number(value & 0xffffffffn);
    made.hi[i] = Number(value >> 32n);
  }
  tablesMade.set(name, made);
  return made;
}

function crc32c(): Crc {
  const table = tables('CRC32C').lo;
  let crc = 0xffffffff;
  return {
    update(chunk) {
      let c = crc;
      for (let i = 0; i < chunk.length; i++) c = (c >>> 8) ^ (table[(c ^ (chunk[i] as number)) & 0xff] as number);
      crc = c;
    },
    value: () => BigInt((crc ^ 0xffffffff) >>> 0),
  };
}

/** Two halves of 32 bits: numbers of 64 bits would be objects. */
function crc64(): Crc {
  const { lo: low, hi: high } = tables('CRC64NVME');
  let lo = -1;
  let hi = -1;
  return {
    update(chunk) {
      let [l, h] = [lo, hi];
      for (let i = 0; i < chunk.length; i++) {
        const index = (l ^ (chunk[i] as number)) & 0xff;
        l = ((l >>> 8) | (h << 24)) ^ (low[index] as number);
        h = (h >>> 8) ^ (high[index] as number);
      }
      [lo, hi] = [l, h];
    },
    value: () => (BigInt(~hi >>> 0) << 32n) | BigInt(~lo >>> 0),
  };
}

/** Bytes of a check, the most significant first. */
export const crcBytes = (name: CrcName, value: bigint): Buffer => Buffer.from(value.toString(16).padStart(Number(crcPolynomials[name].width) / 4, '0'), 'hex');
