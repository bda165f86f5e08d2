import type { Clock, Logger, Random } from '#base';

/** An event as EventBridge carries it (EventBridge user guide, event structure). */
export interface AwsEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': string;
  /** `aws.ecr`. */
  readonly source: string;
  readonly account: string;
  /** RFC 3339 in seconds. */
  readonly time: string;
  readonly region: string;
  /** ARNs. */
  readonly resources: readonly string[];
  readonly detail: object;
}
/** What a service tells; the bus gives it its id and, without `at` (ms since the epoch), its time. */
export interface NewEvent extends Pick<AwsEvent, 'detail-type' | 'source' | 'account' | 'region' | 'resources' | 'detail'> {
  readonly at?: number;
}

/** Where services put events and others hear of them. Every subscriber gets every event, in order; what one throws does not keep the others. */
export class EventBus {
  readonly #options: { readonly clock: Clock; readonly random: Random; readonly log: Logger };
  readonly #subscribers = new Set<(event: AwsEvent) => void>();

  constructor(options: { readonly clock: Clock; readonly random: Random; readonly log: Logger }) {
    this.#options = options;
  }
  put({ at, ...event }: NewEvent): void {
    const { clock, random, log } = this.#options;
    const time = new Date(at ?? clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const { 'detail-type': type, source, account, region, resources, detail } = event;
    const whole: AwsEvent = { version: '0', id: random.uuid(), 'detail-type': type, source, account, time, region, resources, detail };
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(whole);
      } catch (error) {
        log.error('a subscriber of events failed', { type, error });
      }
    }
  }
  subscribe(subscriber: (event: AwsEvent) => void): { close(): void } {
    this.#subscribers.add(subscriber);
    return { close: () => void this.#subscribers.delete(subscriber) };
  }
}
