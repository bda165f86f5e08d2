import type { Clock, Logger } from '#base';
import type { Client } from '#client';
import type { ComputedGroup, UsageMeter } from '#machinery';
import { resourceMetricsGroup, type ResourceSources } from './resource/group.ts';
import { Samples } from './resource/samples.ts';

export interface MetricsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How often nodes are measured, ms. Default 10 s. */
  readonly resolutionMs?: number;
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
  stop(): void;
}

const resolutionMs = 10_000;

export function createMetrics(options: MetricsOptions): MetricsRoom {
  let sources: ResourceSources | undefined;
  return {
    groups: [resourceMetricsGroup(() => sources)],
    start({ client, nodes, meter }) {
      const samples = new Samples({ clock: options.clock, log: options.log, nodes, meter, periodMs: options.resolutionMs ?? resolutionMs });
      sources = { client, samples };
      samples.start();
    },
    stop: () => sources?.samples.stop(),
  };
}
