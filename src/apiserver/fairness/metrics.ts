import type { Histogram, Metrics, Value } from '#base';
import type { Config } from './config.ts';
import type { Refusal } from './level.ts';

const seconds = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const flow = ['flow_schema', 'priority_level'];

/** What is counted of the requests of one FlowSchema. */
export interface FlowMetrics {
  readonly dispatched: Value;
  readonly executing: Value;
  readonly seats: Value;
  readonly queued: Value;
  readonly execution: Histogram;
  readonly waited: Histogram;
  readonly waitedInVain: Histogram;
  readonly width: Histogram;
  readonly queueLength: Histogram;
  rejected(reason: Refusal): void;
}

/** apiserver_flowcontrol_* as kube-apiserver names them. */
export class FairnessMetrics {
  readonly #known = new Map<string, Map<string, FlowMetrics>>();
  readonly #make: (schema: string, level: string) => FlowMetrics;

  constructor(metrics: Metrics, config: Config) {
    const family = families(metrics);
    this.#make = (schema, level) => ({
      dispatched: family.dispatched.with(schema, level),
      executing: family.executing.with(schema, level),
      seats: family.seats.with(schema, level),
      queued: family.queued.with(schema, level),
      execution: family.execution.with(schema, level, 'regular'),
      waited: family.waited.with('true', schema, level),
      waitedInVain: family.waited.with('false', schema, level),
      width: family.width.with(schema, level),
      queueLength: family.queueLength.with(schema, level),
      rejected: (reason) => family.rejected.with(schema, level, reason).inc(),
    });
    collectLimits(metrics, config);
  }
  of(schema: string, level: string): FlowMetrics {
    let levels = this.#known.get(schema);
    if (!levels) this.#known.set(schema, (levels = new Map()));
    let known = levels.get(level);
    if (!known) levels.set(level, (known = this.#make(schema, level)));
    return known;
  }
}

function families(metrics: Metrics) {
  const name = (short: string): string => `apiserver_flowcontrol_${short}`;
  const counter = (short: string, help: string, labels = flow) => metrics.counter({ name: name(short), help, labels, stability: 'BETA' });
  const gauge = (short: string, help: string, labels = flow) => metrics.gauge({ name: name(short), help, labels, stability: 'BETA' });
  const histogram = (short: string, help: string, labels: readonly string[], buckets: readonly number[]) =>
    metrics.histogram({ name: name(short), help, labels, buckets, stability: 'ALPHA' });
  return {
    rejected: counter('rejected_requests_total', 'Number of requests rejected by API Priority and Fairness subsystem', [...flow, 'reason']),
    dispatched: counter('dispatched_requests_total', 'Number of requests executed by API Priority and Fairness subsystem'),
    queued: gauge('current_inqueue_requests', 'Number of requests currently pending in queues of the API Priority and Fairness subsystem'),
    executing: gauge(
      'current_executing_requests',
      'Number of requests in execution (for a watch: until it has begun) in the API Priority and Fairness subsystem',
    ),
    seats: gauge('current_executing_seats', 'Number of seats occupied by the requests in execution in the API Priority and Fairness subsystem'),
    waited: histogram('request_wait_duration_seconds', 'Length of time a request spent waiting in its queue', ['execute', ...flow], seconds),
    execution: histogram('request_execution_seconds', 'Duration of request execution in the API Priority and Fairness subsystem', [...flow, 'type'], seconds),
    width: histogram('work_estimated_seats', 'Number of estimated seats of requests in API Priority and Fairness', flow, [1, 2, 4, 10]),
    queueLength: histogram(
      'request_queue_length_after_enqueue',
      'Length of queue as seen by each request after it is enqueued',
      flow,
      [0, 10, 25, 50, 100, 250, 500, 1000],
    ),
  };
}

function collectLimits(metrics: Metrics, config: Config): void {
  const gauge = (short: string, help: string) =>
    metrics.gauge({ name: `apiserver_flowcontrol_${short}`, help, labels: ['priority_level'], stability: short === 'nominal_limit_seats' ? 'BETA' : 'ALPHA' });
  const nominal = gauge('nominal_limit_seats', 'Nominal number of execution seats configured for each priority level');
  const lower = gauge('lower_limit_seats', 'Number of seats that each priority level keeps for itself');
  const upper = gauge('upper_limit_seats', 'Number of seats that each priority level may use when others need none');
  const demand = gauge('demand_seats', 'Number of seats that the requests of each priority level use or wait for');
  metrics.collect(() => {
    for (const metric of [nominal, lower, upper, demand]) metric.clear();
    for (const { spec, share, inUse, queuedSeats } of config.levels()) {
      nominal.with(spec.name).set(share.nominal);
      lower.with(spec.name).set(share.min);
      upper.with(spec.name).set(share.max);
      demand.with(spec.name).set(inUse + queuedSeats);
    }
  });
}
