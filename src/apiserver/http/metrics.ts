/** Upper bounds in seconds of kube-apiserver's request histogram, thinned out. */
const bounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Series {
  readonly labels: string;
  readonly requests: Map<number, number>;
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** Counters of requests in the Prometheus text format, under kube-apiserver's names. */
export class Metrics {
  readonly #series = new Map<string, Series>();
  readonly #running = new Map<string, number>();
  readonly #gauges: (() => string)[] = [];

  /** Counts one answered request. */
  observe(verb: string, group: string, version: string, resource: string, subresource: string, code: number, seconds: number): void {
    const key = `${verb} ${group} ${version} ${resource} ${subresource}`;
    let series = this.#series.get(key);
    if (!series)
      this.#series.set(
        key,
        (series = { labels: labels(verb, group, version, resource, subresource), requests: new Map(), buckets: bounds.map(() => 0), sum: 0, count: 0 }),
      );
    series.requests.set(code, (series.requests.get(code) ?? 0) + 1);
    series.sum += seconds;
    series.count++;
    const at = bounds.findIndex((bound) => seconds <= bound);
    if (at >= 0) series.buckets[at] = (series.buckets[at] ?? 0) + 1;
  }
  /** Watches, logs, exec: +1 when one begins, -1 when it ends. */
  longRunning(verb: string, group: string, version: string, resource: string, subresource: string, change: 1 | -1): void {
    const key = labels(verb.toUpperCase(), group, version, resource, subresource);
    this.#running.set(key, (this.#running.get(key) ?? 0) + change);
  }
  /** Adds lines that are made when asked for. */
  extend(lines: () => string): void {
    this.#gauges.push(lines);
  }
  render(): string {
    const all = [...this.#series.values()];
    return [
      '# HELP apiserver_request_total Counter of apiserver requests broken out for each verb, group, version, resource and code.',
      '# TYPE apiserver_request_total counter',
      ...all.flatMap((s) => [...s.requests].map(([code, n]) => `apiserver_request_total{code="${code}",${s.labels}} ${n}`)),
      '# HELP apiserver_request_duration_seconds Response latency distribution in seconds for each verb, group, version, resource and subresource.',
      '# TYPE apiserver_request_duration_seconds histogram',
      ...all.flatMap(histogram),
      '# HELP apiserver_longrunning_requests Gauge of all active long-running apiserver requests.',
      '# TYPE apiserver_longrunning_requests gauge',
      ...[...this.#running].map(([key, n]) => `apiserver_longrunning_requests{${key}} ${n}`),
      ...processLines(),
      ...this.#gauges.map((lines) => lines()),
      '',
    ].join('\n');
  }
}

function histogram({ labels: text, buckets, sum, count }: Series): string[] {
  let total = 0;
  const lines = buckets.map((n, i) => `apiserver_request_duration_seconds_bucket{${text},le="${bounds[i]}"} ${(total += n)}`);
  lines.push(`apiserver_request_duration_seconds_bucket{${text},le="+Inf"} ${count}`);
  return [...lines, `apiserver_request_duration_seconds_sum{${text}} ${sum}`, `apiserver_request_duration_seconds_count{${text}} ${count}`];
}
function labels(verb: string, group: string, version: string, resource: string, subresource: string): string {
  return `group="${escape(group)}",resource="${escape(resource)}",subresource="${escape(subresource)}",verb="${verb}",version="${escape(version)}"`;
}
function escape(text: string): string {
  return text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}
function processLines(): string[] {
  const { user, system } = process.cpuUsage();
  return [
    '# TYPE process_cpu_seconds_total counter',
    `process_cpu_seconds_total ${(user + system) / 1e6}`,
    '# TYPE process_resident_memory_bytes gauge',
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    '# TYPE process_uptime_seconds gauge',
    `process_uptime_seconds ${process.uptime()}`,
  ];
}
