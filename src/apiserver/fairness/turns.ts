/** How long new requests may begin in one turn of the event loop before the rest waits for the next, ms. */
const sliceMs = 5;
/** A turn that takes longer is too long. */
const longTurnMs = 8;
/** Writes wait for the disk together, so many of them in progress cost little. */
const leastWindow = 64;

/**
 * What one thread can do beyond counting seats. A seat says that a request may be in progress; here it says when it may
 * begin, so that a turn of the event loop stays short and whoever comes next is read, and queued fairly, soon. Requests
 * begin for one slice of each turn, and no more are in progress than keep turns short: fewer while turns are long, more
 * again while they are not (additive increase, multiplicative decrease). Requests that wait for something else, a
 * webhook for example, make no turn long, and take nothing from the others.
 */
export class Turns {
  readonly #now: () => number;
  readonly #defer: (fn: () => void) => void;
  readonly #most: number;
  #ended: () => void = () => {};
  #open = false;
  #began = 0;
  window: number;
  running = 0;

  /** `now` gives ms; `defer` calls when this turn of the loop is over. */
  constructor(most: number, now: () => number, defer: (fn: () => void) => void) {
    this.#most = most;
    this.window = most;
    this.#now = now;
    this.#defer = defer;
  }
  /** `ended` is called at the end of each turn in which somebody asked. */
  onEnd(ended: () => void): void {
    this.#ended = ended;
  }
  /** Whether one more request may begin now. */
  mayBegin(): boolean {
    const first = !this.#open;
    if (first) this.#start();
    if (this.running >= this.window) return false;
    return first || this.#now() - this.#began < sliceMs;
  }
  /** Makes sure that `ended` is called. */
  ask(): void {
    if (!this.#open) this.#start();
  }
  #start(): void {
    this.#began = this.#now();
    this.#open = true;
    this.#defer(() => {
      this.#open = false;
      this.#adapt(this.#now() - this.#began);
      this.#ended();
    });
  }
  #adapt(ms: number): void {
    if (ms <= longTurnMs) this.window = Math.min(this.#most, this.window + 4);
    else this.window = Math.max(leastWindow, Math.min(this.window, Math.ceil(this.running * 0.7)));
  }
}
