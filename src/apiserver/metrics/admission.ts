import type { Histogram, Metrics } from '#base';

/** Told of each call of an admission plugin and of each whole step. */
export interface AdmissionObserver {
  plugin(name: string, step: 'admit' | 'validate', operation: string, rejected: boolean, seconds: number): void;
  step(step: 'admit' | 'validate', operation: string, rejected: boolean, seconds: number): void;
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
  const known = new Map<string, Histogram>();
  const find = (key: string, make: () => Histogram): Histogram => {
    let sample = known.get(key);
    if (!sample) known.set(key, (sample = make()));
    return sample;
  };
  return {
    plugin: (name, step, operation, rejected, seconds) =>
      find(`${name} ${step} ${operation} ${rejected}`, () => plugins.with(name, operation, String(rejected), step)).observe(seconds),
    step: (step, operation, rejected, seconds) =>
      find(`${step} ${operation} ${rejected}`, () => steps.with(operation, String(rejected), step)).observe(seconds),
  };
}
