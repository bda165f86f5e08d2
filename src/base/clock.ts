import { Heap } from './heap.ts';

/** A pending call; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** The only source of time. Times are milliseconds since the Unix epoch; durations are milliseconds. */
export interface Clock {
  now(): number;
  /** Calls `fn` once, `ms` from now. Timers do not keep the process alive unless `ref` is true. */
  after(ms: number, fn: () => void, ref?: boolean): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fn, ref = false) {
    const handle = setTimeout(fn, Math.min(ms, 0x7fffffff));
    if (!ref) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

interface Pending {
  readonly at: number;
  readonly seq: number;
  fn: (() => void) | undefined;
}

/** A clock that only moves when told to. `advance` runs due timers in order of time, then of creation. */
export class FakeClock implements Clock {
  #now: number;
  #seq = 0;
  /** A heap; what was cancelled stays in it, without a function, until it comes up. */
  readonly #timers = new Heap<Pending>((a, b) => a.at < b.at || (a.at === b.at && a.seq < b.seq));

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }
  now(): number {
    return this.#now;
  }
  after(ms: number, fn: () => void): Timer {
    const timer: Pending = { at: this.#now + Math.max(0, ms), seq: this.#seq++, fn };
    this.#timers.push(timer);
    return { cancel: () => void (timer.fn = undefined) };
  }
  /** When the next timer is due; undefined when there is none. */
  next(): number | undefined {
    for (let first = this.#timers.peek(); first; first = this.#timers.peek()) {
      if (first.fn) return first.at;
      this.#timers.pop();
    }
    return undefined;
  }
  /** Moves time by `ms`, running what falls due; awaits micro- and macrotasks between timers so that async code settles. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let at = this.next(); at !== undefined && at <= end; at = this.next()) {
      this.#runFirst();
      await settle();
    }
    this.#now = end;
  }
  /**
   * As `advance`, but all timers of one moment run before anything else settles, and between moments only promises do:
   * for simulations of millions of timers. What waits for setImmediate goes on once in a while, and at the end.
   */
  async leap(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    let moments = 0;
    for (let at = this.next(); at !== undefined && at <= end; at = this.next()) {
      while (this.next() === at) this.#runFirst();
      await (++moments % momentsPerTurn === 0 ? settle() : settlePromises());
    }
    await settle();
    this.#now = end;
  }
  #runFirst(): void {
    const timer = this.#timers.pop() as Pending;
    this.#now = timer.at;
    timer.fn?.();
  }
}

/** A turn of the event loop costs as much as the work of many moments. */
const momentsPerTurn = 256;

/** Lets every promise run that can: what is given to nextTick waits until no microtask is left. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
/** Lets every promise and setImmediate that is already queued run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = clock.after(ms, done, true);
    function done(): void {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done);
  });
}

/** RFC 3339 with seconds, as metav1.Time is written. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== written.second) written = { second, text: new Date(second * 1000).toISOString().replace('.000Z', 'Z') };
  return written.text;
}
/** Thousands of objects are stamped within one second: they share one string. */
let written = { second: Number.NaN, text: '' };
/** RFC 3339 with microseconds, as metav1.MicroTime is written. */
export function formatMicroTime(ms: number): string {
  const time = Math.floor(ms);
  return `${formatTime(time).slice(0, -1)}.${String(time % 1000).padStart(3, '0')}000Z`;
}
