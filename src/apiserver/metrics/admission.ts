import type { Histogram, Metrics } from '#base';

export type AdmissionStep = 'admit' | 'validate';
/** Told how long something took, each time. */
export type Observe = (rejected: boolean, seconds: number) => void;
/** Who is told of the calls of a plugin, and of whole steps: found once, because every write passes here. */
export interface AdmissionObserver {
  plugin(name: string, step: AdmissionStep, operation: string): Observe;
  step(step: AdmissionStep, operation: string): Observe;
}

export function admissionMetrics(metrics: Metrics): AdmissionObserver {
  const plugins = metrics.histogram({
    name: 'apiserver_admission_controller_admission_duration_seconds',
    help: 'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    labels: ['name', 'operation', 'rejected', 'type'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5],
    stability: 'STABLE',
  });
  const steps = metrics.histogram({
    name: 'apiserver_admission_step_admission_duration_seconds',
    help: 'Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).',
    labels: ['operation', 'rejected', 'type'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5],
    stability: 'STABLE',
  });
  return {
    plugin: (name, step, operation) => observer((rejected) => plugins.with(name, operation, rejected, step)),
    step: (step, operation) => observer((rejected) => steps.with(operation, rejected, step)),
  };
}

/** A series begins with its first value. */
function observer(series: (rejected: string) => Histogram): Observe {
  let accepted: Histogram | undefined;
  return (rejected, seconds) => {
    if (rejected) series('true').observe(seconds);
    else (accepted ??= series('false')).observe(seconds);
  };
}
