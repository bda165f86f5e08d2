import { parseAmount } from '#base';
import type { V1DeviceRequestAllocationResult } from '#kinds';
import type { Consumed } from './capacity.ts';
import { deviceKey } from './inventory.ts';

interface Share {
  holders: number;
  /** Billionths, by the device's names of its capacities. */
  readonly amounts: Map<string, bigint>;
}

/** Which devices are held: whole, or in shares that take of their capacity. */
export class Usage {
  readonly #whole = new Set<string>();
  readonly #shares = new Map<string, Share>();

  /** What an allocation holds. Access for administration holds nothing. */
  add(results: readonly V1DeviceRequestAllocationResult[] | undefined): void {
    for (const { driver, pool, device, adminAccess, shareID, consumedCapacity } of results ?? []) {
      if (adminAccess) continue;
      const consumed = Object.entries(consumedCapacity ?? {}).flatMap(([name, text]) => {
        const amount = parseAmount(text);
        return amount ? [[name, amount] as const] : [];
      });
      this.take(deviceKey(driver, pool, device), shareID === undefined ? undefined : new Map(consumed));
    }
  }
  /** `consumed`: a share; undefined: the whole device. */
  take(key: string, consumed: Consumed | undefined): void {
    if (!consumed) {
      this.#whole.add(key);
      return;
    }
    const share: Share = this.#shares.get(key) ?? { holders: 0, amounts: new Map() };
    this.#shares.set(key, share);
    share.holders++;
    for (const [name, { nano }] of consumed) share.amounts.set(name, (share.amounts.get(name) ?? 0n) + nano);
  }
  /** Undoes `take`. */
  giveBack(key: string, consumed: Consumed | undefined): void {
    const share = this.#shares.get(key);
    if (!consumed || !share) {
      this.#whole.delete(key);
      return;
    }
    if (--share.holders === 0) this.#shares.delete(key);
    for (const [name, { nano }] of consumed) share.amounts.set(name, (share.amounts.get(name) ?? 0n) - nano);
  }
  isWhole(key: string): boolean {
    return this.#whole.has(key);
  }
  isShared(key: string): boolean {
    return this.#shares.has(key);
  }
  isUsed(key: string): boolean {
    return this.#whole.has(key) || this.#shares.has(key);
  }
  /** Billionths that shares take of a capacity. */
  consumed(key: string, name: string): bigint {
    return this.#shares.get(key)?.amounts.get(name) ?? 0n;
  }
  copy(): Usage {
    const out = new Usage();
    for (const key of this.#whole) out.#whole.add(key);
    for (const [key, { holders, amounts }] of this.#shares) out.#shares.set(key, { holders, amounts: new Map(amounts) });
    return out;
  }
}
