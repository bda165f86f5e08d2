import type { Histogram, Metrics, Value } from '#base';
import type { Kind } from '#machinery';
import type { CommitObserver, CommitOperation } from '../cache/cache.ts';

const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Series {
  readonly total: Value;
  readonly duration: Histogram;
}
/** etcd_request*: what the store does for the API server, under the names that dashboards know. Only writes: all reads are from memory. */
export function storeMetrics(metrics: Metrics): CommitObserver {
  const labels = ['group', 'operation', 'resource'];
  const durations = metrics.histogram({
    name: 'etcd_request_duration_seconds',
    help: 'Latency in seconds of requests to the store for each operation and resource.',
    labels,
    buckets,
    stability: 'ALPHA',
  });
  const totals = metrics.counter({ name: 'etcd_requests_total', help: 'Requests to the store for each operation and resource.', labels, stability: 'ALPHA' });
  const errors = metrics.counter({
    name: 'etcd_request_errors_total',
    help: 'Requests to the store that failed, for each operation and resource; a conflict is no failure.',
    labels,
    stability: 'ALPHA',
  });
  const make = ({ group, plural }: Kind, operation: CommitOperation): Series => ({
    total: totals.with(group, operation, plural),
    duration: durations.with(group, operation, plural),
  });
  const known = new Map<Kind, { [operation in CommitOperation]?: Series }>();
  return (kind, operation, seconds, failed) => {
    let ofKind = known.get(kind);
    if (!ofKind) known.set(kind, (ofKind = {}));
    const series = (ofKind[operation] ??= make(kind, operation));
    series.total.value++;
    series.duration.observe(seconds);
    if (failed) errors.with(kind.group, operation, kind.plural).inc();
  };
}
