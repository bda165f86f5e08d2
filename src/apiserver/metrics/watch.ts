import { exponentialBuckets, type Histogram, type Metrics, type Value } from '#base';
import type { Kind } from '#machinery';

/** What watches over HTTP send. */
export interface WatchMetrics {
  /** A counter of a kind's events: call it with the bytes of an event and how many clients get it. */
  of(kind: Kind): (bytes: number, clients: number) => void;
}

export function watchMetrics(metrics: Metrics): WatchMetrics {
  const labels = ['group', 'kind', 'version'];
  const total = metrics.counter({ name: 'apiserver_watch_events_total', help: 'Number of events sent in watch clients', labels, stability: 'ALPHA' });
  const sizes = metrics.histogram({
    name: 'apiserver_watch_events_sizes',
    help: 'Watch event size distribution in bytes',
    labels,
    buckets: exponentialBuckets(1024, 2, 8),
    stability: 'ALPHA',
  });
  const known = new Map<Kind, (bytes: number, clients: number) => void>();
  return {
    of(kind) {
      let count = known.get(kind);
      if (!count) {
        const values = [kind.group, kind.kind, kind.version];
        known.set(kind, (count = counter(total.with(...values), sizes.with(...values))));
      }
      return count;
    },
  };
}
function counter(total: Value, sizes: Histogram): (bytes: number, clients: number) => void {
  return (bytes, clients) => {
    total.inc(clients);
    for (let i = 0; i < clients; i++) sizes.observe(bytes);
  };
}
