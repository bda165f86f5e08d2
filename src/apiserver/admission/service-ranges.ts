import { isIPv4 } from 'node:net';
import type { KubeObject } from '#machinery';
import type { ObjectReader } from '../types.ts';
import { NumberPool, parseCidr, staticBand, toNumber, type Range } from './addresses.ts';

interface ServiceCidr extends KubeObject {
  spec?: { cidrs?: string[] };
}
const group = 'networking.k8s.io';
/** Addresses that a Service holds have an object too, for others to see: the Service itself is what counts. */
const managedBy = 'ipaddress.kubernetes.io/managed-by';
const ours = 'ipallocator.k8s.io';

/** Where cluster IPs come from: the range of the instance, and those of ServiceCIDR objects that are not being deleted (KEP-1880). */
export class ServiceRanges {
  readonly pool: NumberPool;
  readonly #own: Range;
  readonly #objects = new Map<string, readonly Range[]>();
  #ranges: readonly Range[] = [];
  constructor(cidr: string, random: () => number) {
    this.#own = parseCidr(cidr);
    this.pool = new NumberPool([], random);
    this.#update();
  }
  follow(reader: ObjectReader): void {
    reader.observe(group, 'servicecidrs', (cidr, old) => {
      const name = (cidr ?? old)?.metadata?.name ?? '';
      const usable = cidr && !cidr.metadata?.deletionTimestamp;
      if (usable) this.#objects.set(name, rangesOf(cidr as ServiceCidr));
      else this.#objects.delete(name);
      this.#update();
    });
    reader.observe(group, 'ipaddresses', (address, old) => {
      const [now, before] = [foreign(address), foreign(old)];
      if (now !== undefined) this.pool.take(now);
      if (before !== undefined) this.pool.release(before);
    });
  }
  /** Why an address cannot be a cluster IP; undefined when it can. */
  refusal(address: string, value: number): string | undefined {
    if (this.pool.contains(value)) return undefined;
    const range = this.#ranges.find(({ base, size }) => value >= base && value < base + size);
    if (!range) return 'the provided network does not match the current range';
    return `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${range.cidr}`;
  }
  /** The own range first; of equal ones each once. */
  #update(): void {
    const all = [this.#own, ...[...this.#objects.values()].flat()];
    this.#ranges = [...new Map(all.map((range) => [`${range.base}/${range.size}`, range])).values()];
    this.pool.spans = this.#ranges.map(({ base, size }) => ({ first: base + 1, last: base + size - 2, band: staticBand(size, 16, 256) }));
  }
}

/** IPv4 only; what is too small to hold a Service holds none. */
function rangesOf({ spec }: ServiceCidr): Range[] {
  return (spec?.cidrs ?? []).filter((cidr) => isIPv4(cidr.split('/')[0] ?? '') && Number(cidr.split('/')[1]) <= 30).map(parseCidr);
}
/** The address of an object that somebody else made. */
function foreign(address: KubeObject | undefined): number | undefined {
  const { name = '', labels } = address?.metadata ?? {};
  return isIPv4(name) && labels?.[managedBy] !== ours ? toNumber(name) : undefined;
}
