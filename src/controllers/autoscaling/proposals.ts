import type { V1Pod, V2MetricSpec, V2MetricStatus, V2MetricTarget } from '#kinds';
import type { LabelSelector } from '#machinery';
import type { MetricsClient } from './metrics-client.ts';
import { milliOf, milliText } from './milli.ts';
import { byAverage, byShare, byUtilization, byValue, Incalculable, type Proposal, type Rules } from './replicas.ts';

/** What is scaled, as it is now. */
export interface Target {
  readonly namespace: string;
  readonly selector: string;
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** The pods that the selector picks, when they are needed. */
  readonly pods: () => readonly V1Pod[];
}
/** What one metric asks for. */
export interface MetricOutcome {
  readonly replicas: number;
  /** How the conditions name the metric. */
  readonly name: string;
  readonly status: V2MetricStatus;
}
/** A metric that could not be used. `reason` and `shown` are what the condition and the Event say; `message` is how it is told among the others. */
export class MetricFailure extends Error {
  readonly reason: string;
  readonly shown: string;
  constructor(reason: string, shown: string, message: string) {
    super(message);
    this.reason = reason;
    this.shown = shown;
  }
}

type Compute = (spec: V2MetricSpec, target: Target, client: MetricsClient, rules: Rules) => Promise<MetricOutcome>;
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Throws MetricFailure. */
export function proposalOf(spec: V2MetricSpec, target: Target, client: MetricsClient, rules: Rules): Promise<MetricOutcome> {
  const compute = sources[spec.type];
  if (!compute) return Promise.reject(failure('InvalidMetricSourceType', `unknown metric source type "${spec.type}"`));
  return compute(spec, target, client, rules);
}
function failure(reason: string, shown: string, message = shown): MetricFailure {
  return new MetricFailure(reason, shown, message);
}
/** Whatever goes wrong in `work` is told as a failure of the metric; bugs are thrown on. */
async function told<T>(reason: string, prefix: string, before: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Incalculable)) throw error;
    throw failure(reason, before + textOf(error), prefix + before + textOf(error));
  }
}

const sources: { readonly [type: string]: Compute } = {
  Resource: ({ resource }, target, client, rules) => {
    const { name, target: wanted } = resource!;
    return usage({ source: 'resource', reason: 'FailedGetResourceMetric', resource: name, what: `${name} resource`, wanted }, target, client, rules);
  },
  ContainerResource: ({ containerResource }, target, client, rules) => {
    const { name, container, target: wanted } = containerResource!;
    return usage(
      { source: 'containerResource', reason: 'FailedGetContainerResourceMetric', resource: name, container, what: `${name} container resource`, wanted },
      target,
      client,
      rules,
    );
  },
  Pods: async ({ pods }, target, client, rules) => {
    const { metric, target: wanted } = pods!;
    const { replicas, value } = await told('FailedGetPodsMetric', 'failed to get pods metric value: ', `unable to get metric ${metric.name}: `, async () => {
      const metrics = await client.pods(metric.name, target.namespace, target.selector, metric.selector);
      return byAverage(target.specReplicas, milliOf(wanted.averageValue), { pods: target.pods(), metrics, resource: '' }, rules);
    });
    return { replicas, name: `pods metric ${metric.name}`, status: { type: 'Pods', pods: { metric, current: { averageValue: milliText(value) } } } };
  },
  Object: async ({ object }, target, client, rules) => {
    const { metric, describedObject, target: wanted } = object!;
    const where = `unable to get metric ${metric.name}: ${describedObject.kind} on ${target.namespace} ${describedObject.name}/`;
    const reason = 'FailedGetObjectMetric';
    const { proposal, average } = await told(reason, 'failed to get object metric value: ', '', async () => {
      const value = await told(reason, '', where, () => client.object(metric.name, target.namespace, describedObject, metric.selector)).catch(asIncalculable);
      return whole(value, wanted, target, rules, 'invalid object metric source: neither a value target nor an average value target was set');
    });
    const current = average ? { averageValue: milliText(proposal.value) } : { value: milliText(proposal.value) };
    const name = average ? `external metric ${metric.name}(${selectorText(metric.selector)})` : `${describedObject.kind} metric ${metric.name}`;
    return { replicas: proposal.replicas, name, status: { type: 'Object', object: { describedObject, metric, current } } };
  },
  External: async ({ external }, target, client, rules) => {
    const { metric, target: wanted } = external!;
    const where = `unable to get external metric ${target.namespace}/${metric.name}/${selectorText(metric.selector)}: `;
    const prefix = wanted.averageValue === undefined ? `failed to get external metric ${metric.name}: ` : `failed to get ${metric.name} external metric: `;
    const reason = 'FailedGetExternalMetric';
    const { proposal, average } = await told(reason, prefix, '', async () => {
      const value = await told(reason, '', where, () => client.external(metric.name, target.namespace, metric.selector)).catch(asIncalculable);
      return whole(value, wanted, target, rules, 'invalid external metric source: neither a value target nor an average value target was set');
    });
    const current = average ? { averageValue: milliText(proposal.value) } : { value: milliText(proposal.value) };
    const name = `external metric ${metric.name}(${selectorText(metric.selector)})`;
    return { replicas: proposal.replicas, name, status: { type: 'External', external: { metric, current } } };
  },
};
/** A failure within a failure is told once. */
function asIncalculable(error: unknown): never {
  throw error instanceof MetricFailure ? new Incalculable(error.shown) : error;
}

