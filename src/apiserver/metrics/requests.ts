import { exponentialBuckets, type Histogram, type Metrics, type Value } from '#base';
import { documentPaths } from '../http/paths.ts';
import type { RequestInfo } from '../http/request-info.ts';

const durationBuckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const sliBuckets = durationBuckets.slice(2);
const target = ['group', 'resource', 'scope', 'subresource', 'verb', 'version'];
const withComponent = ['component', ...target];

/** Everything that is counted of requests with the same labels. */
interface Series {
  readonly labels: readonly string[];
  readonly dryRun: string;
  readonly codes: Map<number, Value>;
  readonly duration: Histogram;
  readonly sli: Histogram | undefined;
  readonly sizes: Histogram | undefined;
}

/** apiserver_request_* and its kin, under the names, labels and buckets of kube-apiserver. */
export class RequestMetrics {
  readonly #series = new Map<string, Series>();
  readonly #inFlight = { readOnly: { now: 0, most: 0 }, mutating: { now: 0, most: 0 } };
  readonly #families;

  constructor(metrics: Metrics) {
    this.#families = families(metrics);
    const gauge = metrics.gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Maximal number of requests of a kind that were in flight at the same time since the last scrape.',
      labels: ['request_kind'],
      stability: 'STABLE',
    });
    metrics.collect(() => {
      for (const [kind, count] of Object.entries(this.#inFlight)) {
        gauge.with(kind).set(count.most);
        count.most = count.now;
      }
    });
  }

  /** A request arrives. Long-running ones are only counted while they run, by `longRunning`. */
  begin({ method }: RequestInfo, longRunning: boolean): void {
    if (longRunning) return;
    const count = this.#count(method);
    if (++count.now > count.most) count.most = count.now;
  }
  /** It is answered. `known` tells whether its resource exists: paths that clients make up get no series of their own. */
  end(info: RequestInfo, longRunning: boolean, known: boolean, code: number, seconds: number, bytes: number | undefined): void {
    if (!longRunning) this.#count(info.method).now--;
    const series = this.#of(info, known);
    let counter = series.codes.get(code);
    if (!counter) series.codes.set(code, (counter = this.#total(series, code)));
    counter.value++;
    series.duration.observe(seconds);
    series.sli?.observe(seconds);
    if (bytes !== undefined) series.sizes?.observe(bytes);
  }
  /** A watch, log or connection begins (1) or ends (-1). */
  longRunning(info: RequestInfo, change: 1 | -1): void {
    this.#families.longRunning.with('apiserver', ...labels(info, true)).inc(change);
  }
  /** The server refused to serve the request to protect itself. */
  terminated(info: RequestInfo, known: boolean, code: number): void {
    this.#families.terminations.with(String(code), 'apiserver', ...labels(info, known)).inc();
  }

  #count(method: string): { now: number; most: number } {
    return method === 'GET' || method === 'HEAD' ? this.#inFlight.readOnly : this.#inFlight.mutating;
  }
  #of(info: RequestInfo, known: boolean): Series {
    const at = known ? info.resource : undefined;
    const dryRun = info.query?.has('dryRun') && info.query.get('dryRun') === 'All' ? 'All' : '';
    const key = at
      ? `${info.verb} ${info.method} ${dryRun} ${scopeOf(info)} ${at.group}/${at.version}/${at.plural}/${first(at.subresource)}`
      : `${info.method} ${knownPath(info.path)}`;
    let series = this.#series.get(key);
    if (!series) this.#series.set(key, (series = this.#make(labels(info, known), dryRun)));
    return series;
  }
  #make(values: readonly string[], dryRun: string): Series {
    const verb = values[4] ?? '';
    const plain = ['apiserver', ...values];
    return {
      labels: values,
      dryRun,
      codes: new Map(),
      duration: this.#families.duration.with('apiserver', dryRun, ...values),
      sli: dryRun || verb === 'WATCH' || verb === 'CONNECT' ? undefined : this.#families.sli.with(...plain),
      sizes: verb === 'GET' || verb === 'LIST' ? this.#families.sizes.with(...plain) : undefined,
    };
  }
  #total({ labels: values, dryRun }: Series, code: number): Value {
    return this.#families.total.with(String(code), 'apiserver', dryRun, ...values);
  }
}

function families(metrics: Metrics) {
  return {
    total: metrics.counter({
      name: 'apiserver_request_total',
      help: 'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
      labels: ['code', 'component', 'dry_run', ...target],
      stability: 'STABLE',
    }),
    duration: metrics.histogram({
      name: 'apiserver_request_duration_seconds',
      help: 'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
      labels: ['component', 'dry_run', ...target],
      buckets: durationBuckets,
      stability: 'STABLE',
    }),
    sli: metrics.histogram({
      name: 'apiserver_request_sli_duration_seconds',
      help: 'Response latency distribution in seconds, without dry runs and long-running requests, for each verb, group, version, resource, subresource, scope and component.',
      labels: withComponent,
      buckets: sliBuckets,
      stability: 'ALPHA',
    }),
    sizes: metrics.histogram({
      name: 'apiserver_response_sizes',
      help: 'Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.',
      labels: withComponent,
      buckets: exponentialBuckets(1000, 10, 7),
      stability: 'STABLE',
    }),
    longRunning: metrics.gauge({
      name: 'apiserver_longrunning_requests',
      help: 'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component.',
      labels: withComponent,
      stability: 'STABLE',
    }),
    terminations: metrics.counter({
      name: 'apiserver_request_terminations_total',
      help: 'Number of requests which apiserver terminated in self-defense.',
      labels: ['code', ...withComponent],
      stability: 'ALPHA',
    }),
  };
}

const connects = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);
const methods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
const paths = new Set(documentPaths);

/** Values of the labels in `target`. */
function labels(info: RequestInfo, known: boolean): string[] {
  const at = known ? info.resource : undefined;
  if (!at) return ['', '', '', knownPath(info.path), methods.has(info.method) ? info.method : info.method === 'HEAD' ? 'GET' : 'OTHER', ''];
  const subresource = first(at.subresource);
  return [at.group, at.plural, scopeOf(info), subresource, verbOf(info, subresource), at.version];
}
/** What follows a subresource (`proxy/some/path`) is the client's own. */
function first(subresource: string): string {
  return subresource.includes('/') ? subresource.slice(0, subresource.indexOf('/')) : subresource;
}
function knownPath(path: string): string {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  return paths.has(plain) ? plain : '';
}
function verbOf({ verb, method }: RequestInfo, subresource: string): string {
  if (connects.has(subresource)) return 'CONNECT';
  if (verb === 'create') return 'POST';
  if (verb === 'update') return 'PUT';
  if (verb === 'deletecollection' || verb === 'list' || verb === 'watch') return verb.toUpperCase();
  return methods.has(method) ? method : 'OTHER';
}
function scopeOf({ verb, resource }: RequestInfo): string {
  if (!resource) return '';
  if (resource.name || verb === 'create') return 'resource';
  return resource.namespace ? 'namespace' : 'cluster';
}
