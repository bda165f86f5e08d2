/** Exponential back-off per key: first, first×2, … up to a cap; forgotten on success. */
export class Backoff<K = string> {
  readonly #firstMs: number;
  readonly #capMs: number;
  readonly #failures = new Map<K, number>();
  constructor(firstMs: number, capMs: number) {
    this.#firstMs = firstMs;
    this.#capMs = capMs;
  }
  /** Counts a failure and gives the wait before the next try, in ms. */
  next(key: K): number {
    const n = this.#failures.get(key) ?? 0;
    this.#failures.set(key, n + 1);
    return Math.min(this.#capMs, this.#firstMs * 2 ** Math.min(n, 40));
  }
  forget(key: K): void {
    this.#failures.delete(key);
  }
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }
}
