import { ScanError } from '../types.ts';

/** How much of an image is read: more is taken for an attack on the reader. Sizes in bytes. */
export interface Limits {
  /** Entries of all archives of an image. */
  readonly entries: number;
  /** Bytes of all layers of an image, not compressed. */
  readonly bytes: number;
  /** A file that must be read whole is left out, with a warning, when it is larger. */
  readonly fileBytes: number;
  /** The same for files that are text. */
  readonly textBytes: number;
  /** How many times larger than the compressed bytes a layer may be, once it is past `ratioFrom`. */
  readonly ratio: number;
  readonly ratioFrom: number;
  readonly pathLength: number;
  /** Archives in archives (a jar in a war in an ear). */
  readonly nesting: number;
  readonly packages: number;
}

const MiB = 1024 * 1024;
export const defaultLimits: Limits = {
  entries: 2_000_000,
  bytes: 64 * 1024 * MiB,
  fileBytes: 256 * MiB,
  textBytes: 64 * MiB,
  ratio: 250,
  ratioFrom: 256 * MiB,
  pathLength: 4096,
  nesting: 4,
  packages: 200_000,
};

/** What is left of the limits while one image is read. */
export class Budget {
  readonly limits: Limits;
  readonly warnings: string[] = [];
  #entries: number;
  #bytes: number;

  constructor(limits: Limits = defaultLimits) {
    this.limits = limits;
    this.#entries = limits.entries;
    this.#bytes = limits.bytes;
  }
  entry(): void {
    if (--this.#entries < 0) throw new ScanError('limit-exceeded', `the image has more than ${this.limits.entries} files`);
  }
  bytes(count: number): void {
    this.#bytes -= count;
    if (this.#bytes < 0) throw new ScanError('limit-exceeded', `the image has more than ${this.limits.bytes} bytes`);
  }
  /** `from` compressed bytes have become `to` bytes so far. */
  ratio(from: number, to: number): void {
    const { ratio, ratioFrom } = this.limits;
    if (to > ratioFrom && to > from * ratio) throw new ScanError('limit-exceeded', `a layer grows more than ${ratio} times when it is decompressed`);
  }
  /** Warnings are for people: a few of them tell as much as thousands. */
  warn(text: string): void {
    if (this.warnings.length < 50) this.warnings.push(text);
  }
}
