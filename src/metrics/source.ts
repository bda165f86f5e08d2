/** A value of something at a moment. */
export interface Sample {
  readonly value: number;
  /** ms since the epoch */
  readonly time: number;
  /** Seconds over which it was averaged; absent for what is as it is. */
  readonly windowSeconds?: number;
  readonly labels: { readonly [name: string]: string };
}
/** A sort of objects that metrics describe. */
export interface Described {
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/**
 * Where metrics of applications come from: scrapes, simulated pods, and later load balancers and the metrics of a cloud.
 * Everything is answered from memory.
 */
export interface MetricSource {
  readonly name: string;
  /** Which metrics there are of which objects (custom.metrics.k8s.io). */
  custom(): Iterable<Described & { readonly metric: string }>;
  /** The samples of a metric for one object; their values add up. `namespace` is empty for objects that have none. */
  samples(of: Described, namespace: string, name: string, metric: string): Iterable<Sample>;
  /** Which metrics there are that belong to no object (external.metrics.k8s.io). */
  external(): Iterable<string>;
  externalSamples(namespace: string, metric: string): Iterable<Sample>;
  /** Calls when `custom` or `external` has changed. */
  follow(changed: () => void): void;
}
