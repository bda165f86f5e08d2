import type { Plugin, PluginContext, PluginDefinition } from './plugin.ts';
import { definitions } from './plugins/index.ts';
import { defaultSchedulerName, type Profile } from './profile.ts';

/** The parts of a KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) that matter here. */
export interface SchedulerConfiguration {
  readonly profiles: readonly ProfileSpec[];
  readonly podInitialBackoffSeconds: number;
  readonly podMaxBackoffSeconds: number;
}
interface ProfileSpec {
  readonly schedulerName: string;
  readonly percentageOfNodesToScore: number;
  readonly points: ReadonlyMap<Point, PluginSet>;
  readonly args: ReadonlyMap<string, unknown>;
}
interface PluginSet {
  readonly enabled: readonly { readonly name: string; readonly weight: number | undefined }[];
  readonly disabled: readonly string[];
}

const points = [
  'multiPoint',
  'preEnqueue',
  'queueSort',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
] as const;
type Point = (typeof points)[number];

/** Fields that say how kube-scheduler's own process runs; here they have nothing to act on. */
const processFields = [
  'clientConnection',
  'leaderElection',
  'parallelism',
  'healthzBindAddress',
  'metricsBindAddress',
  'enableProfiling',
  'enableContentionProfiling',
  'delayCacheUntilActive',
];
/** Parts of the scheduler that are no plugins here, but have names of plugins. */
const builtIn = new Set(['PrioritySort', 'DefaultBinder']);

type Fields = { readonly [name: string]: unknown };

/** Checks a KubeSchedulerConfiguration. Throws an Error that names the field. */
export function readConfiguration(given: unknown): SchedulerConfiguration {
  const config = fields(given, '', [
    'apiVersion',
    'kind',
    'profiles',
    'percentageOfNodesToScore',
    'podInitialBackoffSeconds',
    'podMaxBackoffSeconds',
    'extenders',
    ...processFields,
  ]);
  if (config['apiVersion'] !== 'kubescheduler.config.k8s.io/v1' || config['kind'] !== 'KubeSchedulerConfiguration')
    throw new Error('must be a KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1');
  if (array(config['extenders'], 'extenders').length > 0) throw new Error('extenders: not implemented; use profiles and plugins');
  const percentage = number(config, '', 'percentageOfNodesToScore', 0, 0, 100);
  const profiles = array(config['profiles'] ?? [{}], 'profiles').map((profile, i) => readProfile(profile, `profiles[${i}]`, percentage));
  const names = profiles.map((profile) => profile.schedulerName);
  for (const [i, name] of names.entries()) if (names.indexOf(name) !== i) throw new Error(`profiles[${i}].schedulerName: Duplicate value: "${name}"`);
  const podInitialBackoffSeconds = number(config, '', 'podInitialBackoffSeconds', 1, 1, 1e6);
  const podMaxBackoffSeconds = number(config, '', 'podMaxBackoffSeconds', Math.max(10, podInitialBackoffSeconds), podInitialBackoffSeconds, 1e6);
  return { profiles, podInitialBackoffSeconds, podMaxBackoffSeconds };
}

function readProfile(given: unknown, path: string, percentage: number): ProfileSpec {
  const profile = fields(given, path, ['schedulerName', 'percentageOfNodesToScore', 'plugins', 'pluginConfig']);
  const plugins = fields(profile['plugins'] ?? {}, `${path}.plugins`, points);
  const { schedulerName = defaultSchedulerName } = profile;
  if (typeof schedulerName !== 'string' || schedulerName === '') throw new Error(`${path}.schedulerName: Required value`);
  const args = new Map<string, unknown>();
  for (const [i, item] of array(profile['pluginConfig'], `${path}.pluginConfig`).entries()) {
    const { name, args: own } = fields(item, `${path}.pluginConfig[${i}]`, ['name', 'args']);
    args.set(known(name, `${path}.pluginConfig[${i}].name`), own);
  }
  return {
    schedulerName,
    percentageOfNodesToScore: number(profile, path, 'percentageOfNodesToScore', percentage, 0, 100),
    points: new Map(points.map((point) => [point, readSet(plugins[point], `${path}.plugins.${point}`)])),
    args,
  };
}
function readSet(given: unknown, path: string): PluginSet {
  const set = fields(given ?? {}, path, ['enabled', 'disabled']);
  const enabled = array(set['enabled'], `${path}.enabled`).map((item, i) => {
    const one = fields(item, `${path}.enabled[${i}]`, ['name', 'weight']);
    const weight = one['weight'] === undefined ? undefined : number(one, `${path}.enabled[${i}]`, 'weight', 1, 0, 1e6);
    return { name: known(one['name'], `${path}.enabled[${i}].name`), weight: weight === 0 ? undefined : weight };
  });
  const disabled = array(set['disabled'], `${path}.disabled`).map((item, i) => {
    const { name } = fields(item, `${path}.disabled[${i}]`, ['name', 'weight']);
    return name === '*' ? '*' : known(name, `${path}.disabled[${i}].name`);
  });
  return { enabled, disabled };
}

