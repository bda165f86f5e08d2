import { formatTime, type Clock } from '#base';
import type { ObjectKey } from '#machinery';

export interface EventFacts {
  object: { kind?: string; apiVersion?: string; namespace?: string; name: string; uid?: string; resourceVersion?: string; fieldPath?: string };
  type: string;
  reason: string;
  message: string;
  /** Which Event this belongs to. */
  key: string;
  firstTimestamp?: string;
}

interface Series {
  count: number;
  at: number;
  first: string;
  written?: ObjectKey;
}

/** The numbers of client-go (tools/record/events_cache.go). */
const maxSimilar = 10;
const similarForMs = 600_000;
const spamBurst = 25;
const spamRefillMs = 300_000;
const maxEntries = 4096;

/**
 * What becomes of an event before it is written: more than ten of the same reason with different texts
 * within ten minutes are combined into one; equal ones are counted; an object may burst 25 writes and
 * then one every five minutes.
 */
export class Correlator {
  readonly #clock: Clock;
  readonly #series = new Map<string, Series>();
  readonly #similar = new Map<string, { messages: Set<string>; at: number }>();
  readonly #spam = new Map<string, { tokens: number; at: number }>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The event to write, or undefined when its object has had too many. */
  correlate(event: Omit<EventFacts, 'key'>): EventFacts | undefined {
    const object = [event.object.kind, event.object.namespace, event.object.name, event.object.uid, event.object.apiVersion].join('\0');
    const group = [object, event.object.fieldPath, event.type, event.reason].join('\0');
    const combined = this.#isCombined(group, event.message);
    const key = combined ? group : `${group}\0${event.message}`;
    const series = this.#count(key);
    if (!this.#admit(object)) return undefined;
    return { ...event, message: combined ? `(combined from similar events): ${event.message}` : event.message, key, firstTimestamp: series.first };
  }
  count(key: string): number {
    return this.#series.get(key)?.count ?? 1;
  }
  written(key: string): ObjectKey | undefined {
    return this.#series.get(key)?.written;
  }
  remember(key: string, object: ObjectKey): void {
    const series = this.#series.get(key);
    if (series) series.written = object;
  }

  #isCombined(group: string, message: string): boolean {
    const now = this.#clock.now();
    let entry = this.#similar.get(group);
    if (!entry || now - entry.at > similarForMs) entry = { messages: new Set(), at: now };
    entry.at = now;
    if (entry.messages.size < maxSimilar) entry.messages.add(message);
    touch(this.#similar, group, entry);
    return entry.messages.size >= maxSimilar && !entry.messages.has(message);
  }
  #count(key: string): Series {
    const now = this.#clock.now();
    const series = this.#series.get(key) ?? { count: 0, at: now, first: formatTime(now) };
    series.count++;
    series.at = now;
    touch(this.#series, key, series);
    return series;
  }
  #admit(object: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#spam.get(object) ?? { tokens: spamBurst, at: now };
    bucket.tokens = Math.min(spamBurst, bucket.tokens + (now - bucket.at) / spamRefillMs);
    bucket.at = now;
    touch(this.#spam, object, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}

/** Keeps a map at its most recently used entries. */
function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxEntries) for (const oldest of map.keys()) return void map.delete(oldest);
}
