import { isIPv4 } from 'node:net';

/** IPv4 address arithmetic on unsigned 32-bit numbers. */
export function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
export interface Range {
  readonly cidr: string;
  /** The network address. */
  readonly base: number;
  /** How many addresses there are, with network and broadcast. */
  readonly size: number;
}
/** Throws when the text is not an IPv4 network. */
export function parseCidr(cidr: string): Range {
  const [address = '', bits = ''] = cidr.split('/');
  const length = Number(bits);
  if (!isIPv4(address) || !/^\d+$/.test(bits) || length > 30) throw new Error(`${cidr} is not an IPv4 network`);
  const size = 2 ** (32 - length);
  return { cidr, base: Math.floor(toNumber(address) / size) * size, size };
}

/** Numbers in [first, last], of which the lowest `band` are left to those who choose. */
export interface Span {
  readonly first: number;
  readonly last: number;
  readonly band: number;
}

/** Numbers of some spans that are handed out once. Dynamic ones come from above the bands while there are any, so that chosen ones find room there. */
export class NumberPool {
  spans: readonly Span[];
  /** Number → how often it is in use (an old and a new state of one owner may overlap). */
  readonly #used = new Map<number, number>();
  readonly #next: () => number;
  constructor(spans: readonly Span[], random: () => number) {
    this.spans = spans;
    this.#next = random;
  }
  contains(value: number): boolean {
    return this.spans.some(({ first, last }) => value >= first && value <= last);
  }
  has(value: number): boolean {
    return this.#used.has(value);
  }
  take(value: number): void {
    this.#used.set(value, (this.#used.get(value) ?? 0) + 1);
  }
  release(value: number): void {
    const count = this.#used.get(value) ?? 0;
    if (count > 1) this.#used.set(value, count - 1);
    else this.#used.delete(value);
  }
  /** A free number, taken; undefined when all are used. */
  allocate(): number | undefined {
    for (const { first, last, band } of this.spans) {
      const chosen = Math.min(band, last - first);
      const value = this.#search(first + chosen, last) ?? this.#search(first, first + chosen - 1);
      if (value === undefined) continue;
      this.take(value);
      return value;
    }
    return undefined;
  }
  #search(from: number, to: number): number | undefined {
    const size = to - from + 1;
    if (size <= 0) return undefined;
    const start = Math.floor(this.#next() * size);
    for (let i = 0; i < size; i++) {
      const value = from + ((start + i) % size);
      if (!this.#used.has(value)) return value;
    }
    return undefined;
  }
}

/** How many of `size` are kept for chosen values: min(max(min, size / 16), max), as KEP-3070 has it. */
export function staticBand(size: number, min: number, max: number): number {
  return size <= min ? 0 : Math.min(Math.max(min, Math.floor(size / 16)), max);
}
