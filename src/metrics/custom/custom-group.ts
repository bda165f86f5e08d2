import { formatTime } from '#base';
import { selectObjects, type Client } from '#client';
import { ApiError, badRequest, parseLabelSelector, type APIResource, type ComputedGroup, type ComputedRequest, type Kind, type KubeObject } from '#machinery';
import type { Described, Sample } from '../source.ts';
import type { Sources } from './sources.ts';
import { quantityOf } from './value.ts';

const group = 'custom.metrics.k8s.io';
export const customVersions = ['v1beta2', 'v1beta1'] as const;

export interface CustomDeps {
  /** Undefined until there is an API to read from. */
  readonly client: () => Client | undefined;
  readonly sources: Sources;
}
/** What is asked for: one metric of one object, or of all (`*`) that a selector picks. */
interface Question extends Described {
  readonly namespace: string;
  readonly name: string;
  readonly metric: string;
}

/** custom.metrics.k8s.io in one of its versions: what is said of the cluster's own objects. */
export function customMetricsGroup(version: (typeof customVersions)[number], { client, sources }: CustomDeps): ComputedGroup {
  return {
    group,
    version,
    resources: () => sources.custom().map(resourceOf),
    follow: (changed) => sources.follow(changed),
    async read(request) {
      const known = client();
      if (!known) throw new ApiError('ServiceUnavailable', 'metrics are not there yet');
      const kinds = known.kinds.resources();
      const question = questionOf(request, kinds);
      const kind = question && kinds.find((one) => one.plural === question.plural && one.group === question.group);
      if (!question || !kind) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
      if (!sources.has(question, question.metric)) throw unknown(question);
      const matches = parseLabelSelector(request.query.get('metricLabelSelector') ?? '');
      const items = (await objectsOf(known, kind, question, request.query)).flatMap((object) => {
        const samples = sources.samples(question, question.namespace, object.metadata?.name ?? '', question.metric).filter(({ labels }) => matches(labels));
        return samples.length > 0 ? [valueOf(version, kind, object, question.metric, samples)] : [];
      });
      if (items.length === 0 && question.name !== '*') throw unknown(question);
      return { kind: 'MetricValueList', apiVersion: `${group}/${version}`, metadata: {}, items } as KubeObject;
    },
  };
}

function resourceOf({ group: of, plural, namespaced, metric }: Described & { readonly metric: string }): APIResource {
  return { name: `${of ? `${plural}.${of}` : plural}/${metric}`, singularName: '', namespaced, kind: 'MetricValueList', verbs: ['get'] };
}
/** `namespaces/N/metrics/METRIC` is about the namespace; all else is `RESOURCE[.GROUP]/NAME/METRIC`, in a namespace or not. */
function questionOf({ plural, namespace, name, subresource }: ComputedRequest, kinds: readonly Kind[]): Question | undefined {
  if (plural === 'metrics' && namespace && name && !subresource)
    return { group: '', plural: 'namespaces', namespaced: false, namespace: '', name: namespace, metric: name };
  if (!name || !subresource || subresource.includes('/')) return undefined;
  const dot = plural.indexOf('.');
  const of = dot < 0 ? { plural, group: '' } : { plural: plural.slice(0, dot), group: plural.slice(dot + 1) };
  const namespaced = kinds.some((one) => one.plural === of.plural && one.group === of.group && one.namespaced);
  return { ...of, namespaced, namespace, name, metric: subresource };
}
/** From a cache where somebody keeps one (pods); a list where not. */
async function objectsOf(client: Client, kind: Kind, { namespace, name, namespaced }: Question, query: URLSearchParams): Promise<readonly KubeObject[]> {
  const inNamespace = namespaced ? namespace : undefined;
  if (namespaced && !namespace) throw badRequest('a namespace is needed');
  if (name !== '*') return [{ metadata: { name, ...(inNamespace ? { namespace: inNamespace } : {}) } }];
  const labelSelector = query.get('labelSelector') ?? '';
  if (kind.plural !== 'pods') return (await client.api.list(kind, { namespace: inNamespace, labelSelector })).items;
  const informer = client.informer(kind);
  if (!informer.synced) await informer.ready();
  return selectObjects(informer, inNamespace, labelSelector);
}
function unknown({ plural, group: of, name, metric }: Question): ApiError {
  const what = of ? `${plural}.${of}` : plural;
  return new ApiError('NotFound', `the server could not find the metric ${metric} for ${what}${name === '*' ? '' : ` ${name}`}`, {});
}

function valueOf(version: string, kind: Kind, { metadata }: KubeObject, metric: string, samples: readonly Sample[]): object {
  const { name, namespace } = metadata ?? {};
  const describedObject = { kind: kind.kind, ...(namespace ? { namespace } : {}), name, apiVersion: kind.apiVersion };
  const last = samples.reduce((a, b) => (b.time > a.time ? b : a));
  const value = quantityOf(samples.reduce((sum, one) => sum + one.value, 0));
  const window = last.windowSeconds === undefined ? {} : version === 'v1beta1' ? { window: last.windowSeconds } : { windowSeconds: last.windowSeconds };
  const named = version === 'v1beta1' ? { metricName: metric } : { metric: { name: metric, selector: null } };
  return { describedObject, ...named, timestamp: formatTime(last.time), ...window, value };
}
