import { addAmounts, formatAmount, formatTime, parseAmount, zeroAmount } from '#base';
import { selectObjects, type Client, type Informer } from '#client';
import { Node, Pod, type V1Node, type V1Pod } from '#kinds';
import { ApiError, notFound, parseFieldSelector, type APIResource, type Column, type ComputedGroup, type ComputedRequest, type KubeObject } from '#machinery';
import type { Reading, Samples } from './samples.ts';

interface Usage {
  readonly cpu: string;
  readonly memory: string;
}
export interface NodeMetrics extends KubeObject {
  readonly timestamp: string;
  readonly window: string;
  readonly usage: Usage;
}
export interface PodMetrics extends KubeObject {
  readonly timestamp: string;
  readonly window: string;
  readonly containers: readonly { readonly name: string; readonly usage: Usage }[];
}
type Metrics = NodeMetrics | PodMetrics;

const group = 'metrics.k8s.io';
const version = 'v1beta1';
const apiVersion = `${group}/${version}`;
const resource = (name: string, kind: string, namespaced: boolean): APIResource => ({ name, singularName: '', namespaced, kind, verbs: ['get', 'list'] });
const resources = [resource('nodes', 'NodeMetrics', false), resource('pods', 'PodMetrics', true)];

/** Set by `start`, when there is an API to read from. */
export interface ResourceSources {
  readonly client: Client;
  readonly samples: Samples;
}

/** metrics.k8s.io, as metrics-server serves it. */
export function resourceMetricsGroup(sources: () => ResourceSources | undefined): ComputedGroup {
  return {
    group,
    version,
    resources: () => resources,
    columns,
    async read(request) {
      const known = sources();
      if (!known) throw new ApiError('ServiceUnavailable', 'metrics are not there yet');
      if (request.plural === 'nodes' && !request.namespace && !request.subresource) return nodes(known, await ready(known.client.informer(Node)), request);
      if (request.plural === 'pods' && !request.subresource) return pods(known, await ready(known.client.informer(Pod)), request);
      throw new ApiError('NotFound', 'the server could not find the requested resource', {});
    },
  };
}
async function ready<T extends KubeObject>(informer: Informer<T>): Promise<Informer<T>> {
  if (!informer.synced) await informer.ready();
  return informer;
}

function nodes({ client, samples }: ResourceSources, informer: Informer<V1Node>, { name, query }: ComputedRequest): KubeObject {
  const of = (node: V1Node): NodeMetrics | undefined => {
    const reading = samples.node(node.metadata?.name ?? '');
    return reading && { kind: 'NodeMetrics', apiVersion, metadata: metadataOf(node, client.clock.now()), ...times(reading), usage: usage(reading) };
  };
  if (name) {
    const node = informer.get(undefined, name);
    return (node && of(node)) ?? missing('nodemetrics', name);
  }
  return list('NodeMetricsList', selected(informer, undefined, query).map(of));
}
function pods({ client, samples }: ResourceSources, informer: Informer<V1Pod>, { name, namespace, query }: ComputedRequest): KubeObject {
  const of = (pod: V1Pod): PodMetrics | undefined => {
    const readings = pod.status?.phase === 'Running' ? samples.pod(pod.spec?.nodeName ?? '', pod.metadata?.uid ?? '') : undefined;
    const first = readings?.[0];
    if (!readings || !first) return undefined;
    const containers = readings.map((reading) => ({ name: reading.name, usage: usage(reading) }));
    return { kind: 'PodMetrics', apiVersion, metadata: metadataOf(pod, client.clock.now()), ...times(first), containers };
  };
  if (name) {
    const pod = informer.get(namespace, name);
    return (pod && of(pod)) ?? missing('podmetrics', `${namespace}/${name}`);
  }
  return list('PodMetricsList', selected(informer, namespace || undefined, query).map(of));
}
function selected<T extends KubeObject>(informer: Informer<T>, namespace: string | undefined, query: URLSearchParams): T[] {
  const fields = parseFieldSelector<T>(query.get('fieldSelector') ?? undefined, { selectableFields: {} });
  return selectObjects(informer, namespace, query.get('labelSelector')).filter(fields);
}

function missing(plural: string, name: string): never {
  throw notFound({ group, plural, kind: plural }, name);
}
function list(kind: string, items: readonly (Metrics | undefined)[]): KubeObject {
  const there = items.filter((item) => item !== undefined).toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  return { kind, apiVersion, metadata: {}, items: there } as KubeObject;
}
const sortKey = ({ metadata }: KubeObject): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
/** When the metrics were made is when they are asked for, as of metrics-server's objects. */
function metadataOf({ metadata }: KubeObject, now: number): NonNullable<KubeObject['metadata']> {
  const { name, namespace, labels } = metadata ?? {};
  return { ...(name ? { name } : {}), ...(namespace ? { namespace } : {}), creationTimestamp: formatTime(now), ...(labels ? { labels } : {}) };
}
function times({ time, windowMs }: Reading): { timestamp: string; window: string } {
  return { timestamp: formatTime(time), window: `${Number((windowMs / 1000).toFixed(3))}s` };
}
function usage({ cores, memoryBytes }: Reading): Usage {
  return {
    cpu: formatAmount({ nano: BigInt(Math.round(cores * 1e9)), format: 'decimal' }),
    memory: formatAmount({ nano: BigInt(Math.round(memoryBytes)) * 1_000_000_000n, format: 'binary' }),
  };
}

/** metrics-server's columns: one for each resource, and the window. */
const columns: readonly Column<KubeObject>[] = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name of the resource', value: ({ metadata }) => metadata?.name },
  { name: 'cpu', type: 'string', format: 'quantity', description: '', value: (object) => total(object as Metrics, 'cpu') },
  { name: 'memory', type: 'string', format: 'quantity', description: '', value: (object) => total(object as Metrics, 'memory') },
  { name: 'Window', type: 'string', format: 'duration', description: '', value: (object) => (object as Metrics).window },
];
function total(object: Metrics, resourceName: keyof Usage): string {
  const amounts = 'usage' in object ? [object.usage] : object.containers.map((one) => one.usage);
  return formatAmount(amounts.map((one) => parseAmount(one[resourceName]) ?? zeroAmount).reduce(addAmounts));
}
