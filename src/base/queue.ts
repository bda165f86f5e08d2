import { Backoff } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';

export interface QueueObserver<K> {
  added(key: K): void;
  started(key: K): void;
  ended(key: K): void;
  /** It failed, and comes again after a wait. */
  retried(key: K): void;
  /** Whatever was queued is dropped. */
  cleared(): void;
}

export interface WorkQueueOptions<K> {
  clock: Clock;
  /** Handles one key. A rejection is retried with back-off; a number asks to be called again after that many ms. */
  handle(key: K): Promise<number | void>;
  /** Told of every failure. */
  onError?(key: K, error: unknown, retryInMs: number): void;
  concurrency?: number;
  /** Told of everything that happens to a key. */
  observer?: QueueObserver<K> | undefined;
  /** First and longest wait after failures, ms. */
  backoff?: { firstMs: number; capMs: number };
}

/**
 * Level-triggered work: a key is queued at most once, never handled twice at the same time, and handled
 * again if it was added while being handled.
 */
export class WorkQueue<K = string> {
  readonly #options: WorkQueueOptions<K>;
  readonly #backoff: Backoff<K>;
  readonly #queued = new Set<K>();
  readonly #running = new Set<K>();
  readonly #dirty = new Set<K>();
  readonly #timers = new Map<K, { at: number; timer: Timer }>();
  #scheduled = false;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: WorkQueueOptions<K>) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff?.firstMs ?? 5, options.backoff?.capMs ?? 60_000);
  }
  add(key: K): void {
    if (this.#closed) return;
    if (this.#running.has(key)) this.#dirty.add(key);
    else {
      this.#enqueue(key);
      this.#schedule();
    }
  }
  #enqueue(key: K): void {
    if (!this.#queued.has(key)) this.#options.observer?.added(key);
    this.#queued.add(key);
  }
  /** Adds later; an earlier pending time wins. */
  addAfter(key: K, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) return this.add(key);
    const at = this.#options.clock.now() + ms;
    const pending = this.#timers.get(key);
    if (pending && pending.at <= at) return;
    pending?.timer.cancel();
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { at, timer });
  }
  get size(): number {
    return this.#queued.size + this.#running.size;
  }
  /** Resolves when nothing is queued or running (keys waiting for a time do not count). */
  idle(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }
  /** Takes no more work and waits for what runs. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queued.clear();
    this.#options.observer?.cleared();
    this.#dirty.clear();
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await this.idle();
  }
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }
  #pump(): void {
    const limit = this.#options.concurrency ?? 1;
    for (const key of this.#queued) {
      if (this.#running.size >= limit) return;
      this.#queued.delete(key);
      this.#running.add(key);
      this.#options.observer?.started(key);
      void this.#run(key);
    }
  }
  async #run(key: K): Promise<void> {
    try {
      const again = await this.#options.handle(key);
      this.#backoff.forget(key);
      if (typeof again === 'number') this.addAfter(key, again);
    } catch (error) {
      const wait = this.#backoff.next(key);
      this.#options.observer?.retried(key);
      this.#options.onError?.(key, error, wait);
      this.addAfter(key, wait);
    }
    this.#running.delete(key);
    this.#options.observer?.ended(key);
    if (this.#dirty.delete(key) && !this.#closed) this.#enqueue(key);
    if (this.#queued.size > 0) this.#schedule();
    else if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
