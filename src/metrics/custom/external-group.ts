import { formatTime } from '#base';
import { ApiError, parseLabelSelector, type ComputedGroup, type KubeObject } from '#machinery';
import type { Sources } from './sources.ts';
import { quantityOf } from './value.ts';

const group = 'external.metrics.k8s.io';
const version = 'v1beta1';

/** external.metrics.k8s.io: series that describe no object of the cluster. */
export function externalMetricsGroup(sources: Sources): ComputedGroup {
  return {
    group,
    version,
    resources: () => sources.external().map((name) => ({ name, singularName: '', namespaced: true, kind: 'ExternalMetricValueList', verbs: ['get'] })),
    follow: (changed) => sources.follow(changed),
    read({ namespace, plural: metric, name, query }) {
      if (!namespace || name) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
      if (!sources.hasExternal(metric)) throw new ApiError('NotFound', `the server could not find the metric ${metric} for namespaces`, {});
      const matches = parseLabelSelector(query.get('labelSelector') ?? '');
      const items = sources
        .externalSamples(namespace, metric)
        .filter(({ labels }) => matches(labels))
        .map(({ labels, time, windowSeconds, value }) => ({
          metricName: metric,
          metricLabels: labels,
          timestamp: formatTime(time),
          ...(windowSeconds === undefined ? {} : { window: windowSeconds }),
          value: quantityOf(value),
        }));
      return { kind: 'ExternalMetricValueList', apiVersion: `${group}/${version}`, metadata: {}, items } as KubeObject;
    },
  };
}
