import type { Clock } from '#base';

/** A key gets at most a fourth of the time: the larger its work, the longer its changes are gathered, up to this. */
const longestMs = 250;
const shareOfTime = 3;
const maxKeys = 1000;

/**
 * Gathers bursts of changes without delaying single ones: a key that was just handled for t ms waits
 * 3·t before it is handled again; a quiet key does not wait at all. On fake time work takes no time: there
 * `leastMs` says how long a key waits after each handling.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #leastMs: number;
  readonly #notBefore = new Map<string, number>();
  constructor(clock: Clock, leastMs = 0) {
    this.#clock = clock;
    this.#leastMs = leastMs;
  }
  /** How long the key has to wait now, ms. */
  wait(key: string): number {
    const at = this.#notBefore.get(key);
    if (at === undefined) return 0;
    const left = at - this.#clock.now();
    if (left > 0) return left;
    this.#notBefore.delete(key);
    return 0;
  }
  /** Call what is returned when the work ends. */
  begin(key: string): () => void {
    const from = this.#clock.now();
    return () => {
      const now = this.#clock.now();
      const rest = Math.max(this.#leastMs, Math.min(longestMs, (now - from) * shareOfTime));
      this.#notBefore.delete(key);
      if (rest <= 0) return;
      this.#notBefore.set(key, now + rest);
      if (this.#notBefore.size > maxKeys) for (const oldest of this.#notBefore.keys()) return void this.#notBefore.delete(oldest);
    };
  }
}
