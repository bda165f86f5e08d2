import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { serveHttps, type HttpsFixture } from '../testing/https.ts';
import { parsePrometheus, type ParsedFamily } from '../testing/prometheus.ts';
import { widget } from '../test-support.ts';

const base = '/apis/test.batuta.dev/v1/namespaces/default/widgets';
const target = ['component', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'];
/** What dashboards and alerts for Kubernetes read, by name, type and labels. */
const expected: Record<string, [string, readonly string[]]> = {
  apiserver_request_total: ['counter', ['code', 'dry_run', ...target]],
  apiserver_request_duration_seconds: ['histogram', ['dry_run', ...target]],
  apiserver_request_sli_duration_seconds: ['histogram', target],
  apiserver_response_sizes: ['histogram', target],
  apiserver_longrunning_requests: ['gauge', target],
  apiserver_current_inflight_requests: ['gauge', ['request_kind']],
  apiserver_storage_objects: ['gauge', ['resource']],
  apiserver_resource_objects: ['gauge', ['group', 'resource']],
  etcd_request_duration_seconds: ['histogram', ['group', 'operation', 'resource']],
  etcd_requests_total: ['counter', ['group', 'operation', 'resource']],
  apiserver_watch_events_total: ['counter', ['group', 'kind', 'version']],
  apiserver_watch_events_sizes: ['histogram', ['group', 'kind', 'version']],
  apiserver_watch_cache_events_received_total: ['counter', ['group', 'resource']],
  apiserver_watch_cache_resource_version: ['gauge', ['group', 'resource']],
  apiserver_admission_controller_admission_duration_seconds: ['histogram', ['name', 'operation', 'rejected', 'type']],
  apiserver_admission_step_admission_duration_seconds: ['histogram', ['operation', 'rejected', 'type']],
  apiserver_client_certificate_expiration_seconds: ['histogram', []],
  apiserver_tls_handshake_errors_total: ['counter', []],
  apiserver_authorization_decisions_total: ['counter', ['decision', 'name', 'type']],
  authentication_attempts: ['counter', ['result']],
  authenticated_user_requests: ['counter', ['username']],
  kubernetes_build_info: ['gauge', ['build_date', 'compiler', 'git_commit', 'git_tree_state', 'git_version', 'go_version', 'major', 'minor', 'platform']],
  kubernetes_feature_enabled: ['gauge', ['name', 'stage']],
};

describe('/metrics', () => {
  let https: HttpsFixture;
  before(async () => {
    https = await serveHttps({}, [{ token: 'bobs', user: { username: 'bob@example.org', groups: [] } }]);
  });
  after(() => https.close());
  const page = async (): Promise<Map<string, ParsedFamily>> => parsePrometheus((await https.call('GET', '/metrics')).body);
  /** The one sample with these labels, among others. */
  const value = (families: Map<string, ParsedFamily>, name: string, labels: Record<string, string>): number | undefined => {
    const family = families.get(name.replace(/_(count|sum|bucket)$/, '')) ?? families.get(name);
    const found = family?.samples.filter((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v)) ?? [];
    assert.ok(found.length < 2, `${name} ${JSON.stringify(labels)} is not one sample`);
    return found[0]?.value;
  };

  it('counts requests as kube-apiserver does, and the page is well-formed', async () => {
    const watch = await https.open(`${base}?watch=1`);
    assert.equal((await https.call('POST', base, { body: widget('a') })).code, 201);
    await new Promise((resolve) => watch.once('data', resolve));
    const running = await page();
    assert.equal(value(running, 'apiserver_longrunning_requests', { verb: 'WATCH', resource: 'widgets', scope: 'namespace' }), 1);
    watch.destroy();
    await https.call('POST', `${base}?dryRun=All`, { body: widget('b') });
    await https.call('PUT', `${base}/a`, { body: widget('a', { size: -1 }) });
    await https.call('GET', base);
    await https.call('GET', `/apis/test.batuta.dev/v1/widgets`);
    await https.call('GET', `${base}/a/status`);
    await https.call('DELETE', `${base}/a`);
    await https.call('GET', '/apis/made-up.example.org/v1/things');
    await https.call('GET', '/made/up');
    await https.call('GET', `${base}/a/made-up`);
    await https.call('GET', '/livez');
    await https.call('GET', base, { token: 'bobs' });
    await https.call('GET', base, { token: 'wrong' });
    const families = await page();
    const common = { group: 'test.batuta.dev', version: 'v1', resource: 'widgets', component: 'apiserver' };
    const total = (labels: Record<string, string>): number | undefined => value(families, 'apiserver_request_total', { ...common, dry_run: '', ...labels });
    assert.equal(total({ verb: 'POST', code: '201', scope: 'resource' }), 1);
    assert.equal(total({ verb: 'POST', code: '201', dry_run: 'All' }), 1);
    assert.equal(total({ verb: 'PUT', code: '422', scope: 'resource' }), 1);
    assert.equal(total({ verb: 'LIST', code: '200', scope: 'namespace' }), 1);
    assert.equal(total({ verb: 'LIST', code: '200', scope: 'cluster' }), 1);
    assert.equal(total({ verb: 'LIST', code: '403' }), 1);
    assert.equal(total({ verb: 'GET', code: '200', subresource: 'status' }), 1);
    assert.equal(total({ verb: 'DELETE', code: '200', scope: 'resource' }), 1);
    assert.equal(total({ verb: 'WATCH', code: '200' }), 1);
    assert.equal(value(families, 'apiserver_request_total', { resource: '', subresource: '/livez', verb: 'GET', code: '200' }), 1);
    assert.equal(value(families, 'apiserver_request_total', { resource: '', subresource: '', verb: 'GET', code: '404' }), 3);
    assert.equal(value(families, 'apiserver_request_duration_seconds_count', { ...common, verb: 'POST', dry_run: 'All' }), 1);
    assert.equal(value(families, 'apiserver_request_sli_duration_seconds_count', { ...common, verb: 'POST' }), 1, 'without dry runs');
    assert.equal(value(families, 'apiserver_request_sli_duration_seconds_count', { ...common, verb: 'WATCH' }), undefined);
    assert.ok((value(families, 'apiserver_response_sizes_sum', { ...common, verb: 'LIST', scope: 'namespace' }) ?? 0) > 100);
    assert.equal(value(families, 'apiserver_longrunning_requests', { verb: 'WATCH', resource: 'widgets' }), 0);
    assert.equal(value(families, 'apiserver_watch_events_total', { kind: 'Widget' }), 1);
    assert.equal(value(families, 'apiserver_resource_objects', { group: 'test.batuta.dev', resource: 'widgets' }), 0);
    assert.equal(value(families, 'apiserver_watch_cache_events_received_total', { resource: 'widgets' }), 2);
    const stored = (operation: string): number | undefined => value(families, 'etcd_requests_total', { operation, resource: 'widgets' });
    assert.deepEqual([stored('create'), stored('update'), stored('delete')], [1, undefined, 1], 'a dry run and a refused write do not get there');
    assert.equal(value(families, 'etcd_request_duration_seconds_count', { operation: 'create', resource: 'widgets' }), 1);
    assert.equal(value(families, 'authenticated_user_requests', { username: 'email_id' }), 1);
    assert.equal(value(families, 'authentication_attempts', { result: 'failure' }), 1);
    assert.ok((value(families, 'apiserver_client_certificate_expiration_seconds_count', {}) ?? 0) > 5);
    assert.ok(
      (value(families, 'apiserver_admission_step_admission_duration_seconds_count', { operation: 'CREATE', type: 'validate', rejected: 'false' }) ?? 0) >= 2,
    );
    for (const [name, [type, labels]] of Object.entries(expected)) {
      const family = families.get(name);
      assert.ok(family, `${name} is missing`);
      assert.equal(family.type, type, name);
      const { le: _, ...rest } = family.samples[0]?.labels ?? {};
      assert.deepEqual(Object.keys(rest).sort(), [...labels].sort(), name);
    }
  });

  it('tells whether requests overlap', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, i) => https.call('POST', base, { body: widget(`many-${i}`) })));
    const families = await page();
    assert.ok((value(families, 'apiserver_current_inflight_requests', { request_kind: 'mutating' }) ?? 0) >= 1);
    assert.equal(value(await page(), 'apiserver_current_inflight_requests', { request_kind: 'mutating' }), 0, 'from scrape to scrape');
  });

  it('speaks OpenMetrics to those who prefer it', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
    const open = await https.call('GET', '/metrics', { headers: { accept } });
    assert.equal(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.ok(open.body.endsWith('# EOF\n'));
    const plain = await https.call('GET', '/metrics', { headers: { accept: 'text/plain;q=0.9,application/openmetrics-text;q=0.2' } });
    assert.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  });

  it('tells of the health checks at /metrics/slis', async () => {
    await https.call('GET', '/livez');
    const families = parsePrometheus((await https.call('GET', '/metrics/slis')).body);
    assert.equal(value(families, 'kubernetes_healthcheck', { name: 'ping', type: 'livez' }), 1);
    assert.equal(value(families, 'kubernetes_healthcheck', { name: 'etcd', type: 'readyz' }), 1);
    assert.ok((value(families, 'kubernetes_healthchecks_total', { name: 'ping', type: 'livez', status: 'success' }) ?? 0) >= 2);
  });

  it('answers about health in the words of kube-apiserver', async () => {
    let failure: string | undefined = 'a secret reason';
    https.server.addHealthCheck({ name: 'poststarthook/test', readinessOnly: true, check: () => failure });
    const get = async (path: string): Promise<[number, string]> => {
      const { code, body } = await https.call('GET', path);
      return [code, body];
    };
    assert.deepEqual(await get('/livez'), [200, 'ok']);
    const lines = '[+]ping ok\n[+]etcd ok\n[+]informer-sync ok\n[+]shutdown ok\n';
    assert.deepEqual(await get('/readyz'), [500, `${lines}[-]poststarthook/test failed: reason withheld\nreadyz check failed\n`]);
    assert.deepEqual(await get('/readyz/poststarthook/test'), [500, 'internal server error: a secret reason\n']);
    assert.deepEqual(await get('/readyz?exclude=poststarthook/test'), [200, 'ok']);
    assert.deepEqual(await get('/readyz?verbose&exclude=poststarthook/test&exclude=nope'), [
      200,
      `${lines}[+]poststarthook/test excluded: ok\nwarn: some health checks cannot be excluded: no matches for "nope"\nreadyz check passed\n`,
    ]);
    failure = undefined;
    assert.deepEqual(await get('/readyz/poststarthook/test'), [200, 'ok']);
    assert.equal((await get('/livez/informer-sync'))[0], 404);
  });
});