/** Makes the profiles. Throws an Error that names the plugin whose arguments are wrong. */
export function makeProfiles({ profiles }: SchedulerConfiguration, context: Omit<PluginContext, 'args'>): Profile[] {
  return profiles.map((spec) => {
    const created = definitions.map((definition) => create(definition, spec, context));
    const at = (point: Point): Chosen[] => choose(created, spec.points.get('multiPoint') ?? none, spec.points.get(point) ?? none);
    const plugins = (point: Point): Plugin[] => at(point).map((one) => one.plugin);
    if (!canBind(spec)) throw new Error(`profile ${spec.schedulerName}: at least one bind plugin is needed`);
    const used = new Set(points.flatMap(plugins));
    return {
      schedulerName: spec.schedulerName,
      plugins: created.filter((plugin) => used.has(plugin)),
      gates: plugins('preEnqueue').filter((plugin) => plugin.gate),
      filters: plugins('filter').flatMap((plugin) => plugin.filter ?? []),
      scores: at('score').flatMap(({ plugin: { score }, weight }) => (score ? [{ plugin: score, weight: weight ?? score.weight }] : [])),
      reserving: plugins('reserve').filter((plugin) => plugin.reserve),
      preBinding: plugins('preBind').filter((plugin) => plugin.preBind),
      postBinding: plugins('postBind').filter((plugin) => plugin.postBind),
      preemption: plugins('postFilter').find((plugin) => plugin.preemption)?.preemption,
      percentageOfNodesToScore: spec.percentageOfNodesToScore,
    };
  });
}

interface Chosen {
  readonly plugin: Plugin;
  readonly weight: number | undefined;
}
const none: PluginSet = { enabled: [], disabled: [] };

/** All plugins less the disabled ones, with the weights of the configuration; what a point says goes before what multiPoint says. */
function choose(created: readonly Plugin[], multi: PluginSet, own: PluginSet): Chosen[] {
  const off = (set: PluginSet, name: string): boolean => set.disabled.includes('*') || set.disabled.includes(name);
  const on = (set: PluginSet, name: string): PluginSet['enabled'][number] | undefined => set.enabled.find((one) => one.name === name);
  return created.flatMap((plugin) => {
    const { name } = plugin;
    const here = on(own, name);
    const everywhere = on(multi, name);
    if (here) return [{ plugin, weight: here.weight ?? everywhere?.weight }];
    if (off(own, name) || (off(multi, name) && !everywhere)) return [];
    return [{ plugin, weight: everywhere?.weight }];
  });
}
function canBind({ points: sets }: ProfileSpec): boolean {
  const name = 'DefaultBinder';
  const binder = { name } as Plugin;
  return choose([binder], sets.get('multiPoint') ?? none, sets.get('bind') ?? none).length > 0;
}
function create(definition: PluginDefinition, { schedulerName, args }: ProfileSpec, context: Omit<PluginContext, 'args'>): Plugin {
  try {
    return definition.create({ ...context, args: args.get(definition.name) });
  } catch (error) {
    throw new Error(`profile ${schedulerName}, pluginConfig of ${definition.name}: ${(error as Error).message}`, { cause: error });
  }
}

// ---- reading ----

function fields(given: unknown, path: string, names: readonly string[]): Fields {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error(`${path || 'configuration'}: must be an object`);
  for (const name of Object.keys(given)) if (!names.includes(name)) throw new Error(`unknown field "${path === '' ? name : `${path}.${name}`}"`);
  return given as Fields;
}
function array(given: unknown, path: string): readonly unknown[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) throw new Error(`${path}: must be a list`);
  return given;
}
function number(from: Fields, path: string, name: string, fallback: number, least: number, most: number): number {
  const value = from[name];
  if (value === undefined || value === null) return fallback;
  const field = path === '' ? name : `${path}.${name}`;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw new Error(`${field}: Invalid value: ${JSON.stringify(value)}: not in valid range [${least}-${most}]`);
  return value;
}
function known(name: unknown, path: string): string {
  if (typeof name === 'string' && (builtIn.has(name) || definitions.some((definition) => definition.name === name))) return name;
  throw new Error(`${path}: Invalid value: ${JSON.stringify(name)}: there is no such plugin`);
}
