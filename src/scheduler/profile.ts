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
  readonly postBinding: readonly Plugin[];
  /** How room is made for a pod that fits nowhere; undefined: not at all. */
  readonly preemption: Plugin['preemption'];
  /** Of the nodes that can take a pod, how many in a hundred are scored; 0: by the size of the cluster. */
  readonly percentageOfNodesToScore: number;
  /** Every plugin of the profile. */
  readonly plugins: readonly Plugin[];
}

export const defaultSchedulerName = 'default-scheduler';

/** A profile of these plugins, each at all of its points. */
export function makeProfile(schedulerName: string, plugins: readonly Plugin[]): Profile {
  return {
    schedulerName,
    plugins,
    gates: plugins.filter((plugin) => plugin.gate),
    filters: plugins.flatMap((plugin) => plugin.filter ?? []),
    scores: plugins.flatMap(({ score }) => (score ? [{ plugin: score, weight: score.weight }] : [])),
    reserving: plugins.filter((plugin) => plugin.reserve),
    preBinding: plugins.filter((plugin) => plugin.preBind),
    postBinding: plugins.filter((plugin) => plugin.postBind),
    preemption: plugins.find((plugin) => plugin.preemption)?.preemption,
    percentageOfNodesToScore: 0,
  };
}

/** The profile that holds where nobody configured one: all plugins with their default weights. */
export function defaultProfile(context: Omit<PluginContext, 'args'>, from: readonly PluginDefinition[] = definitions): Profile {
  return makeProfile(
    defaultSchedulerName,
    from.map((definition) => definition.create({ ...context, args: undefined })),
  );
}
