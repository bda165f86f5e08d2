const firstMs = 1000;
const capMs = 15 * 60_000;

/** How often pods failed in a place (on a node, under a name), so that a node that refuses them is not asked again and again at once. */
export class Failures {
  readonly #entries = new Map<string, { wait: number; since: number }>();

  /** How long the next replacement has to wait, ms; 0 = it need not. */
  wait(key: string, now: number): number {
    const entry = this.#entries.get(key);
    return entry ? Math.max(0, entry.since + entry.wait - now) : 0;
  }
  /** Counts a failure. One that comes long after the last begins anew. */
  count(key: string, now: number): void {
    const entry = this.#entries.get(key);
    const recent = entry && now - entry.since < 2 * capMs;
    this.#entries.set(key, { wait: recent ? Math.min(capMs, entry.wait * 2) : firstMs, since: now });
    if (!recent) for (const [other, { since }] of this.#entries) if (now - since >= 2 * capMs) this.#entries.delete(other);
  }
}
