import { systemClock, systemRandom, type Logger, type Metrics } from '#base';
import type { Client } from '#client';
import { startControllers, type ControllerOptions } from '#controllers';
import { startScheduler, WhatIf, type PlacementSource, type SchedulerConfiguration } from '#scheduler';
import type { UpOptions } from './options.ts';

export interface LoopOptions extends Omit<ControllerOptions, 'clusterAutoscaler'> {
  readonly scheduling: SchedulerConfiguration | undefined;
  readonly clusterAutoscaler: UpOptions['clusterAutoscaler'];
}

export interface Loops {
  /** Why pods have no node. */
  readonly placements: PlacementSource;
  stop(): Promise<void>;
}

/** Controllers and scheduler. A file of its own, because the API need not wait until they are loaded. */
export function startLoops(client: Client, log: Logger, metrics: Metrics, { scheduling, clusterAutoscaler, ...options }: LoopOptions): Loops {
  const placement = (): WhatIf => new WhatIf({ client, clock: systemClock, log: log.named('cluster-autoscaler') });
  const controllers = startControllers({
    client,
    clock: systemClock,
    random: systemRandom,
    log: log.named('controllers'),
    metrics,
    options: { ...options, clusterAutoscaler: { ...clusterAutoscaler, placement } },
  });
  const scheduler = startScheduler({ client, log: log.named('scheduler'), clock: systemClock, random: systemRandom, configuration: scheduling });
  return { placements: scheduler.placements, stop: async () => void (await Promise.all([controllers.stop(), scheduler.stop()])) };
}