interface UsageMetric {
  readonly source: 'resource' | 'containerResource';
  readonly reason: string;
  readonly resource: string;
  readonly container?: string;
  readonly what: string;
  readonly wanted: V2MetricTarget;
}
async function usage(
  { source, reason, resource, container, what, wanted }: UsageMetric,
  target: Target,
  client: MetricsClient,
  rules: Rules,
): Promise<MetricOutcome> {
  const { averageValue, averageUtilization } = wanted;
  if (averageValue === undefined && averageUtilization === undefined)
    throw failure(
      reason,
      `invalid ${source === 'resource' ? 'resource' : 'container resource'} metric source: neither a utilization target nor a value target was set`,
    );
  const proposal = await told(reason, `failed to get ${resource} utilization: `, '', async (): Promise<Proposal> => {
    const metrics = await client.resource(resource, target.namespace, target.selector, container).catch((error: unknown) => {
      throw error instanceof Incalculable ? new Incalculable(`unable to get metrics for resource ${resource}: ${error.message}`) : error;
    });
    const input = { pods: target.pods(), metrics, resource, container };
    return averageValue === undefined
      ? byUtilization(target.specReplicas, averageUtilization as number, input, rules)
      : byAverage(target.specReplicas, milliOf(averageValue), input, rules);
  });
  const current = {
    averageValue: milliText(proposal.value),
    ...(proposal.utilization === undefined ? {} : { averageUtilization: proposal.utilization }),
  };
  const status: V2MetricStatus =
    source === 'resource'
      ? { type: 'Resource', resource: { name: resource, current } }
      : { type: 'ContainerResource', containerResource: { name: resource, container: container ?? '', current } };
  return { replicas: proposal.replicas, name: averageValue === undefined ? `${what} utilization (percentage of request)` : what, status };
}

/** Object and external metrics: one value for everything, or shared among the replicas. */
function whole(value: number, wanted: V2MetricTarget, target: Target, { tolerances }: Rules, invalid: string): { proposal: Proposal; average: boolean } {
  if (wanted.averageValue !== undefined) return { average: true, proposal: byShare(target.statusReplicas, value, milliOf(wanted.averageValue), tolerances) };
  if (wanted.value === undefined) throw new Incalculable(invalid);
  return { average: false, proposal: byValue(target.specReplicas, value, milliOf(wanted.value), target.pods(), tolerances) };
}

/** A selector as Go prints it. */
export function selectorText(selector: LabelSelector | undefined): string {
  if (!selector) return 'nil';
  const labels = Object.entries(selector.matchLabels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const requirements = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  const map = labels.map(([key, value]) => `${key}: ${value},`).join('');
  return `&LabelSelector{MatchLabels:map[string]string{${map}},MatchExpressions:[]LabelSelectorRequirement{${requirements.join('')}},}`;
}
