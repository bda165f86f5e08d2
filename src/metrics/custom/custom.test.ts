import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock, formatTime, settle, silentLogger } from '#base';
import { createClient, createFakeApi, type Client, type FakeApi } from '#client';
import { EndpointSlice, Pod, Service } from '#kinds';
import { isApiError, type ComputedGroup, type KubeObject, type UsageMeter } from '#machinery';
import { Scraper } from '../scrape/scraper.ts';
import { SimulatedMetrics } from '../simulated.ts';
import { customMetricsGroup } from './custom-group.ts';
import { externalMetricsGroup } from './external-group.ts';
import { Sources } from './sources.ts';
import { quantityOf } from './value.ts';

const period = 15_000;

describe('custom and external metrics', () => {
  let clock: FakeClock;
  let api: FakeApi;
  let client: Client;
  let sources: Sources;
  let scraper: Scraper;
  let custom: ComputedGroup;
  let external: ComputedGroup;
  /** Pages by URL; a missing one does not answer. */
  let pages: Map<string, string>;
  let asked: string[];
  let meters: Map<string, UsageMeter>;

  beforeEach(async () => {
    clock = new FakeClock();
    api = createFakeApi(clock);
    client = createClient(api, clock, silentLogger);
    pages = new Map();
    asked = [];
    meters = new Map();
    sources = new Sources();
    custom = customMetricsGroup('v1beta2', { client: () => client, sources });
    external = externalMetricsGroup(sources);
    const kinds = { pods: client.informer(Pod), services: client.informer(Service), slices: client.informer(EndpointSlice) };
    scraper = new Scraper({
      clock,
      log: silentLogger,
      periodMs: period,
      sources: { ...kinds, simulated: (node) => meters.has(node) },
      fetch: async (url) => {
        asked.push(url);
        return pages.get(url) ?? Promise.reject(new Error('connection refused'));
      },
    });
    sources.add(scraper);
    sources.add(new SimulatedMetrics({ clock, pods: kinds.pods, meter: (node) => meters.get(node) }));
    await settle();
    scraper.start();
    await settle();
  });
  function pod(
    name: string,
    ip: string,
    annotations: Record<string, string> = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
    nodeName = 'n1',
  ): void {
    api.put(Pod, {
      metadata: { name, namespace: 'default', uid: name, labels: { app: 'web' }, annotations },
      spec: { nodeName, containers: [{ name: 'app', image: 'i', ports: [{ containerPort: 9000 }] }] },
      status: { phase: 'Running', podIP: ip },
    });
  }
  const read = async (group: ComputedGroup, path: string): Promise<Record<string, never>[]> => {
    const { pathname, searchParams } = new URL(path, 'http://x');
    const [, first = '', ...rest] = pathname.split('/');
    const [namespace, [plural = '', name = '', subresource = '']] = first === 'namespaces' ? [rest[0] ?? '', rest.slice(1)] : ['', [first, ...rest]];
    const list = await group.read({ plural, namespace, name, subresource, query: searchParams });
    return (list as KubeObject & { items: Record<string, never>[] }).items;
  };
  const values = async (group: ComputedGroup, path: string): Promise<string[]> => (await read(group, path)).map(({ value }) => value as unknown as string);
  const names = (group: ComputedGroup): string[] => group.resources().map(({ name }) => name);

  it('makes rates of counters and adds the series of an object up', async () => {
    pod('a', '10.0.0.1');
    pages.set(
      'http://10.0.0.1:8080/metrics',
      '# TYPE http_requests_total counter\nhttp_requests_total{code="200"} 100\nhttp_requests_total{code="500"} 1\nqueue 7\n',
    );
    await clock.advance(period);
    assert.deepEqual(names(custom), ['namespaces/queue', 'pods/queue'], 'no rate of one value');
    pages.set('http://10.0.0.1:8080/metrics', 'http_requests_total{code="200"} 250\nhttp_requests_total{code="500"} 16\nqueue 8\n');
    await clock.advance(period);
    assert.deepEqual(names(external), ['http_requests', 'http_requests_per_second', 'queue']);
    assert.deepEqual(await read(custom, '/namespaces/default/pods/*/http_requests_per_second?labelSelector=app%3Dweb'), [
      {
        describedObject: { kind: 'Pod', namespace: 'default', name: 'a', apiVersion: 'v1' },
        metric: { name: 'http_requests_per_second', selector: null },
        timestamp: formatTime(clock.now()),
        windowSeconds: 15,
        value: '11',
      },
    ]);
    assert.deepEqual(await values(custom, '/namespaces/default/pods/a/http_requests?metricLabelSelector=code%3D500'), ['1']);
    assert.deepEqual(await values(custom, '/namespaces/default/metrics/queue'), ['8']);
    assert.deepEqual(await read(external, '/namespaces/default/http_requests?labelSelector=code%3D200'), [
      { metricName: 'http_requests', metricLabels: { pod: 'a', code: '200' }, timestamp: formatTime(clock.now()), window: 15, value: '10' },
    ]);
    // It began anew.
    pages.set('http://10.0.0.1:8080/metrics', 'http_requests_total{code="200"} 30\n');
    await clock.advance(period);
    assert.deepEqual(await values(custom, '/namespaces/default/pods/a/http_requests'), ['2']);
  });
  it('scrapes the endpoints of annotated Services, each address once', async () => {
    pod('a', '10.0.0.1');
    api.put(Service, {
      metadata: { name: 'web', namespace: 'default', annotations: { 'prometheus.io/scrape': 'true' } },
      spec: { ports: [{ port: 80 }] },
    });
    const endpoint = (address: string, name: string): object => ({ addresses: [address], conditions: { ready: true }, targetRef: { kind: 'Pod', name } });
    api.put(EndpointSlice, {
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [endpoint('10.0.0.1', 'a'), endpoint('10.0.0.2', 'b')] as never,
      ports: [{ port: 8080 }],
    });
    for (const ip of ['10.0.0.1', '10.0.0.2']) pages.set(`http://${ip}:8080/metrics`, 'load 2\n');
    await clock.advance(period);
    assert.deepEqual(asked, ['http://10.0.0.1:8080/metrics', 'http://10.0.0.2:8080/metrics']);
    assert.deepEqual(await values(custom, '/namespaces/default/services/web/load'), ['4']);
    assert.deepEqual(names(custom), ['namespaces/load', 'pods/load', 'services/load']);
  });
  it('goes where the annotations say, and to nobody who ended or is simulated', async () => {
    meters.set('sim', { measure: assert.fail });
    pod('a', '10.0.0.1', { 'prometheus.io/scrape': 'true', 'prometheus.io/scheme': 'https', 'prometheus.io/path': 'stats' });
    pod('b', '10.0.0.2', { 'prometheus.io/scrape': 'false' });
    pod('c', '10.0.0.3', { 'prometheus.io/scrape': 'true' }, 'sim');
    pod('d', '10.0.0.4', { 'prometheus.io/scrape': 'true' });
    api.edit(Pod, 'default', 'd', (one) => void (one.status = { phase: 'Succeeded', podIP: '10.0.0.4' }));
    pod('e', 'fd00::1', { 'prometheus.io/scrape': 'true', 'prometheus.io/port': 'x' });
    await clock.advance(period);
    assert.deepEqual(asked, ['https://10.0.0.1:9000/stats', 'http://[fd00::1]:9000/metrics']);
  });
  it('what does not answer any more has no metrics', async () => {
    let changes = 0;
    custom.follow?.(() => changes++);
    pod('a', '10.0.0.1');
    pages.set('http://10.0.0.1:8080/metrics', 'load 2\n');
    await clock.advance(2 * period);
    assert.equal(changes, 1);
    pages.clear();
    await clock.advance(period);
    assert.equal(changes, 2);
    await assert.rejects(values(custom, '/namespaces/default/pods/*/load'), { message: 'the server could not find the metric load for pods' });
    await assert.rejects(values(external, '/namespaces/default/load'), (error) => isApiError(error, 'NotFound'));
    scraper.stop();
    asked.length = 0;
    await clock.advance(5 * period);
    assert.deepEqual(asked, []);
  });
  it('simulated pods have the metrics that their nodes tell', async () => {
    const podAt = (uid: string): ReturnType<NonNullable<UsageMeter['podAt']>> => ({
      namespace: 'default',
      name: uid,
      uid,
      containers: [],
      metrics: { rps: 12.5 },
    });
    meters.set('sim', { measure: assert.fail, at: () => assert.fail(), podAt });
    pod('a', '100.64.0.1', { 'batuta.dev/sim-metric.rps': '12500m' }, 'sim');
    pod('b', '100.64.0.2', {}, 'sim');
    await clock.advance(0);
    assert.deepEqual(names(custom), ['pods/rps']);
    assert.deepEqual(await values(custom, '/namespaces/default/pods/a/rps'), ['12500m']);
    assert.deepEqual(await values(external, '/namespaces/default/rps?labelSelector=pod%3Da'), ['12500m']);
    assert.deepEqual(await values(external, '/namespaces/other/rps'), []);
    api.drop(Pod, 'default', 'a');
    assert.deepEqual(names(custom), []);
  });
  it('refuses what is no question', async () => {
    for (const path of ['/namespaces/default/pods', '/namespaces/default/pods/a', '/namespaces/default/things/a/x', '/nodes/n1/none'])
      await assert.rejects(values(custom, path), (error) => isApiError(error, 'NotFound'), path);
    await assert.rejects(values(external, '/queue'), (error) => isApiError(error, 'NotFound'));
    const early = customMetricsGroup('v1beta1', { client: () => undefined, sources });
    await assert.rejects(values(early, '/namespaces/default/pods/a/x'), (error) => isApiError(error, 'ServiceUnavailable'));
  });
  it('quantities', () => assert.deepEqual([0, 1.5, 0.0004, 12, 1e6, Number.NaN].map(quantityOf), ['0', '1500m', '0', '12', '1M', '0']));
});
