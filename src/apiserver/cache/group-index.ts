import type { KubeObject } from '#machinery';
import type { CacheEvent } from './event.ts';
import type { WatchGroup } from './watch-group.ts';

interface Trigger {
  readonly value: (object: KubeObject) => string;
  readonly buckets: Map<string, Set<WatchGroup>>;
}

/**
 * Watch groups of one kind. Groups that ask for one value of a field (spec.nodeName=…) wait in a bucket
 * of that value, so that a thousand node agents cost an event two look-ups and not a thousand comparisons.
 */
export class GroupIndex {
  readonly #byKey = new Map<string, WatchGroup>();
  readonly #plain = new Set<WatchGroup>();
  readonly #triggers = new Map<string, Trigger>();

  all(): Iterable<WatchGroup> {
    return this.#byKey.values();
  }
  obtain<G extends WatchGroup>(key: string, make: () => G): G {
    const found = this.#byKey.get(key);
    if (found) return found as G;
    const group = make();
    this.#byKey.set(key, group);
    this.#bucket(group).add(group);
    return group;
  }
  drop(key: string): void {
    const group = this.#byKey.get(key);
    if (!group) return;
    this.#byKey.delete(key);
    const trigger = group.filter.trigger;
    const bucket = this.#bucket(group);
    bucket.delete(group);
    if (trigger && bucket.size === 0) this.#triggers.get(trigger.field)?.buckets.delete(trigger.value);
  }
  offer(event: CacheEvent): void {
    for (const group of this.#plain) group.offer(event);
    for (const { value, buckets } of this.#triggers.values()) {
      if (buckets.size === 0) continue;
      const is = event.entry && value(event.entry.object);
      const was = event.previous && value(event.previous.object);
      if (is !== undefined) for (const group of buckets.get(is) ?? []) group.offer(event);
      if (was !== undefined && was !== is) for (const group of buckets.get(was) ?? []) group.offer(event);
    }
  }
  #bucket(group: WatchGroup): Set<WatchGroup> {
    const wanted = group.filter.trigger;
    if (!wanted) return this.#plain;
    let trigger = this.#triggers.get(wanted.field);
    if (!trigger) this.#triggers.set(wanted.field, (trigger = { value: wanted.read, buckets: new Map() }));
    let bucket = trigger.buckets.get(wanted.value);
    if (!bucket) trigger.buckets.set(wanted.value, (bucket = new Set()));
    return bucket;
  }
}
