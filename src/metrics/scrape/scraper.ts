import { isDeepStrictEqual } from 'node:util';
import type { Clock, Logger, Timer } from '#base';
import type { Described, MetricSource, Sample } from '../source.ts';
import type { Fetch } from './fetch.ts';
import { metricNames } from './names.ts';
import { indexTargets, targetsOf, type Target, type TargetSources } from './targets.ts';
import { parseMetrics, type Series } from './text.ts';

export interface ScraperDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly fetch: Fetch;
  readonly sources: TargetSources;
  readonly periodMs: number;
}
/** What was scraped of one target. */
interface Scraped {
  readonly target: Target;
  readonly time: number;
  /** Counters of this scrape, by series, for the rates of the next one. */
  readonly counters: ReadonlyMap<string, number>;
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
}

const concurrency = 20;
const pods: Described = { group: '', plural: 'pods', namespaced: true };
const services: Described = { group: '', plural: 'services', namespaced: true };
const namespaces: Described = { group: '', plural: 'namespaces', namespaced: false };

/** Metrics of annotated pods and Services, read from their own pages every few seconds. */
export class Scraper implements MetricSource {
  readonly name = 'scrape';
  readonly #deps: ScraperDeps;
  #scraped = new Map<string, Scraped>();
  /** By the objects that they describe: plural, namespace and name. */
  #byObject = new Map<string, Scraped[]>();
  #custom: readonly (Described & { readonly metric: string })[] = [];
  readonly #followers: (() => void)[] = [];
  #timer: Timer | undefined;
  #stopped = false;
  constructor(deps: ScraperDeps) {
    this.#deps = deps;
    indexTargets(deps.sources);
  }
  start(): void {
    void this.round().finally(() => {
      if (!this.#stopped) this.#timer = this.#deps.clock.after(this.#deps.periodMs, () => this.start());
    });
  }
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
  follow(changed: () => void): void {
    this.#followers.push(changed);
  }

  /** Scrapes every target once. Never rejects. */
  async round(): Promise<void> {
    const targets = [...targetsOf(this.#deps.sources).values()];
    const next = new Map<string, Scraped>();
    let at = 0;
    const work = async (): Promise<void> => {
      for (let target = targets[at++]; target && !this.#stopped; target = targets[at++]) {
        const scraped = await this.#scrape(target);
        if (scraped) next.set(target.url, scraped);
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, targets.length) }, work));
    if (this.#stopped) return;
    this.#scraped = next;
    this.#byObject = byObject(next.values());
    const before = this.#custom;
    this.#custom = describedIn(next.values());
    if (isDeepStrictEqual(before, this.#custom)) return;
    for (const follower of this.#followers) follower();
  }
  /** Undefined when the target does not answer: what it said before is old. */
  async #scrape(target: Target): Promise<Scraped | undefined> {
    try {
      const text = await this.#deps.fetch(target.url);
      return measure(target, parseMetrics(text), this.#deps.clock.now(), this.#scraped.get(target.url));
    } catch (error) {
      this.#deps.log.debug('a target could not be scraped', { url: target.url, error });
      return undefined;
    }
  }

  custom(): Iterable<Described & { readonly metric: string }> {
    return this.#custom;
  }
  *samples({ group, plural }: Described, namespace: string, name: string, metric: string): Iterable<Sample> {
    if (group !== '') return;
    for (const { samples } of this.#byObject.get(`${plural}/${namespace}/${name}`) ?? []) yield* samples.get(metric) ?? [];
  }
  external(): Iterable<string> {
    return this.#custom.filter(({ plural }) => plural === namespaces.plural).map(({ metric }) => metric);
  }
  *externalSamples(namespace: string, metric: string): Iterable<Sample> {
    for (const { target, samples } of this.#scraped.values()) {
      if (target.namespace !== namespace) continue;
      const own = target.pod ? { pod: target.pod } : {};
      for (const sample of samples.get(metric) ?? []) yield { ...sample, labels: { ...own, ...sample.labels } };
    }
  }
}

/** Which metrics there are of which objects, in order. */
function describedIn(all: Iterable<Scraped>): (Described & { metric: string })[] {
  const found = new Map<Described, Set<string>>([pods, services, namespaces].map((one) => [one, new Set()]));
  for (const { target, samples } of all) {
    for (const metric of samples.keys()) {
      if (target.pod) found.get(pods)?.add(metric);
      if (target.services.size > 0) found.get(services)?.add(metric);
      found.get(namespaces)?.add(metric);
    }
  }
  return [...found].flatMap(([described, metrics]) => [...metrics].toSorted().map((metric) => ({ ...described, metric })));
}
function byObject(all: Iterable<Scraped>): Map<string, Scraped[]> {
  const out = new Map<string, Scraped[]>();
  for (const scraped of all) {
    const { namespace, pod, services: names } = scraped.target;
    const keys = [`namespaces//${namespace}`, ...[...names].map((name) => `services/${namespace}/${name}`), ...(pod ? [`pods/${namespace}/${pod}`] : [])];
    for (const key of keys) {
      const list = out.get(key);
      if (list) list.push(scraped);
      else out.set(key, [scraped]);
    }
  }
  return out;
}
function measure(target: Target, series: readonly Series[], time: number, before: Scraped | undefined): Scraped {
  const counters = new Map<string, number>();
  const samples = new Map<string, Sample[]>();
  const seconds = before ? (time - before.time) / 1000 : 0;
  for (const { name, labels, value, counter } of series) {
    const sample = counter ? rate(name + JSON.stringify(labels), value, labels) : { value, time, labels };
    if (!sample) continue;
    for (const metric of metricNames(name, counter)) {
      const list = samples.get(metric);
      if (list) list.push(sample);
      else samples.set(metric, [sample]);
    }
  }
  /** Undefined the first time. A counter that is smaller than before began anew. */
  function rate(key: string, value: number, labels: Sample['labels']): Sample | undefined {
    counters.set(key, value);
    const old = before?.counters.get(key);
    if (old === undefined || seconds <= 0) return undefined;
    return { value: (value >= old ? value - old : value) / seconds, time, windowSeconds: Math.max(1, Math.round(seconds)), labels };
  }
  return { target, time, counters, samples };
}
