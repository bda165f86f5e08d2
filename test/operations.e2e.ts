/** What operators rely on: encryption at rest, audit, metrics, fairness. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createCluster, destroy, eventually, type Cluster } from './harness.ts';
import { parsePrometheus } from '../src/apiserver/testing/prometheus.ts';

/** Everything that the database keeps on disk. */
function databaseText(cluster: Cluster): string {
  const files = readdirSync(cluster.dir).filter((name) => name.startsWith('state.db'));
  return files.map((name) => readFileSync(join(cluster.dir, name), 'latin1')).join('\n');
}

describe('encryption at rest', () => {
  const hidden = 'a-word-nobody-may-find';
  const inBase64 = Buffer.from(hidden).toString('base64');

  test('Secrets are nowhere in the database, before and after a restart, and keys rotate', async (t) => {
    const cluster = await createCluster();
    t.after(() => destroy(cluster));
    await cluster.up('--runtime', 'sim', '--nodes', '0');
    await cluster.kubectl('create', 'secret', 'generic', 'one', `--from-literal=a=${hidden}`);
    await cluster.kubectl('create', 'configmap', 'open', '--from-literal=a=a-word-in-the-open');
    const text = databaseText(cluster);
    assert.ok(text.includes('a-word-in-the-open'), 'the test looks in the right place');
    assert.ok(!text.includes(hidden) && !text.includes(inBase64));
    assert.match(text, /k8s:enc:aesgcm:v1:key1:/);
    const own = join(cluster.dir, 'encryption.json');
    assert.equal(statSync(own).mode & 0o777, 0o600);
    assert.equal((await cluster.batuta('down')).code, 0);
    assert.ok(!databaseText(cluster).includes(inBase64));

    const configuration = JSON.parse(readFileSync(own, 'utf8')) as { resources: { providers: { aesgcm?: { keys: { name: string; secret: string }[] } }[] }[] };
    configuration.resources[0]?.providers[0]?.aesgcm?.keys.unshift({ name: 'key2', secret: Buffer.alloc(32, 2).toString('base64') });
    const rotated = join(cluster.dir, 'rotated.yaml');
    writeFileSync(rotated, JSON.stringify(configuration));
    await cluster.up('--runtime', 'sim', '--nodes', '0', '--encryption-provider-config', rotated);
    const value = await cluster.kubectl('get', 'secret', 'one', '-o', 'jsonpath={.data.a}');
    assert.equal(value, inBase64);
    assert.equal((await cluster.batuta('down')).code, 0);
    assert.match(databaseText(cluster), /k8s:enc:aesgcm:v1:key2:/);

    // Only the new key is needed from now on; without it, Secrets say so and nothing else suffers.
    configuration.resources[0]?.providers[0]?.aesgcm?.keys.splice(1, 1);
    writeFileSync(rotated, JSON.stringify(configuration));
    await cluster.up('--runtime', 'sim', '--nodes', '0', '--encryption-provider-config', rotated);
    assert.equal(await cluster.kubectl('get', 'secret', 'one', '-o', 'jsonpath={.data.a}'), inBase64);
    assert.equal((await cluster.batuta('down')).code, 0);
    await cluster.up('--runtime', 'sim', '--nodes', '0');
    const refused = await cluster.tryKubectl(['get', 'secret', 'one']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /Internal error occurred: the value of \/registry\/core\/secrets\/default\/one cannot be decrypted/);
    assert.match(await cluster.kubectl('get', 'configmap', 'open', '-o', 'name'), /configmap\/open/);
  });

  test('a bad configuration is refused with the field that is wrong', async (t) => {
    const cluster = await createCluster();
    t.after(() => destroy(cluster));
    const file = join(cluster.dir, 'bad.yaml');
    writeFileSync(file, 'kind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{kms: {}}]}]\n');
    const result = await cluster.batuta('up', '--runtime', 'sim', ...cluster.ports, '--encryption-provider-config', file);
    assert.equal(result.code, 1);
    assert.match(result.err, /resources\[0\]\.providers\[0\]\.kms: this provider is not implemented/);
  });
});

