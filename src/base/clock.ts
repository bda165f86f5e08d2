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

/** A clock that only moves when told to. `advance` runs due timers in order of time, then of creation. */
export class FakeClock implements Clock {
  #now: number;
  #seq = 0;
  #timers: { at: number; seq: number; fn: () => void }[] = [];

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }
  now(): number {
    return this.#now;
  }
  after(ms: number, fn: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, ms), seq: this.#seq++, fn };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((t) => t !== timer)) };
  }
  /** Moves time by `ms`, running what falls due; awaits micro- and macrotasks between timers so that async code settles. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers = this.#timers.filter((t) => t !== next);
      this.#now = next.at;
      next.fn();
      await settle();
    }
    this.#now = end;
  }
  #next(end: number): { at: number; seq: number; fn: () => void } | undefined {
    let best: { at: number; seq: number; fn: () => void } | undefined;
    for (const t of this.#timers) {
      if (t.at <= end && (!best || t.at < best.at || (t.at === best.at && t.seq < best.seq))) best = t;
    }
    return best;
  }
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
  return new Date(ms).toISOString().slice(0, 23) + '000Z';
}
