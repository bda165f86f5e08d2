import { Heap, type Clock, type Timer } from '#base';
import type { ClusterEvent, FilterPlugin } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';

/** How long pods that failed wait, ms: the first time, and at most. */
export interface BackoffLimits {
  readonly first: number;
  readonly longest: number;
}
const defaultLimits: BackoffLimits = { first: 1000, longest: 10_000 };
/** Unschedulable pods are tried again after this long even if no event spoke for them. */
const longestStayMs = 5 * 60_000;
/** With no other work and few waiting, an event that helps a pod need not wait for its back-off. */
const fewEnoughToHurry = 64;

type Place = 'active' | 'backoff' | 'unschedulable' | 'taken';
interface Item {
  info: PodInfo;
  place: Place;
  attempts: number;
  order: number;
  readyAt: number;
  rejectedBy: readonly FilterPlugin[];
  since: number;
}

/**
 * Pods that wait for a node: active ones by priority, then first come, first served; failed ones back off
 * 1 s to 10 s; unschedulable ones wait for an event that the plugins that rejected them call helpful.
 */
export class SchedulingQueue {
  readonly #items = new Map<string, Item>();
  readonly #active = new Heap<Item>((a, b) => a.info.priority > b.info.priority || (a.info.priority === b.info.priority && a.order < b.order));
  readonly #backoff = new Heap<Item>((a, b) => a.readyAt < b.readyAt);
  readonly #unschedulable = new Set<Item>();
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #limits: BackoffLimits;
  #order = 0;
  #timer: { at: number; timer: Timer } | undefined;

  /** `wake` is called when there may be something to `take`. */
  constructor(clock: Clock, wake: () => void, limits: BackoffLimits = defaultLimits) {
    this.#clock = clock;
    this.#wake = wake;
    this.#limits = limits;
  }
  has(uid: string): boolean {
    return this.#items.has(uid);
  }
  get(uid: string): PodInfo | undefined {
    return this.#items.get(uid)?.info;
  }
  get size(): number {
    return this.#items.size;
  }
  /** How often a pod was tried, and when it is tried again at the latest, ms; undefined when that is at once. */
  standing(uid: string): { readonly attempts: number; readonly nextAttempt: number | undefined } | undefined {
    const item = this.#items.get(uid);
    if (!item) return undefined;
    const { attempts, place, readyAt, since } = item;
    return { attempts, nextAttempt: place === 'backoff' ? readyAt : place === 'unschedulable' ? since + longestStayMs : undefined };
  }
  /** Whether events can help anyone. */
  get anyUnschedulable(): boolean {
    return this.#unschedulable.size > 0;
  }
  /** A new pod, or one whose own change may help it: tried at once. */
  add(info: PodInfo): void {
    const old = this.#items.get(info.uid);
    if (old) this.#unschedulable.delete(old);
    this.#activate({ info, place: 'active', attempts: old?.attempts ?? 0, order: old?.order ?? this.#order++, readyAt: 0, rejectedBy: [], since: 0 });
  }
  /** Something that no event tells may have helped it: tried at once, or when its back-off is over. */
  release(uid: string, hurry: boolean): void {
    const item = this.#items.get(uid);
    if (item?.place !== 'unschedulable') return;
    this.#release(item, hurry);
    this.#arm();
  }
  /** The pod changed in ways that do not help it. */
  refresh(info: PodInfo): void {
    const item = this.#items.get(info.uid);
    if (item) item.info = info;
  }
  remove(uid: string): void {
    const item = this.#items.get(uid);
    if (!item) return;
    this.#items.delete(uid);
    this.#unschedulable.delete(item);
  }
  /** The next pod to place. It stays known until `done`, `retry` or `park`. */
  take(): PodInfo | undefined {
    this.#ripen();
    for (let item = this.#active.pop(); item; item = this.#active.pop()) {
      if (this.#items.get(item.info.uid) !== item || item.place !== 'active') continue; // removed or replaced since
      item.place = 'taken';
      item.attempts++;
      return item.info;
    }
    this.#arm();
    return undefined;
  }
  /** It failed for a reason that passes (a write that was refused): again after the back-off. */
  retry(uid: string): void {
    const item = this.#taken(uid);
    if (item) this.#delay(item);
  }
  /** No node could take it. */
  park(uid: string, rejectedBy: readonly FilterPlugin[]): void {
    const item = this.#taken(uid);
    if (!item) return;
    item.place = 'unschedulable';
    item.rejectedBy = rejectedBy;
    item.since = this.#clock.now();
    item.readyAt = item.since + this.#backoffMs(item.attempts);
    this.#unschedulable.add(item);
    this.#arm();
  }
  /** Moves what the events may have helped. */
  notify(events: readonly ClusterEvent[]): void {
    if (events.length === 0 || this.#unschedulable.size === 0) return;
    const hurry = this.#unschedulable.size <= fewEnoughToHurry && this.#active.size === 0;
    for (const item of this.#unschedulable) {
      if (events.some((event) => helps(event, item))) this.#release(item, hurry);
    }
    this.#arm();
  }
  close(): void {
    this.#timer?.timer.cancel();
    this.#items.clear();
    this.#unschedulable.clear();
  }

  #taken(uid: string): Item | undefined {
    const item = this.#items.get(uid);
    return item?.place === 'taken' ? item : undefined;
  }
  #activate(item: Item): void {
    item.place = 'active';
    this.#items.set(item.info.uid, item);
    this.#active.push(item);
    this.#wake();
  }
  #delay(item: Item): void {
    item.place = 'backoff';
    item.readyAt = this.#clock.now() + this.#backoffMs(item.attempts);
    this.#backoff.push(item);
    this.#arm();
  }
  #release(item: Item, hurry: boolean): void {
    this.#unschedulable.delete(item);
    if (hurry || item.readyAt <= this.#clock.now()) return this.#activate(item);
    item.place = 'backoff';
    this.#backoff.push(item);
  }
  #backoffMs(attempts: number): number {
    return Math.min(this.#limits.longest, this.#limits.first * 2 ** Math.max(0, attempts - 1));
  }
  /** What has waited long enough becomes active. */
  #ripen(): void {
    const now = this.#clock.now();
    for (let item = this.#backoff.peek(); item && item.readyAt <= now; item = this.#backoff.peek()) {
      this.#backoff.pop();
      if (this.#items.get(item.info.uid) === item && item.place === 'backoff') this.#activate(item);
    }
    for (const item of this.#unschedulable) {
      // In order of `since`, so the first that is too young ends the search.
      if (item.since + longestStayMs > now) break;
      this.#release(item, true);
    }
  }
  /** One timer, for whatever falls due first. */
  #arm(): void {
    const first = this.#unschedulable.values().next().value;
    const at = Math.min(this.#backoff.peek()?.readyAt ?? Infinity, first ? first.since + longestStayMs : Infinity);
    if (at === Infinity || (this.#timer && this.#timer.at <= at)) return;
    this.#timer?.timer.cancel();
    const timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#ripen();
      this.#arm();
      this.#wake();
    });
    this.#timer = { at, timer };
  }
}

function helps(event: ClusterEvent, item: Item): boolean {
  // Rejected without a plugin: there were no nodes at all.
  if (item.rejectedBy.length === 0) return event.type === 'NodeAdded';
  return item.rejectedBy.some((plugin) => plugin.unstuckBy(event, item.info));
}
