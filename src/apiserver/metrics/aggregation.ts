import type { Metrics } from '#base';
import { apiServices, conditionOf, type APIService } from '../aggregation/api-service.ts';
import type { ObjectReader } from '../types.ts';

/** aggregator_*, as the rules of Prometheus' kubernetes-mixin ask for them: by the Available conditions of all APIServices. */
export function availabilityMetrics(metrics: Metrics, reader: ObjectReader): void {
  const unavailable = metrics.gauge({
    name: 'aggregator_unavailable_apiservice',
    help: 'Gauge of APIServices which are marked as unavailable broken down by APIService name.',
    labels: ['name'],
    stability: 'ALPHA',
  });
  const total = metrics.counter({
    name: 'aggregator_unavailable_apiservice_total',
    help: 'Counter of APIServices which are marked as unavailable broken down by APIService name and reason.',
    labels: ['name', 'reason'],
    stability: 'ALPHA',
  });
  const { group, plural } = apiServices;
  metrics.collect(() => {
    unavailable.clear();
    for (const service of reader.list(group, plural) as readonly APIService[])
      unavailable.with(service.metadata?.name ?? '').set(conditionOf(service)?.status === 'True' ? 0 : 1);
  });
  reader.observe(group, plural, (object, old) => {
    const now = object && conditionOf(object as APIService);
    const lost = now?.status === 'False' && old !== undefined && conditionOf(old as APIService)?.status === 'True';
    if (lost) total.with(object?.metadata?.name ?? '', now.reason ?? '').inc();
  });
}
