const base = 100 * 2 ** 24 + 64 * 2 ** 16;
const total = 2 ** 14;

/** One /24 of 100.64.0.0/10 for each simulated machine: addresses that lead nowhere. */
export class NodeRanges {
  readonly #used = new Set<number>();
  #next = 0;
  /** Undefined when all 16,384 are taken. */
  take(): { podCIDR: string; ip: string } | undefined {
    for (let i = 0; i < total; i++) {
      const at = (this.#next + i) % total;
      if (this.#used.has(at)) continue;
      this.#used.add(at);
      this.#next = at + 1;
      return rangeAt(at);
    }
    return undefined;
  }
  /** Keeps a range that a node has already. False when it is none of these, or somebody else's. */
  claim(podCIDR: string): boolean {
    const at = indexOf(podCIDR);
    if (at === undefined || this.#used.has(at)) return false;
    this.#used.add(at);
    return true;
  }
  release(podCIDR: string): void {
    const at = indexOf(podCIDR);
    if (at !== undefined) this.#used.delete(at);
  }
}

export const firstAddress = (podCIDR: string): string => podCIDR.replace(/\.0\/24$/, '.1');
function rangeAt(at: number): { podCIDR: string; ip: string } {
  const n = base + at * 256;
  const net = [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255].join('.');
  return { podCIDR: `${net}.0/24`, ip: `${net}.1` };
}
function indexOf(podCIDR: string): number | undefined {
  const match = /^100\.(\d+)\.(\d+)\.0\/24$/.exec(podCIDR);
  const at = match ? (Number(match[1]) - 64) * 256 + Number(match[2]) : -1;
  return at >= 0 && at < total ? at : undefined;
}
