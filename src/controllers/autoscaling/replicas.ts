/**
 * How many replicas a metric asks for. Pure; the rules are those of the documentation page "Horizontal Pod Autoscaling",
 * section "Algorithm details". Amounts are thousandths, times are ms.
 */
import type { V1Pod } from '#kinds';
import { isPodReady, podCondition } from '../pods.ts';
import { milliOf } from './milli.ts';

/** How far a ratio may be from 1 without a change. */
export interface Tolerances {
  readonly scaleUp: number;
  readonly scaleDown: number;
}
export interface PodMetric {
  readonly value: number;
  readonly timestamp: number;
  readonly windowMs: number;
}
export type PodMetrics = ReadonlyMap<string, PodMetric>;

export interface Rules {
  readonly tolerances: Tolerances;
  /** CPU of pods that are younger counts only while they are ready. */
  readonly cpuInitializationMs: number;
  /** A pod that turned unready within this time of its start was never ready. */
  readonly initialReadinessMs: number;
  readonly now: number;
}

export interface Proposal {
  readonly replicas: number;
  /** The average for each pod, or the whole value of object and external metrics. */
  readonly value: number;
  /** Percent of what the pods request; only of utilization targets. */
  readonly utilization?: number;
}

/** A calculation that cannot be made; the message is what users read. */
export class Incalculable extends Error {}

export function within({ scaleUp, scaleDown }: Tolerances, ratio: number): boolean {
  return 1 - scaleDown <= ratio && ratio <= 1 + scaleUp;
}

interface Groups {
  readonly ready: number;
  readonly unready: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
  /** Failed or being deleted. */
  readonly ignored: ReadonlySet<string>;
}
const nameOf = (pod: V1Pod): string => pod.metadata?.name ?? '';

export function groupPods(pods: readonly V1Pod[], metrics: PodMetrics, resource: string, rules: Rules): Groups {
  const unready = new Set<string>();
  const missing = new Set<string>();
  const ignored = new Set<string>();
  let ready = 0;
  for (const pod of pods) {
    const name = nameOf(pod);
    const metric = metrics.get(name);
    if (pod.metadata?.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') ignored.add(name);
    else if (pod.status?.phase === 'Pending') unready.add(name);
    else if (!metric) missing.add(name);
    else if (resource === 'cpu' && !cpuCounts(pod, metric, rules)) unready.add(name);
    else ready++;
  }
  return { ready, unready, missing, ignored };
}
/** CPU of a pod that is starting says nothing of its load. */
function cpuCounts(pod: V1Pod, { timestamp, windowMs }: PodMetric, { now, cpuInitializationMs, initialReadinessMs }: Rules): boolean {
  const condition = podCondition(pod, 'Ready');
  const startedAt = Date.parse(pod.status?.startTime ?? '');
  if (!condition || Number.isNaN(startedAt)) return false;
  const changedAt = Date.parse(condition.lastTransitionTime ?? '') || 0;
  const unready = condition.status === 'False';
  if (startedAt + cpuInitializationMs > now) return !unready && timestamp >= changedAt + windowMs;
  return !(unready && startedAt + initialReadinessMs > changedAt);
}

/** What each pod requests of a resource; of one container, or of all. Throws Incalculable. */
export function podRequests(pods: readonly V1Pod[], resource: string, container: string | undefined): Map<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    // A request of the whole pod stands for those of its containers.
    const whole =
      container === undefined
        ? (pod.spec as { resources?: { requests?: { [name: string]: string } } } | undefined)?.resources?.requests?.[resource]
        : undefined;
    if (whole !== undefined) {
      requests.set(nameOf(pod), milliOf(whole));
      continue;
    }
    let sum = 0;
    const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
    const all = [...(pod.spec?.containers ?? []), ...sidecars].filter(({ name }) => container === undefined || name === container);
    for (const one of all) {
      const request = one.resources?.requests?.[resource];
      if (request === undefined) throw new Incalculable(`missing request for ${resource} in container ${one.name} of Pod ${nameOf(pod)}`);
      sum += milliOf(request);
    }
    requests.set(nameOf(pod), sum);
  }
  return requests;
}

interface Measure {
  /** Used by target. */
  readonly ratio: number;
  readonly value: number;
  readonly utilization?: number;
}
/** The parts of which averages over pods are made. */
interface Averaging {
  readonly pods: readonly V1Pod[];
  readonly metrics: PodMetrics;
  /** Empty where the metric is none of a resource. */
  readonly resource: string;
  measure(values: ReadonlyMap<string, number>): Measure;
  /** What a pod without a metric counts as when replicas are to be taken away. */
  fallback(pod: string): number;
}

