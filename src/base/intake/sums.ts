import { createHash } from 'node:crypto';
import { crcBytes, createCrc, type CrcName } from '../crc.ts';

/** A digest of bytes that come in pieces. */
interface Sum {
  update(chunk: Uint8Array): void;
  /** Of the bytes so far; more may follow. */
  value(): Uint8Array;
}

const crcs: ReadonlySet<string> = new Set<CrcName>(['CRC32', 'CRC32C', 'CRC64NVME']);

/** By the name of a CRC, or one that node:crypto knows. */
function startSum(algorithm: string): Sum {
  if (crcs.has(algorithm)) {
    const crc = createCrc(algorithm as CrcName);
    return { update: (chunk) => crc.update(chunk), value: () => new Uint8Array(crcBytes(algorithm as CrcName, crc.value())) };
  }
  const hash = createHash(algorithm);
  return { update: (chunk) => void hash.update(chunk), value: () => new Uint8Array(hash.copy().digest()) };
}

/** Several digests of the same bytes. */
export class Sums {
  readonly #sums: ReadonlyMap<string, Sum>;

  constructor(algorithms: readonly string[]) {
    this.#sums = new Map(algorithms.map((algorithm) => [algorithm, startSum(algorithm)]));
  }
  update(chunk: Uint8Array): void {
    for (const sum of this.#sums.values()) sum.update(chunk);
  }
  values(): Map<string, Uint8Array> {
    return new Map([...this.#sums].map(([algorithm, sum]) => [algorithm, sum.value()]));
  }
}
