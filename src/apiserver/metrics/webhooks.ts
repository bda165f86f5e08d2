import type { Metrics } from '#base';
import type { WebhookOutcome } from '../admission/webhooks/dispatch.ts';

/** Counts the calls of admission webhooks under the names of kube-apiserver. */
export function webhookMetrics(metrics: Metrics): (call: WebhookOutcome) => void {
  const durations = metrics.histogram({
    name: 'apiserver_admission_webhook_admission_duration_seconds',
    help: 'Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    labels: ['name', 'operation', 'rejected', 'type'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25],
    stability: 'STABLE',
  });
  const requests = metrics.counter({
    name: 'apiserver_admission_webhook_request_total',
    help: 'Admission webhook request total, identified by name and broken out for each admission type (validating or mutating) and operation.',
    labels: ['code', 'name', 'operation', 'rejected', 'type'],
  });
  const rejections = metrics.counter({
    name: 'apiserver_admission_webhook_rejection_count',
    help: 'Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation.',
    labels: ['error_type', 'name', 'operation', 'rejection_code', 'type'],
  });
  const opened = metrics.counter({
    name: 'apiserver_admission_webhook_fail_open_count',
    help: 'Admission webhook fail open count, identified by name and broken out for each admission type (validating or mutating).',
    labels: ['name', 'type'],
  });
  return ({ name, type, operation, outcome, code, seconds }) => {
    const rejected = String(outcome === 'rejected' || outcome === 'failed');
    durations.with(name, operation, rejected, type).observe(seconds);
    requests.with(String(code), name, operation, rejected, type).inc();
    if (outcome === 'rejected') rejections.with('no_error', name, operation, String(code), type).inc();
    else if (outcome === 'failed') rejections.with('calling_webhook_error', name, operation, '0', type).inc();
    else if (outcome === 'ignored') opened.with(name, type).inc();
  };
}
