import type { Metrics } from '#base';

/** One call of a conversion webhook. */
export interface ConversionCall {
  readonly failure: '' | 'conversion_call_failure' | 'conversion_malformed_response_failure' | 'conversion_response_failure';
  readonly seconds: number;
}
const buckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 45, 60];

/** Counts the calls of the conversion webhooks of custom resources, under the names of kube-apiserver. */
export function conversionMetrics(metrics: Metrics): (call: ConversionCall) => void {
  const labels = ['failure_type', 'result'];
  const requests = metrics.counter({
    name: 'apiserver_conversion_webhook_request_total',
    help: 'Counter for conversion webhook requests with success/failure and failure error type',
    labels,
    stability: 'ALPHA',
  });
  const durations = metrics.histogram({
    name: 'apiserver_conversion_webhook_duration_seconds',
    help: 'Conversion webhook request latency',
    labels,
    buckets,
    stability: 'ALPHA',
  });
  return ({ failure, seconds }) => {
    const result = failure ? 'failure' : 'success';
    requests.with(failure, result).inc();
    durations.with(failure, result).observe(seconds);
  };
}