/** A share of what the pods request. Throws Incalculable. */
export function byUtilization(
  current: number,
  target: number,
  { pods, metrics, resource, container }: { pods: readonly V1Pod[]; metrics: PodMetrics; resource: string; container?: string | undefined },
  rules: Rules,
): Proposal {
  if (pods.length === 0) throw new Incalculable('no pods returned by selector while calculating replica count');
  const requests = podRequests(pods, resource, container);
  const measure = (values: ReadonlyMap<string, number>): Measure => {
    let used = 0;
    let requested = 0;
    let counted = 0;
    for (const [pod, value] of values) {
      const request = requests.get(pod);
      if (request === undefined) continue;
      used += value;
      requested += request;
      counted++;
    }
    if (requested === 0) throw new Incalculable('no metrics returned matched known pods');
    const utilization = Math.trunc((used * 100) / requested);
    return { ratio: utilization / target, utilization, value: Math.trunc(used / counted) };
  };
  const fallback = (pod: string): number => ((requests.get(pod) ?? 0) * Math.max(100, target)) / 100;
  return averaged(current, { pods, metrics, resource, measure, fallback }, rules);
}

/** An amount for each pod. Throws Incalculable. */
export function byAverage(
  current: number,
  target: number,
  { pods, metrics, resource }: { pods: readonly V1Pod[]; metrics: PodMetrics; resource: string },
  rules: Rules,
): Proposal {
  if (pods.length === 0) throw new Incalculable('no pods returned by selector while calculating replica count');
  const measure = (values: ReadonlyMap<string, number>): Measure => {
    let sum = 0;
    for (const value of values.values()) sum += value;
    const value = Math.trunc(sum / values.size);
    return { ratio: value / target, value };
  };
  return averaged(current, { pods, metrics, resource, measure, fallback: () => target }, rules);
}

function averaged(current: number, { pods, metrics, resource, measure, fallback }: Averaging, rules: Rules): Proposal {
  const { ready, unready, missing, ignored } = groupPods(pods, metrics, resource, rules);
  const values = new Map<string, number>();
  for (const [pod, { value }] of metrics) if (!unready.has(pod) && !ignored.has(pod)) values.set(pod, value);
  if (values.size === 0) throw new Incalculable('did not receive metrics for any ready pods');
  const { ratio, ...seen } = measure(values);
  const withUnready = unready.size > 0 && ratio > 1;
  if (!withUnready && missing.size === 0) {
    if (within(rules.tolerances, ratio)) return { replicas: current, ...seen };
    return { replicas: Math.ceil(ratio * ready), ...seen };
  }
  // Nobody knows what these use: they must not make the change larger than it has to be.
  if (ratio < 1) for (const pod of missing) values.set(pod, fallback(pod));
  else if (ratio > 1) for (const pod of missing) values.set(pod, 0);
  if (withUnready) for (const pod of unready) values.set(pod, 0);
  const again = measure(values).ratio;
  if (within(rules.tolerances, again) || (ratio < 1 && again > 1) || (ratio > 1 && again < 1)) return { replicas: current, ...seen };
  const replicas = Math.ceil(again * values.size);
  // A count that grew because pods without metrics were counted is no reason to scale.
  if ((again < 1 && replicas > current) || (again > 1 && replicas < current)) return { replicas: current, ...seen };
  return { replicas, ...seen };
}

/** The whole value by the target, times the pods that are ready; from zero by the value alone. Throws Incalculable. */
export function byValue(current: number, value: number, target: number, pods: readonly V1Pod[], tolerances: Tolerances): Proposal {
  const ratio = value / target;
  if (current === 0) return { replicas: Math.ceil(ratio), value };
  if (within(tolerances, ratio)) return { replicas: current, value };
  if (pods.length === 0) throw new Incalculable('unable to calculate ready pods: no pods returned by selector while calculating replica count');
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length;
  return { replicas: Math.ceil(ratio * ready), value };
}

/** The whole value shared among the replicas there are. */
export function byShare(statusReplicas: number, value: number, target: number, tolerances: Tolerances): Proposal {
  const ratio = value / (target * statusReplicas);
  // From zero there is no ratio: any load asks for replicas.
  const replicas = statusReplicas > 0 && within(tolerances, ratio) ? statusReplicas : Math.ceil(value / target);
  return { replicas, value: statusReplicas > 0 ? Math.ceil(value / statusReplicas) : value };
}