describe('audit', () => {
  interface Event {
    stage: string;
    level: string;
    verb: string;
    user: { username?: string };
    userAgent?: string;
    objectRef?: { resource: string; name?: string; namespace?: string; subresource?: string };
    responseStatus?: { code: number };
    requestObject?: unknown;
    responseObject?: { kind?: string };
    annotations?: Record<string, string>;
  }
  const policy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  verbs: [get, list]
  resources: [{group: "", resources: [nodes, leases]}]
- level: Metadata
  resources: [{group: "", resources: [secrets, serviceaccounts/token]}]
- level: RequestResponse
  omitManagedFields: true
  resources: [{group: apps}]
- level: Metadata
`;

  test('a session of kubectl is in the file, whole, after down', async (t) => {
    const cluster = await createCluster();
    t.after(() => destroy(cluster));
    const file = join(cluster.dir, 'policy.yaml');
    const path = join(cluster.dir, 'audit.log');
    writeFileSync(file, policy);
    await cluster.up('--runtime', 'sim', '--audit-policy-file', file, '--audit-log-path', path);
    await cluster.kubectl('create', 'deployment', 'web', '--image=web');
    await cluster.kubectl('create', 'secret', 'generic', 'hidden', '--from-literal=a=nobody-may-read-this');
    await cluster.kubectl('create', 'token', 'default');
    await cluster.kubectl('get', 'nodes');
    await cluster.tryKubectl(['get', 'pods', '--as=eve']);
    await cluster.kubectl('get', 'pods', '--watch', '--request-timeout=1s').catch(() => {});
    await cluster.kubectl('delete', 'deployment', 'web');
    assert.equal((await cluster.batuta('down')).code, 0);
    const text = readFileSync(path, 'utf8');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.ok(!text.includes(Buffer.from('nobody-may-read-this').toString('base64')));
    assert.ok(!/eyJhbGciOi/.test(text), 'no token');
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Event)
      .filter((event) => event.userAgent?.startsWith('kubectl/'));
    const find = (verb: string, resource: string, stage = 'ResponseComplete'): Event | undefined =>
      events.find((event) => event.verb === verb && event.objectRef?.resource === resource && event.stage === stage);
    const created = find('create', 'deployments');
    assert.equal(created?.level, 'RequestResponse');
    assert.equal(created?.objectRef?.name, 'web');
    assert.equal(created?.responseObject?.kind, 'Deployment');
    assert.equal(created?.annotations?.['authorization.k8s.io/decision'], 'allow');
    assert.equal(find('create', 'secrets')?.level, 'Metadata');
    assert.equal(find('create', 'secrets')?.requestObject, undefined);
    assert.equal(find('create', 'serviceaccounts')?.objectRef?.subresource, 'token');
    assert.equal(find('list', 'nodes'), undefined);
    assert.equal(find('list', 'pods')?.responseStatus?.code, 403);
    assert.ok(find('watch', 'pods', 'ResponseStarted'));
    assert.ok(find('delete', 'deployments'));
  });

  test('a bad policy is refused with the field that is wrong', async (t) => {
    const cluster = await createCluster();
    t.after(() => destroy(cluster));
    const file = join(cluster.dir, 'bad.yaml');
    writeFileSync(file, 'kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: Everything}]\n');
    const port = ['--runtime', 'sim', ...cluster.ports];
    const bad = await cluster.batuta('up', ...port, '--audit-policy-file', file, '--audit-log-path', join(cluster.dir, 'audit.log'));
    assert.equal(bad.code, 1);
    assert.match(bad.err, /rules\[0\]\.level: Unsupported value: "Everything"/);
    const nowhere = await cluster.batuta('up', ...port, '--audit-policy-file', file);
    assert.match(nowhere.err, /needs --audit-log-path/);
  });
});

describe('metrics and fairness', () => {
  test('the page is well-formed and tells of objects, requests, queues and flow control; the defaults of fairness are kept', async (t) => {
    const cluster = await createCluster();
    t.after(() => destroy(cluster));
    await cluster.up('--runtime', 'sim');
    const raw = (): Promise<string> => cluster.kubectl('get', '--raw', '/metrics');
    const families = parsePrometheus(await raw());
    for (const [name, type] of Object.entries({
      apiserver_request_total: 'counter',
      apiserver_request_duration_seconds: 'histogram',
      apiserver_flowcontrol_dispatched_requests_total: 'counter',
      apiserver_flowcontrol_nominal_limit_seats: 'gauge',
      apiserver_storage_size_bytes: 'gauge',
      workqueue_depth: 'gauge',
      workqueue_adds_total: 'counter',
      workqueue_queue_duration_seconds: 'histogram',
      process_resident_memory_bytes: 'gauge',
      nodejs_eventloop_lag_p99_seconds: 'gauge',
    }))
      assert.equal(families.get(name)?.type, type, name);

    const schemas = await eventually('flow schemas', async () => {
      const text = await cluster.kubectl('get', 'flowschemas', '--no-headers');
      return text.trim().split('\n').length >= 13 && !/\?/.test(text) && text;
    });
    assert.match(schemas, /^exempt +exempt +1 +<none> +\S+ +False/m);
    assert.match(schemas, /^global-default +global-default +9900 +ByUser +\S+ +False/m);
    const shares = '{"spec":{"limited":{"nominalConcurrencyShares":9}}}';
    const refused = await cluster.tryKubectl(['patch', 'prioritylevelconfiguration', 'catch-all', '--type=merge', '-p', shares]);
    assert.match(refused.err, /spec of 'catch-all' must equal the fixed value/);
    await cluster.kubectl('delete', 'prioritylevelconfiguration', 'catch-all');
    await eventually('the mandatory level is there again', async () => {
      const found = await cluster.tryKubectl(['get', 'prioritylevelconfiguration', 'catch-all', '-o', 'jsonpath={.spec.limited.nominalConcurrencyShares}']);
      return found.out === '5';
    });
    assert.match(await cluster.kubectl('get', '--raw', '/debug/api_priority_and_fairness/dump_priority_levels'), /^workload-low, /m);
  });

  test('who is over his limit gets 429 and is told to come again, and others do not notice', async (t) => {
    const cluster = await createCluster();
    t.after(() => destroy(cluster));
    await cluster.up('--runtime', 'sim', '--nodes', '0');
    await cluster.apply(`
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: jail}
spec: {type: Limited, limited: {nominalConcurrencyShares: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: jail}
spec:
  matchingPrecedence: 10
  priorityLevelConfiguration: {name: jail}
  rules:
  - subjects: [{kind: User, user: {name: mallory}}]
    resourceRules: [{verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true}]
    nonResourceRules: [{verbs: ["*"], nonResourceURLs: ["*"]}]
`);
    await eventually('the schema to be known', async () => {
      const refused = await cluster.tryKubectl(['get', 'pods', '--as=mallory', '--request-timeout=2s', '-v=8'], { timeoutMs: 20_000 });
      return /429/.test(refused.err) && refused.err;
    });
    assert.match(await cluster.kubectl('auth', 'can-i', 'get', 'pods', '--as=alice').catch((error: Error) => error.message), /no/);
    assert.match(
      await cluster.kubectl('get', '--raw', '/metrics'),
      /^apiserver_flowcontrol_rejected_requests_total\{flow_schema="jail",priority_level="jail",reason="concurrency-limit"\} [1-9]/m,
    );
  });
});
