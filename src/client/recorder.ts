import { formatTime, type Clock, type Logger, type Random } from '#base';
import { Event, type V1Event } from '#kinds';
import type { Api, KubeObject } from '#machinery';
import { Correlator, type EventFacts } from './correlator.ts';

export type EventType = 'Normal' | 'Warning';

/** Tells users what happened to an object, as core/v1 Events. Never throws and never waits. */
export interface Recorder {
  /** `object` needs apiVersion, kind and metadata. `fieldPath` names a part of it, for example `spec.containers{web}`. */
  event(object: KubeObject, type: EventType, reason: string, message: string, fieldPath?: string): void;
  /** Resolves when everything recorded so far was written or dropped. */
  flush(): Promise<void>;
  /** Events that were not written: too many at once, or refused. */
  readonly dropped: number;
}

export interface RecorderDeps {
  api: Api;
  clock: Clock;
  random?: Random;
  log?: Logger;
}

const maxInFlight = 64;
const maxQueued = 10_000;

/**
 * A recorder for one component (its name becomes source.component and reportingComponent). Repeats are
 * counted on one Event, and chatter about one object is limited, by the rules of client-go's correlator.
 */
export function createRecorder(deps: RecorderDeps, component: string, host?: string): Recorder {
  return new BackgroundRecorder(deps, component, host);
}

class BackgroundRecorder implements Recorder {
  dropped = 0;
  readonly #deps: RecorderDeps;
  readonly #component: string;
  readonly #host: string | undefined;
  readonly #correlator: Correlator;
  readonly #queue: EventFacts[] = [];
  readonly #busy = new Set<string>();
  #inFlight = 0;
  #lastStamp = 0n;
  #waiters: (() => void)[] = [];

  constructor(deps: RecorderDeps, component: string, host: string | undefined) {
    this.#deps = deps;
    this.#component = component;
    this.#host = host;
    this.#correlator = new Correlator(deps.clock);
  }

  event(object: KubeObject, type: EventType, reason: string, message: string, fieldPath?: string): void {
    const facts = this.#correlator.correlate({ object: reference(object, fieldPath), type, reason, message });
    if (!facts) return;
    if (this.#queue.length >= maxQueued) {
      this.dropped++;
      return;
    }
    this.#queue.push(facts);
    this.#pump();
  }
  flush(): Promise<void> {
    if (this.#inFlight === 0 && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Writes about one and the same Event stay in order: a key that is in flight waits. */
  #pump(): void {
    for (let i = 0; i < this.#queue.length && this.#inFlight < maxInFlight;) {
      const facts = this.#queue[i] as EventFacts;
      if (this.#busy.has(facts.key)) {
        i++;
        continue;
      }
      this.#queue.splice(i, 1);
      this.#inFlight++;
      this.#busy.add(facts.key);
      void this.#write(facts);
    }
    if (this.#inFlight === 0 && this.#queue.length === 0) for (const resolve of this.#waiters.splice(0)) resolve();
  }
  async #write(facts: EventFacts): Promise<void> {
    try {
      await this.#send(facts);
    } catch (error) {
      this.dropped++;
      this.#deps.log?.debug('event not written', { reason: facts.reason, error });
    }
    this.#inFlight--;
    this.#busy.delete(facts.key);
    this.#pump();
  }
  async #send(facts: EventFacts): Promise<void> {
    const known = this.#correlator.written(facts.key);
    const count = this.#correlator.count(facts.key);
    if (known) {
      const change = { count, lastTimestamp: formatTime(this.#deps.clock.now()), message: facts.message };
      try {
        await this.#deps.api.patch(Event, known, 'application/merge-patch+json', change);
        return;
      } catch {
        // Expired or deleted meanwhile: write it anew below.
      }
    }
    const created = await this.#deps.api.create(Event, this.#build(facts, count));
    this.#correlator.remember(facts.key, { namespace: created.metadata?.namespace, name: created.metadata?.name ?? '' });
  }
  #build(facts: EventFacts, count: number): V1Event {
    const now = formatTime(this.#deps.clock.now());
    const ref = facts.object;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${ref.name}.${this.#stamp()}`, namespace: ref.namespace ?? 'default' },
      involvedObject: ref,
      reason: facts.reason,
      message: facts.message,
      source: { component: this.#component, ...(this.#host ? { host: this.#host } : {}) },
      firstTimestamp: facts.firstTimestamp ?? now,
      lastTimestamp: now,
      count,
      type: facts.type,
      reportingComponent: this.#component,
      reportingInstance: this.#host ?? '',
    };
  }
  /** Nanoseconds in hex, as client-go names Events; never the same twice. */
  #stamp(): string {
    const now = BigInt(Math.floor(this.#deps.clock.now())) * 1_000_000n + BigInt(Math.floor((this.#deps.random?.next() ?? 0) * 1000));
    this.#lastStamp = now > this.#lastStamp ? now : this.#lastStamp + 1n;
    return this.#lastStamp.toString(16);
  }
}

function reference(object: KubeObject, fieldPath: string | undefined): EventFacts['object'] {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return {
    ...(object.kind ? { kind: object.kind } : {}),
    ...(object.apiVersion ? { apiVersion: object.apiVersion } : {}),
    ...(namespace ? { namespace } : {}),
    name: name ?? '',
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(fieldPath ? { fieldPath } : {}),
  };
}
