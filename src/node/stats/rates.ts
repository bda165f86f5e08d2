import type { NodeUsage, UsageMeter } from '#machinery';
import type { Rates } from './pages.ts';

/** Measures that are closer than this give no rate worth telling, ms. */
const shortest = 1000;

/** Cores in use between the last two measurements, by container id, pod uid, and '' for the node. */
export class RateKeeper {
  readonly #meter: UsageMeter;
  #before: NodeUsage | undefined;
  #rates: Rates = new Map();
  constructor(meter: UsageMeter) {
    this.#meter = meter;
  }
  async measure(): Promise<{ usage: NodeUsage; rates: Rates }> {
    const usage = await this.#meter.measure();
    const before = this.#meter.at?.(usage.time - 10_000) ?? this.#before;
    if (before && usage.time - before.time >= shortest) this.#rates = ratesBetween(before, usage);
    if (!before || usage.time - before.time >= shortest) this.#before = usage;
    return { usage, rates: this.#rates };
  }
}

export function ratesBetween(before: NodeUsage, after: NodeUsage): Rates {
  const seconds = (after.time - before.time) / 1000;
  const out = new Map<string, number>();
  const old = new Map(before.pods.flatMap(({ containers }) => containers.map((one) => [one.id, one.cpuSeconds])));
  for (const { uid, containers } of after.pods) {
    let total: number | undefined;
    for (const { id, cpuSeconds } of containers) {
      const first = old.get(id);
      if (first === undefined) continue;
      const rate = Math.max(0, cpuSeconds - first) / seconds;
      out.set(id, rate);
      total = (total ?? 0) + rate;
    }
    if (total !== undefined) out.set(uid, total);
  }
  out.set('', Math.max(0, after.node.cpuSeconds - before.node.cpuSeconds) / seconds);
  return out;
}
