/**
 * metrics: what nodes, pods and applications tell of themselves, as the APIs that `kubectl top` and autoscalers read. It reads
 * objects through `#client` and usage through what nodes offer; it knows no node agent, no API server and no controller.
 */
export type { Described, MetricSource, Sample } from './source.ts';
export { createMetrics, type MetricsOptions, type MetricsRoom, type MetricsStart } from './metrics.ts';
