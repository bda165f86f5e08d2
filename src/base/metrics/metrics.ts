/** The help text of a metric, with how much its name may be relied on. */
export type Stability = 'ALPHA' | 'BETA' | 'STABLE';
export type MetricType = 'counter' | 'gauge' | 'histogram';
export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  /** Names of the labels; `with` takes their values in this order. */
  readonly labels?: readonly string[];
  readonly stability?: Stability;
}
export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, rising; +Inf is added. */
  readonly buckets: readonly number[];
}

/** What the page writer needs of a metric. */
export interface Family {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly buckets: readonly number[] | undefined;
  readonly labels: readonly string[];
  samples(): Iterable<readonly [values: readonly string[], sample: Sample]>;
}
export type Sample = Value | Histogram;

/** A counter or a gauge. */
export class Value {
  value = 0;
  inc(by = 1): void {
    this.value += by;
  }
  dec(by = 1): void {
    this.value -= by;
  }
  set(value: number): void {
    this.value = value;
  }
}

export class Histogram {
  readonly bounds: readonly number[];
  /** How many fell into each bucket, not counting those below. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }
  observe(value: number): void {
    this.sum += value;
    this.count++;
    const { bounds } = this;
    for (let i = 0; i < bounds.length; i++) {
      if (value > (bounds[i] as number)) continue;
      this.counts[i] = (this.counts[i] as number) + 1;
      return;
    }
  }
}

/** One metric: a sample for each combination of label values that was ever used. */
export class Metric<S extends Sample> implements Family {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets: readonly number[] | undefined;
  readonly #make: () => S;
  readonly #samples = new Map<string, readonly [readonly string[], S]>();

  constructor(type: MetricType, options: MetricOptions & { readonly buckets?: readonly number[] }, make: () => S) {
    this.type = type;
    this.name = options.name;
    this.help = options.stability ? `[${options.stability}] ${options.help}` : options.help;
    this.labels = options.labels ?? [];
    this.buckets = options.buckets;
    this.#make = make;
  }
  /** The sample of these label values, made on first use. Keep it where it is used often. */
  with(...values: readonly string[]): S {
    const key = values.join('\0');
    const known = this.#samples.get(key);
    if (known) return known[1];
    if (values.length !== this.labels.length) throw new TypeError(`${this.name} has the labels ${this.labels.join(', ')}, not ${values.length} of them`);
    const sample = this.#make();
    this.#samples.set(key, [values, sample]);
    return sample;
  }
  samples(): Iterable<readonly [readonly string[], S]> {
    return this.#samples.values();
  }
  /** Forgets all samples: for gauges that are filled anew at each scrape. */
  clear(): void {
    this.#samples.clear();
  }
}

/** The metrics of a process; each name once. Asking again for a name gives the same metric. */
export class Metrics {
  readonly #families = new Map<string, Family>();
  readonly #collectors: (() => void)[] = [];

  counter(options: MetricOptions): Metric<Value> {
    return this.#add(options.name, () => new Metric('counter', options, () => new Value()));
  }
  gauge(options: MetricOptions): Metric<Value> {
    return this.#add(options.name, () => new Metric('gauge', options, () => new Value()));
  }
  histogram(options: HistogramOptions): Metric<Histogram> {
    return this.#add(options.name, () => new Metric('histogram', options, () => new Histogram(options.buckets)));
  }
  /** Called before each scrape: for what is cheaper to look up than to keep. */
  collect(update: () => void): void {
    this.#collectors.push(update);
  }
  /** Sorted by name, up to date. */
  families(): Family[] {
    for (const update of this.#collectors) update();
    return [...this.#families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  #add<S extends Sample>(name: string, make: () => Metric<S>): Metric<S> {
    const known = this.#families.get(name);
    if (known) return known as Metric<S>;
    const made = make();
    this.#families.set(name, made);
    return made;
  }
}

/** `count` bounds, from `start` on, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(12)));
}
