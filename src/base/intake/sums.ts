import { createHash } from 'node:crypto';

/** A digest of bytes that come in pieces. */
export interface Sum {
  update(chunk: Uint8Array): void;
  /** Of the bytes so far; more may follow. */
  value(): Uint8Array;
}

/** By a name that node:crypto knows. */
export function startSum(algorithm: string): Sum {
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
