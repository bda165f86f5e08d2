import type { Clock, Logger } from '#base';
import type { Client } from '#client';
import { EndpointSlice, Pod, Service } from '#kinds';
import type { ComputedGroup, UsageMeter } from '#machinery';
import { customMetricsGroup, customVersions } from './custom/custom-group.ts';
import { externalMetricsGroup } from './custom/external-group.ts';
import { Sources } from './custom/sources.ts';
import { resourceMetricsGroup, type ResourceSources } from './resource/group.ts';
import { Samples } from './resource/samples.ts';
import { createFetch } from './scrape/fetch.ts';
import { Scraper } from './scrape/scraper.ts';
import { SimulatedMetrics } from './simulated.ts';
import type { MetricSource } from './source.ts';

export interface MetricsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How often nodes are measured, ms. Default 10 s. */
  readonly resolutionMs?: number;
  /** How often annotated pods and Services are scraped, ms. Default 15 s. */
  readonly scrapePeriodMs?: number | undefined;
}
export interface MetricsStart {
  readonly client: Client;
  /** How each node's usage is learned, by its name: may grow. */
  readonly nodes: () => Iterable<readonly [name: string, meter: UsageMeter]>;
  readonly meter: (node: string) => UsageMeter | undefined;
}
/** What is measured of nodes, pods and applications, as APIs to be served. */
export interface MetricsRoom {
  readonly groups: readonly ComputedGroup[];
  /** From here on there are answers. */
  start(start: MetricsStart): void;
  /** One more source of custom and external metrics: load balancers, the metrics of a cloud. */
  addSource(source: MetricSource): void;
  stop(): void;
}

const resolutionMs = 10_000;
const scrapePeriodMs = 15_000;

export function createMetrics(options: MetricsOptions): MetricsRoom {
  const sources = new Sources();
  let known: ResourceSources | undefined;
  let stop = (): void => {};
  const custom = { client: () => known?.client, sources };
  return {
    groups: [resourceMetricsGroup(() => known), ...customVersions.map((version) => customMetricsGroup(version, custom)), externalMetricsGroup(sources)],
    start(given) {
      const { client, nodes, meter } = given;
      const samples = new Samples({ clock: options.clock, log: options.log, nodes, meter, periodMs: options.resolutionMs ?? resolutionMs });
      known = { client, samples };
      samples.start();
      const scraping = scrape(options, given);
      sources.add(scraping.scraper);
      sources.add(new SimulatedMetrics({ clock: options.clock, pods: client.informer(Pod), meter }));
      stop = () => {
        samples.stop();
        scraping.stop();
      };
    },
    addSource: (source) => sources.add(source),
    stop: () => stop(),
  };
}

function scrape(
  { clock, log, scrapePeriodMs: periodMs = scrapePeriodMs }: MetricsOptions,
  { client, meter }: MetricsStart,
): { scraper: Scraper; stop(): void } {
  const { fetch, close } = createFetch(clock);
  const scraper = new Scraper({
    clock,
    log,
    fetch,
    periodMs,
    sources: {
      pods: client.informer(Pod),
      services: client.informer(Service),
      slices: client.informer(EndpointSlice),
      simulated: (node) => meter(node)?.at !== undefined,
    },
  });
  scraper.start();
  return {
    scraper,
    stop() {
      scraper.stop();
      close();
    },
  };
}
