import type { Clock, Logger, Timer } from '#base';
import type { EmbeddedStore } from './core/embedded.ts';
import { StoreError, type Revision, type Store } from './store.ts';

export interface CompactorOptions {
  /** How often history older than `keepMs` is dropped, ms; 5 minutes by default. */
  readonly everyMs?: number;
  /** How much history stays, ms; 5 minutes by default, as a kube-apiserver does with etcd. */
  readonly keepMs?: number;
  /** At most about this many events stay, however young; 100,000 by default. */
  readonly keepEvents?: number;
  /** At most about this many bytes of old values stay; 64 MiB by default. */
  readonly keepBytes?: number;
  readonly log?: Logger;
}

export interface Compactor {
  close(): void;
}

/** How often the bounds on events and bytes are looked at, ms. */
const LOOK_MS = 5_000;

/** Compacts the store by age and, where the store can say how long its history is, by size. */
export function startCompactor(store: Store | EmbeddedStore, clock: Clock, options: CompactorOptions = {}): Compactor {
  const { everyMs = 300_000, keepMs = 300_000, keepEvents = 100_000, keepBytes = 64 * 1024 * 1024, log } = options;
  /** When which revision was the newest, oldest first. */
  const marks: { at: number; revision: Revision }[] = [];
  let nextByAge = clock.now() + everyMs;
  let timer: Timer;
  let closed = false;

  const aged = (now: number): Revision => {
    let revision = 0;
    while (marks[0] && marks[0].at <= now - keepMs) revision = (marks.shift() as { revision: Revision }).revision;
    return revision;
  };
  const look = async (): Promise<void> => {
    const now = clock.now();
    const revision = 'figures' in store ? store.figures().revision : (await store.get('')).revision;
    if (marks.at(-1)?.revision !== revision) marks.push({ at: now, revision });
    let target = 'excessHistory' in store ? (store.excessHistory(keepEvents, keepBytes) ?? 0) : 0;
    if (now >= nextByAge) {
      nextByAge = now + everyMs;
      target = Math.max(target, aged(now));
    }
    if (target > 0) await store.compact(target);
  };
  const tick = async (): Promise<void> => {
    try {
      await look();
    } catch (error) {
      if (error instanceof StoreError && error.code === 'closed') return;
      log?.warn('compaction failed; it is tried again', { error });
    }
    if (!closed) timer = clock.after(LOOK_MS, () => void tick());
  };
  timer = clock.after(Math.min(LOOK_MS, everyMs), () => void tick());
  return {
    close() {
      closed = true;
      timer.cancel();
    },
  };
}
