/** How many seats a priority level has, from its shares of the whole. */
export interface Share {
  /** Its part of all seats. */
  readonly nominal: number;
  /** What it keeps even when others need seats. */
  readonly min: number;
  /** What it may use when others need none. */
  readonly max: number;
}
export interface ShareSpec {
  readonly shares: number;
  readonly lendablePercent: number;
  readonly borrowingLimitPercent: number | undefined;
}

/** Divides `total` seats as PriorityLevelConfigurationSpec says: shares, and of them percents to lend and to borrow. */
export function divide(total: number, specs: readonly ShareSpec[]): Share[] {
  const sum = specs.reduce((all, { shares }) => all + shares, 0);
  return specs.map(({ shares, lendablePercent, borrowingLimitPercent }) => {
    const nominal = sum === 0 ? 0 : Math.ceil((total * shares) / sum);
    const lendable = Math.round((nominal * lendablePercent) / 100);
    const borrowed = borrowingLimitPercent === undefined ? total : Math.round((nominal * borrowingLimitPercent) / 100);
    return { nominal, min: nominal - lendable, max: Math.min(nominal + borrowed, Math.max(total, nominal)) };
  });
}

/**
 * Seats of several levels out of one whole. Each level always finds its minimum; what the others keep for themselves
 * beyond that and do not use, anyone may take up to his maximum. Nothing is lent for a time: a seat that is free at
 * this moment is free for whoever may have it, and comes back when its request is answered.
 */
export class SeatPool {
  readonly total: number;
  /** What is taken, or kept for its level: the sum of max(in use, minimum). */
  #committed = 0;
  constructor(total: number) {
    this.total = total;
  }
  /** Makes room for a level, or changes its share. `from` is undefined for a new one, `to` for one that goes. */
  resize(inUse: number, from: Share | undefined, to: Share | undefined): void {
    this.#committed += (to ? Math.max(inUse, to.min) : inUse) - (from ? Math.max(inUse, from.min) : inUse);
  }
  /** Whether `width` more seats fit. A request wider than all its level may have fits when it is alone there. */
  fits(share: Share, inUse: number, width: number): boolean {
    const wanted = inUse + width;
    if (wanted <= share.min) return true;
    if (wanted > share.max) return inUse === 0 && share.max > 0 && width > share.max;
    return this.#committed - Math.max(inUse, share.min) + wanted <= this.total;
  }
  take(share: Share, inUse: number, width: number): void {
    this.#committed += Math.max(inUse + width, share.min) - Math.max(inUse, share.min);
  }
  give(share: Share, inUse: number, width: number): void {
    this.#committed += Math.max(inUse - width, share.min) - Math.max(inUse, share.min);
  }
  get committed(): number {
    return this.#committed;
  }
}
