import type { FilterPlugin, Plugin, PluginContext, PluginDefinition, ScorePlugin } from './plugin.ts';
import { definitions } from './plugins/index.ts';

export interface WeightedScore {
  readonly plugin: ScorePlugin;
  readonly weight: number;
}

/** How the pods of one schedulerName are placed: the plugins per extension point, in order. */
export interface Profile {
  readonly schedulerName: string;
  readonly gates: readonly Plugin[];
  /** The first that rejects a node is the one whose reason is shown. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly WeightedScore[];
  readonly reserving: readonly Plugin[];
  readonly preBinding: readonly Plugin[];
  /** Every plugin of the profile. */
  readonly plugins: readonly Plugin[];
}

export const defaultSchedulerName = 'default-scheduler';

/** The profile that holds where nobody configured one. `created`: its plugins. */
export function makeProfile(schedulerName: string, created: readonly Plugin[]): Profile {
  return {
    schedulerName,
    plugins: created,
    gates: created.filter((plugin) => plugin.gate),
    filters: created.flatMap((plugin) => plugin.filter ?? []),
    scores: created.flatMap(({ score }) => (score ? [{ plugin: score, weight: score.weight }] : [])),
    reserving: created.filter((plugin) => plugin.reserve),
    preBinding: created.filter((plugin) => plugin.preBind),
  };
}

/** All plugins with their default weights. */
export function defaultProfile(context: Omit<PluginContext, 'args'>, from: readonly PluginDefinition[] = definitions): Profile {
  return makeProfile(
    defaultSchedulerName,
    from.map((definition) => definition.create({ ...context, args: undefined })),
  );
}
