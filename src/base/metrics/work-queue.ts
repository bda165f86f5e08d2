import type { QueueObserver } from '../queue.ts';
import { exponentialBuckets, type Metrics } from './metrics.ts';

const buckets = exponentialBuckets(1e-8, 10, 12);

/** workqueue_* of the queue called `name`, as client-go's queues tell of themselves. */
export function workQueueMetrics<K>(metrics: Metrics, name: string): QueueObserver<K> {
  const labels = ['name'];
  const stability = 'ALPHA';
  const adds = metrics.counter({ name: 'workqueue_adds_total', help: 'Total number of adds handled by workqueue', labels, stability }).with(name);
  const depth = metrics.gauge({ name: 'workqueue_depth', help: 'Current depth of workqueue', labels, stability }).with(name);
  const retries = metrics.counter({ name: 'workqueue_retries_total', help: 'Total number of retries handled by workqueue', labels, stability }).with(name);
  const waited = metrics
    .histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long in seconds an item stays in workqueue before being requested.',
      labels,
      buckets,
      stability,
    })
    .with(name);
  const worked = metrics
    .histogram({ name: 'workqueue_work_duration_seconds', help: 'How long in seconds processing an item from workqueue takes.', labels, buckets, stability })
    .with(name);
  const unfinished = metrics
    .gauge({
      name: 'workqueue_unfinished_work_seconds',
      help: 'How many seconds of work is in progress and has not been observed by work_duration.',
      labels,
      stability,
    })
    .with(name);
  const longest = metrics
    .gauge({
      name: 'workqueue_longest_running_processor_seconds',
      help: 'How many seconds has the longest running processor for workqueue been running.',
      labels,
      stability,
    })
    .with(name);
  const queued = new Map<K, number>();
  const running = new Map<K, number>();
  const since = (at: number): number => (performance.now() - at) / 1000;
  metrics.collect(() => {
    const ages = [...running.values()].map(since);
    unfinished.set(ages.reduce((sum, age) => sum + age, 0));
    longest.set(Math.max(0, ...ages));
  });
  return {
    added(key) {
      adds.value++;
      depth.value++;
      queued.set(key, performance.now());
    },
    started(key) {
      depth.value--;
      waited.observe(since(queued.get(key) ?? performance.now()));
      queued.delete(key);
      running.set(key, performance.now());
    },
    ended(key) {
      worked.observe(since(running.get(key) ?? performance.now()));
      running.delete(key);
    },
    retried: () => void retries.value++,
    cleared() {
      depth.set(0);
      queued.clear();
    },
  };
}
