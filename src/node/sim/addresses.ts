/** IPv4 addresses of a pod range, lowest free one first after the last given; the first two and the last are kept back. */
export class AddressPool {
  readonly #base: number;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = 2;
  constructor(cidr: string) {
    const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
    if (!match) throw new Error(`pod range ${cidr} is not an IPv4 CIDR such as 10.244.1.0/24`);
    const [a, b, c, d, bits] = match.slice(1).map(Number) as [number, number, number, number, number];
    this.#size = 2 ** (32 - bits);
    this.#base = (a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) & ~(this.#size - 1);
  }
  /** Undefined when the range is used up. */
  take(): string | undefined {
    for (let i = 0; i < this.#size - 3; i++) {
      const offset = 2 + ((this.#next - 2 + i) % (this.#size - 3));
      if (this.#used.has(offset)) continue;
      this.#used.add(offset);
      this.#next = offset + 1;
      return this.#format(offset);
    }
    return undefined;
  }
  /** Marks an address that is in use already. */
  claim(ip: string): void {
    this.#used.add(this.#offset(ip));
  }
  release(ip: string): void {
    this.#used.delete(this.#offset(ip));
  }
  #offset(ip: string): number {
    return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) - (this.#base >>> 0);
  }
  #format(offset: number): string {
    const n = (this.#base >>> 0) + offset;
    return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
  }
}
