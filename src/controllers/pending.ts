import { formatTime } from '#base';
import type { Informer } from '#client';
import type { KubeObject } from '#machinery';

/**
 * Reads one's own writes through a cache that lags. What was written is remembered until the informer
 * has seen its revision; what was removed, until the informer has dropped that uid. This takes the place
 * of Kubernetes' expectations: nothing is counted, nothing times out.
 */
export class PendingWrites<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #owners = new Map<string, { written: Map<string, T>; removed: Map<string, T> }>();
  constructor(informer: Informer<T>) {
    this.#informer = informer;
  }
  /** Remembers what the API answered to a write; `owner` groups what `merge` and `forget` act on. */
  wrote(owner: string, object: T): void {
    if (!this.#seen(object)) this.#of(owner).written.set(uidOf(object), object);
  }
  /** Remembers that an object was deleted (or began to be). */
  removed(owner: string, object: T): void {
    this.#of(owner).removed.set(uidOf(object), object);
  }
  /**
   * Remembers that an object was told to end, and what the API answered: until the cache has seen it, it is
   * one that is ending, and neither there as before nor gone.
   */
  ending(owner: string, object: T, answer: KubeObject, now: number): void {
    const deletionTimestamp = answer.metadata?.deletionTimestamp ?? formatTime(now);
    const resourceVersion = answer.metadata?.resourceVersion ?? object.metadata?.resourceVersion ?? '';
    this.wrote(owner, { ...object, metadata: { ...object.metadata, deletionTimestamp, resourceVersion } });
  }
  /** `cached` as it will look once the cache has caught up; removed objects are left out. */
  merge(owner: string, cached: readonly T[]): T[] {
    const pending = this.#owners.get(owner);
    if (!pending) return [...cached];
    for (const [uid, object] of pending.written) if (this.#seen(object)) pending.written.delete(uid);
    for (const [uid, object] of pending.removed) if (this.#gone(object)) pending.removed.delete(uid);
    if (pending.written.size === 0 && pending.removed.size === 0) {
      this.#owners.delete(owner);
      return [...cached];
    }
    const known = new Set(cached.map(uidOf));
    const unseen = [...pending.written.values()].filter((o) => !known.has(uidOf(o)));
    const present = cached.map((o) => pending.written.get(uidOf(o)) ?? o);
    return [...present, ...unseen].filter((o) => !pending.removed.has(uidOf(o)));
  }
  /** Whether the cache has seen all that was written for `owner`. */
  caughtUp(owner: string): boolean {
    if (this.#owners.has(owner)) this.merge(owner, []);
    return !this.#owners.has(owner);
  }
  forget(owner: string): void {
    this.#owners.delete(owner);
  }
  #of(owner: string): { written: Map<string, T>; removed: Map<string, T> } {
    let found = this.#owners.get(owner);
    if (!found) this.#owners.set(owner, (found = { written: new Map(), removed: new Map() }));
    return found;
  }
  #seen(object: T): boolean {
    return Number(this.#informer.resourceVersion) >= Number(object.metadata?.resourceVersion);
  }
  #gone(object: T): boolean {
    const cached = this.#informer.get(object.metadata?.namespace, object.metadata?.name ?? '');
    return cached === undefined || uidOf(cached) !== uidOf(object) || cached.metadata?.deletionTimestamp !== undefined;
  }
}

const uidOf = (object: KubeObject): string => object.metadata?.uid ?? '';
