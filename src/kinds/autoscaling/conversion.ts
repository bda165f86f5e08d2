/**
 * autoscaling/v1 as autoscaling/v2 and back. What v1 has no fields for travels in annotations, in the words of v1
 * (pkg/apis/autoscaling/v1/conversion.go of Kubernetes).
 */
import type { ObjectMeta } from '#machinery';
import type {
  V1HorizontalPodAutoscaler,
  V1HorizontalPodAutoscalerSpec,
  V1HorizontalPodAutoscalerStatus,
  V2HorizontalPodAutoscaler,
  V2HorizontalPodAutoscalerSpec,
  V2HorizontalPodAutoscalerStatus,
  V2MetricSpec,
  V2MetricStatus,
} from '../generated/types.ts';

const prefix = 'autoscaling.alpha.kubernetes.io/';
const annotations = { metrics: `${prefix}metrics`, current: `${prefix}current-metrics`, conditions: `${prefix}conditions`, behavior: `${prefix}behavior` };

/** Any JSON object; the members that are undefined are left out. */
type Fields = { [field: string]: unknown };
function compact(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
/** An annotation's value; what is malformed counts as absent. */
function parsed(metadata: ObjectMeta | undefined, key: string): unknown {
  try {
    return JSON.parse(metadata?.annotations?.[key] ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

/** The objects of a list; anything else is none. */
const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : []);

const sources = ['object', 'pods', 'resource', 'containerResource', 'external'] as const;
type Source = (typeof sources)[number];
/** The members of a v1 metric, of the spec (`target…`) or of the status (`current…`). */
interface Words {
  readonly value: string;
  readonly averageValue: string;
  readonly averageUtilization: string;
  /** Where the v2 value is. */
  readonly holder: 'target' | 'current';
}
const specWords: Words = { value: 'targetValue', averageValue: 'targetAverageValue', averageUtilization: 'targetAverageUtilization', holder: 'target' };
const statusWords: Words = { value: 'currentValue', averageValue: 'currentAverageValue', averageUtilization: 'currentAverageUtilization', holder: 'current' };
/** Object metrics name their average otherwise than the others. */
const averageWord = (source: Source, words: Words): string => (source === 'object' ? 'averageValue' : words.averageValue);

function metricToV1(metric: V2MetricSpec | V2MetricStatus, words: Words): Fields {
  const out: Fields = { type: metric.type };
  for (const source of sources) {
    const own = metric[source] as Fields | undefined;
    if (!own) continue;
    const identifier = own['metric'] as { name?: string; selector?: unknown } | undefined;
    const value = (own[words.holder] ?? {}) as Fields;
    out[source] = compact({
      target: own['describedObject'],
      name: own['name'],
      container: own['container'],
      metricName: identifier?.name,
      [source === 'external' ? 'metricSelector' : 'selector']: identifier?.selector,
      [words.value]: value['value'],
      [averageWord(source, words)]: value['averageValue'],
      [words.averageUtilization]: value['averageUtilization'],
    });
  }
  return out;
}
function metricToV2(metric: Fields, words: Words): Fields {
  const out: Fields = { type: metric['type'] };
  for (const source of sources) {
    const own = metric[source] as Fields | undefined;
    if (!own) continue;
    const [value, averageValue, averageUtilization] = [own[words.value], own[averageWord(source, words)], own[words.averageUtilization]];
    const type = averageUtilization !== undefined ? 'Utilization' : averageValue !== undefined ? 'AverageValue' : 'Value';
    const selector = own[source === 'external' ? 'metricSelector' : 'selector'];
    out[source] = compact({
      describedObject: own['target'],
      name: own['name'],
      container: own['container'],
      metric: own['metricName'] === undefined ? undefined : compact({ name: own['metricName'], selector }),
      [words.holder]: compact({ type: words.holder === 'target' ? type : undefined, value, averageValue, averageUtilization }),
    });
  }
  return out;
}

const isCpuShare = (metric: V2MetricSpec): boolean =>
  metric.type === 'Resource' && metric.resource?.name === 'cpu' && metric.resource.target?.averageUtilization !== undefined;

function withAnnotations(metadata: ObjectMeta | undefined, values: { [key: string]: unknown }): ObjectMeta {
  const { annotations: given, ...rest } = metadata ?? {};
  const out: { [key: string]: string } = {};
  for (const key in given) if (!Object.values(annotations).includes(key)) out[key] = given[key]!;
  for (const key in values) {
    const value = values[key];
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) out[key] = JSON.stringify(value);
  }
  return Object.keys(out).length > 0 ? { ...rest, annotations: out } : rest;
}

/** The first share of CPU is v1's own field; all else goes into annotations. */
export function toV1({ metadata, spec, status }: V2HorizontalPodAutoscaler): V1HorizontalPodAutoscaler {
  const cpu = spec?.metrics?.find(isCpuShare);
  const current = status?.currentMetrics ?? [];
  const cpuNow = current.find(
    (metric) => metric.type === 'Resource' && metric.resource?.name === 'cpu' && metric.resource.current?.averageUtilization !== undefined,
  );
  const { metrics, behavior, ...ownSpec } = spec ?? ({} as Partial<V2HorizontalPodAutoscalerSpec>);
  const { currentMetrics: _, conditions, ...ownStatus } = status ?? ({} as Partial<V2HorizontalPodAutoscalerStatus>);
  const share = cpu?.resource?.target.averageUtilization;
  const shareNow = cpuNow?.resource?.current.averageUtilization;
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: withAnnotations(metadata, {
      [annotations.metrics]: metrics?.filter((metric) => metric !== cpu).map((metric) => metricToV1(metric, specWords)),
      [annotations.behavior]: behavior,
      [annotations.current]: current.filter((metric) => metric !== cpuNow).map((metric) => metricToV1(metric, statusWords)),
      [annotations.conditions]: conditions,
    }),
    ...(spec ? { spec: { ...ownSpec, ...(share === undefined ? {} : { targetCPUUtilizationPercentage: share }) } as V1HorizontalPodAutoscalerSpec } : {}),
    ...(status
      ? {
          status: {
            currentReplicas: 0,
            ...ownStatus,
            ...(shareNow === undefined ? {} : { currentCPUUtilizationPercentage: shareNow }),
          } as V1HorizontalPodAutoscalerStatus,
        }
      : {}),
  } as V1HorizontalPodAutoscaler;
}

export function toV2({ metadata, spec, status }: V1HorizontalPodAutoscaler): V2HorizontalPodAutoscaler {
  const { targetCPUUtilizationPercentage: share, ...ownSpec } = spec ?? ({} as Partial<V1HorizontalPodAutoscalerSpec>);
  const { currentCPUUtilizationPercentage: shareNow, ...ownStatus } = status ?? ({} as Partial<V1HorizontalPodAutoscalerStatus>);
  const others = list(parsed(metadata, annotations.metrics)).map((metric) => metricToV2(metric, specWords) as unknown as V2MetricSpec);
  const cpu: V2MetricSpec[] =
    share === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: share } } }];
  const current = list(parsed(metadata, annotations.current)).map((metric) => metricToV2(metric, statusWords) as unknown as V2MetricStatus);
  const cpuNow: V2MetricStatus[] = shareNow === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: shareNow } } }];
  const behavior = parsed(metadata, annotations.behavior) as V2HorizontalPodAutoscalerSpec['behavior'];
  const conditions = parsed(metadata, annotations.conditions) as V2HorizontalPodAutoscalerStatus['conditions'];
  const metrics = [...others, ...cpu];
  const currentMetrics = [...current, ...cpuNow];
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: withAnnotations(metadata, {}),
    ...(spec ? { spec: { ...ownSpec, ...(metrics.length > 0 ? { metrics } : {}), ...(behavior ? { behavior } : {}) } as V2HorizontalPodAutoscalerSpec } : {}),
    ...(status
      ? {
          status: {
            ...ownStatus,
            ...(currentMetrics.length > 0 ? { currentMetrics } : {}),
            ...(conditions ? { conditions } : {}),
          } as V2HorizontalPodAutoscalerStatus,
        }
      : {}),
  } as V2HorizontalPodAutoscaler;
}
