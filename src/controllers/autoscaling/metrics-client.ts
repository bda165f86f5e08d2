import type { Informer, KindSource } from '#client';
import type { V1APIService, V2CrossVersionObjectReference } from '#kinds';
import { formatLabelSelector, type Api, type LabelSelector } from '#machinery';
import { milliOf } from './milli.ts';
import { Incalculable, type PodMetric } from './replicas.ts';

interface PodMetricsList {
  readonly items?: readonly {
    readonly metadata: { readonly name: string };
    readonly timestamp: string;
    readonly window: string;
    readonly containers: readonly { readonly name: string; readonly usage: { readonly [resource: string]: string } }[];
  }[];
}
interface MetricValue {
  readonly describedObject: { readonly name: string };
  readonly timestamp: string;
  readonly windowSeconds?: number;
  /** The same in v1beta1. */
  readonly window?: number;
  readonly value: string;
}
interface List<T> {
  readonly items?: readonly T[];
}
/** What custom metrics are told of that say no window, ms. */
const usualWindowMs = 60_000;

/** Metrics, read from whoever serves their APIs. What cannot be had throws Incalculable with the words of kube-controller-manager. */
export class MetricsClient {
  readonly #api: Api;
  readonly #kinds: KindSource;
  readonly #services: Informer<V1APIService>;
  constructor(api: Api, kinds: KindSource, services: Informer<V1APIService>) {
    this.#api = api;
    this.#kinds = kinds;
    this.#services = services;
  }

  /** What each pod uses of a resource: all its containers, or one. Pods of which something is missing are left out. */
  async resource(resource: string, namespace: string, selector: string, container: string | undefined): Promise<Map<string, PodMetric>> {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods${query({ labelSelector: selector })}`;
    const { items = [] } = await this.#read<PodMetricsList>('resource metrics', path);
    if (items.length === 0) throw new Incalculable('no metrics returned from resource metrics API');
    const out = new Map<string, PodMetric>();
    for (const { metadata, timestamp, window, containers } of items) {
      const wanted = container === undefined ? containers : containers.filter(({ name }) => name === container);
      if (container !== undefined && wanted.length === 0)
        throw new Incalculable(`failed to get container metrics: container ${container} not present in metrics for pod ${namespace}/${metadata.name}`);
      if (wanted.some(({ usage }) => usage[resource] === undefined)) continue;
      const value = wanted.reduce((sum, { usage }) => sum + milliOf(usage[resource]), 0);
      out.set(metadata.name, { value, timestamp: Date.parse(timestamp), windowMs: durationOf(window) });
    }
    return out;
  }
  /** A custom metric of each pod. */
  async pods(metric: string, namespace: string, selector: string, metricSelector: LabelSelector | undefined): Promise<Map<string, PodMetric>> {
    const items = await this.#custom(`namespaces/${namespace}/pods/*/${encodeURIComponent(metric)}`, {
      labelSelector: selector,
      metricLabelSelector: selectorText(metricSelector),
    });
    return new Map(
      items.map(({ describedObject, timestamp, window, windowSeconds = window, value }) => [
        describedObject.name,
        {
          value: milliOf(value),
          timestamp: Date.parse(timestamp),
          windowMs: windowSeconds === undefined ? usualWindowMs : windowSeconds * 1000,
        },
      ]),
    );
  }
  /** A custom metric of one object. */
  async object(metric: string, namespace: string, object: V2CrossVersionObjectReference, metricSelector: LabelSelector | undefined): Promise<number> {
    const items = await this.#custom(`${this.#pathOf(namespace, object)}/${encodeURIComponent(metric)}`, {
      metricLabelSelector: selectorText(metricSelector),
    });
    return milliOf(items[0]?.value);
  }
  /** An external metric: the sum of all its series that match. */
  async external(metric: string, namespace: string, metricSelector: LabelSelector | undefined): Promise<number> {
    const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${encodeURIComponent(metric)}`;
    const { items = [] } = await this.#read<List<{ value: string }>>('external metrics', path + query({ labelSelector: selectorText(metricSelector) }));
    if (items.length === 0) throw new Incalculable('no metrics returned from external metrics API');
    return items.reduce((sum, { value }) => sum + milliOf(value), 0);
  }

  async #custom(path: string, parameters: Record<string, string>): Promise<readonly MetricValue[]> {
    const { items = [] } = await this.#read<List<MetricValue>>(
      'custom metrics',
      `/apis/custom.metrics.k8s.io/${this.#customVersion()}/${path}${query(parameters)}`,
    );
    if (items.length === 0) throw new Incalculable('no metrics returned from custom metrics API');
    return items;
  }
  /** An adapter that somebody installed comes before what the process serves itself, then the newer version. */
  #customVersion(): string {
    const versions = ['v1beta2', 'v1beta1'];
    return versions.find((version) => this.#services.get(undefined, `${version}.custom.metrics.k8s.io`)?.spec?.service) ?? 'v1beta2';
  }
  #pathOf(namespace: string, { apiVersion = '', kind, name }: V2CrossVersionObjectReference): string {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    if (kind === 'Namespace' && group === '') return `namespaces/${name}/metrics`;
    const found = this.#kinds.resources().find((one) => one.kind === kind && one.group === group);
    if (!found)
      throw new Incalculable(`unable to map kind ${group ? `${kind}.${group}` : kind} to resource: no matches for kind "${kind}" in group "${group}"`);
    return `namespaces/${namespace}/${group ? `${found.plural}.${group}` : found.plural}/${name}`;
  }
  async #read<T>(what: string, path: string): Promise<T> {
    try {
      return await this.#api.read<T>(path);
    } catch (error) {
      throw new Incalculable(`unable to fetch metrics from ${what} API: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function selectorText(selector: LabelSelector | undefined): string {
  return selector ? formatLabelSelector(selector) : '';
}
function query(parameters: Record<string, string>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return given.length > 0 ? `?${new URLSearchParams(given).toString()}` : '';
}
const units: { readonly [unit: string]: number } = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, µs: 0.001, us: 0.001, ns: 0.000_001 };
/** A Go duration in ms; 0 for what is none. */
export function durationOf(text: string): number {
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|µs|us|ns|h|m|s)/g)) sum += Number(number) * (units[unit as string] as number);
  return sum;
}
