import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { FakeClock, silentLogger, systemClock } from '#base';
import type { UserInfo } from '#machinery';
import { parseRequest } from '../http/request-info.ts';
import { serveHttps, type HttpsFixture } from '../testing/https.ts';
import { widget } from '../test-support.ts';
import type { AdmissionPlugin } from '../types.ts';
import { Audit } from './audit.ts';
import { shownBody } from './event.ts';
import { decider, readPolicy, type Policy, type PolicyRule } from './policy.ts';
import { fileSink, type FileSinkOptions } from './sink.ts';

describe('audit policy', () => {
  const user: UserInfo = { username: 'bob', groups: ['devs'] };
  const level = (rules: PolicyRule[], method: string, path: string, who: UserInfo | undefined = user): string =>
    decider({ rules })(who, parseRequest(method, path)).level;
  const secret = '/api/v1/namespaces/a/secrets/s';
  const cases: readonly [string, Omit<PolicyRule, 'level'>, string, string, boolean][] = [
    ['nothing fits everything', {}, 'GET', secret, true],
    ['a user', { users: ['bob'] }, 'GET', secret, true],
    ['another user', { users: ['eve'] }, 'GET', secret, false],
    ['a group', { userGroups: ['ops', 'devs'] }, 'GET', secret, true],
    ['another group', { userGroups: ['ops'] }, 'GET', secret, false],
    ['a verb', { verbs: ['get', 'list'] }, 'GET', secret, true],
    ['another verb', { verbs: ['watch'] }, 'GET', secret, false],
    ['a namespace', { namespaces: ['a'] }, 'GET', secret, true],
    ['what has no namespace', { namespaces: [''] }, 'GET', '/api/v1/nodes/n', true],
    ['another namespace', { namespaces: ['b'] }, 'GET', secret, false],
    ['a group of resources', { resources: [{ group: '' }] }, 'GET', secret, true],
    ['another group of resources', { resources: [{ group: 'apps' }] }, 'GET', secret, false],
    ['a resource', { resources: [{ group: '', resources: ['pods', 'secrets'] }] }, 'GET', secret, true],
    ['not its subresources', { resources: [{ group: '', resources: ['pods'] }] }, 'GET', '/api/v1/namespaces/a/pods/p/log', false],
    ['a subresource', { resources: [{ group: '', resources: ['pods/log'] }] }, 'GET', '/api/v1/namespaces/a/pods/p/log', true],
    ['a subresource of anything', { resources: [{ group: '', resources: ['*/log'] }] }, 'GET', '/api/v1/namespaces/a/pods/p/log', true],
    ['all subresources', { resources: [{ group: '', resources: ['pods/*'] }] }, 'GET', '/api/v1/namespaces/a/pods/p/log', true],
    ['everything of a group', { resources: [{ group: '', resources: ['*'] }] }, 'GET', '/api/v1/namespaces/a/pods/p/log', true],
    ['a name', { resources: [{ resources: ['secrets'], resourceNames: ['s'] }] }, 'GET', secret, true],
    ['another name', { resources: [{ resources: ['secrets'], resourceNames: ['t'] }] }, 'GET', secret, false],
    ['a path', { nonResourceURLs: ['/healthz*'] }, 'GET', '/healthz/ping', true],
    ['another path', { nonResourceURLs: ['/version'] }, 'GET', '/healthz', false],
    ['no path for resources', { nonResourceURLs: ['*'] }, 'GET', secret, false],
    ['no resource for paths', { resources: [{ group: '' }] }, 'GET', '/healthz', false],
  ];
  for (const [title, rule, method, path, fits] of cases)
    it(title, () => assert.equal(level([{ level: 'Request', ...rule }], method, path), fits ? 'Request' : 'None'));
  it('the first rule that fits decides', () => {
    const rules: PolicyRule[] = [{ level: 'None', users: ['bob'] }, { level: 'Metadata' }];
    assert.equal(level(rules, 'GET', secret), 'None');
    assert.equal(level(rules, 'GET', secret, { username: 'eve', groups: [] }), 'Metadata');
  });

  it('is read with its mistakes named', () => {
    const head = { kind: 'Policy', apiVersion: 'audit.k8s.io/v1' };
    const policy = readPolicy({ ...head, omitStages: ['RequestReceived'], rules: [{ level: 'Metadata', omitStages: ['Panic'], omitManagedFields: true }] });
    const decision = decider(policy)(undefined, parseRequest('GET', '/'));
    assert.deepEqual([decision.level, [...decision.omitStages], decision.omitManagedFields], ['Metadata', ['RequestReceived', 'Panic'], true]);
    const refused: [unknown, RegExp][] = [
      [{ kind: 'Pod' }, /kind: must be Policy/],
      [{ ...head, rules: [] }, / rules: at least one/],
      [{ ...head, rules: [{ level: 'All' }] }, / rules\[0\]\.level: Unsupported value: "All"/],
      [{ ...head, omitStages: ['End'], rules: [{ level: 'None' }] }, / omitStages: Invalid value: "End"/],
      [{ ...head, rules: [{ level: 'None', users: 'bob' }] }, / rules\[0\]\.users: must be a list of strings/],
      [{ ...head, rules: [{ level: 'None', nonResourceURLs: ['/a'], namespaces: ['b'] }] }, / rules\[0\]\.nonResourceURLs: .*cannot apply to both/],
    ];
    for (const [document, words] of refused) assert.throws(() => readPolicy(document), words);
  });
});

it('tokens are never written, managedFields where they are wanted', () => {
  const review = { kind: 'TokenReview', spec: { token: 'hidden', audiences: ['a'] }, status: { token: 'hidden' } };
  assert.equal(shownBody(review, false), '{"kind":"TokenReview","spec":{"audiences":["a"]},"status":{}}');
  assert.equal(review.spec.token, 'hidden', 'the body itself is not changed');
  const list = { items: [{ metadata: { name: 'a', managedFields: [{}] } }], metadata: {} };
  assert.match(shownBody(list, false) ?? '', /managedFields/);
  assert.equal(shownBody(list, true), '{"items":[{"metadata":{"name":"a"}}],"metadata":{}}');
  assert.equal(shownBody(undefined, false), undefined);
});

describe('audit file', () => {
  let directory: string;
  before(() => void (directory = mkdtempSync(join(tmpdir(), 'batuta-audit-test-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const options = (name: string, more: Partial<FileSinkOptions> = {}): FileSinkOptions => ({
    path: join(directory, name),
    clock: new FakeClock(),
    log: silentLogger,
    maxBytes: 0,
    maxBackups: 0,
    lost: () => assert.fail('events were lost'),
    ...more,
  });

  it('keeps every line in order, whatever came while it was written', async () => {
    const sink = await fileSink(options('plain.log'));
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`);
    for (const [i, line] of lines.entries()) {
      sink.write(line);
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await sink.close();
    assert.equal(readFileSync(join(directory, 'plain.log'), 'utf8'), lines.join(''));
    const again = await fileSink(options('plain.log'));
    again.write('more\n');
    await again.close();
    assert.ok(readFileSync(join(directory, 'plain.log'), 'utf8').endsWith('line 4999\nmore\n'));
  });

  it('is put away when it is full, between lines, and only so many stay', async () => {
    const sink = await fileSink(options('full.log', { maxBytes: 1000, maxBackups: 3 }));
    for (let i = 0; i < 100; i++) sink.write(`${'x'.repeat(94)} ${String(i).padStart(4, '0')}\n`);
    await sink.close();
    const files = readdirSync(directory).filter((name) => name.startsWith('full'));
    assert.deepEqual(files.length, 4);
    assert.ok(
      files.some((name) => /^full-2026-01-01T00-00-00\.008\.log$/.test(name)),
      files.join(' '),
    );
    const contents = files.map((name) => readFileSync(join(directory, name), 'utf8'));
    for (const text of contents) assert.equal(text.length, 1000);
    const kept = contents.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => Number(line.slice(-4)));
    assert.deepEqual(
      kept.toSorted((a, b) => a - b),
      Array.from({ length: 40 }, (_, i) => 60 + i),
    );
  });

  it('a file that cannot be opened is told of', async () => {
    await assert.rejects(fileSink(options('none/there.log')), /ENOENT/);
  });
});

describe('audit events', () => {
  interface Event {
    level: string;
    auditID: string;
    stage: string;
    verb: string;
    requestURI: string;
    user: { username?: string; groups?: string[] };
    impersonatedUser?: { username: string };
    sourceIPs: string[];
    userAgent?: string;
    objectRef?: Record<string, string>;
    responseStatus?: { code: number; status?: string; reason?: string; message?: string };
    requestObject?: { metadata?: { name?: string; managedFields?: unknown }; spec?: unknown };
    responseObject?: { kind?: string; metadata?: { uid?: string } };
    requestReceivedTimestamp: string;
    stageTimestamp: string;
    annotations?: Record<string, string>;
  }
  const base = '/apis/test.batuta.dev/v1/namespaces/default/widgets';
  const policy: Policy = {
    omitStages: [],
    rules: [
      { level: 'None', verbs: ['list'] },
      { level: 'RequestResponse', users: ['admin'], verbs: ['create', 'patch', 'update'], omitManagedFields: true },
      { level: 'Metadata' },
    ],
  };
  let https: HttpsFixture;
  let lines: string[] = [];
  let explode = false;
  const plugin: AdmissionPlugin = {
    name: 'Test',
    handles: (kind) => kind.plural === 'widgets',
    validate: ({ context }) => {
      if (explode) throw new TypeError('a bug');
      context.annotate?.('test.batuta.dev/seen', 'yes');
    },
  };
  before(async () => {
    const audit = new Audit({ clock: systemClock, policy, sink: { write: (line) => void lines.push(line), close: () => Promise.resolve() } });
    https = await serveHttps({ audit, admission: [plugin] }, [{ token: 'bobs', user: { username: 'bob', groups: ['devs'] } }]);
  });
  after(() => https.close());
  beforeEach(() => void (lines = []));
  const events = (): Event[] => lines.map((line) => JSON.parse(line) as Event);

  it('tell of a write, with what was said and answered', async () => {
    const { headers, code } = await https.call('POST', base, {
      body: widget('a', { size: 3 }),
      headers: { 'user-agent': 'tester/1.0', 'audit-id': 'mine', 'x-forwarded-for': '10.1.2.3, nonsense' },
    });
    assert.equal(code, 201);
    assert.equal(headers['audit-id'], 'mine');
    const [received, complete] = events() as [Event, Event];
    assert.equal(lines.length, 2);
    assert.ok(lines.every((line) => line.endsWith('}\n') && line.indexOf('\n') === line.length - 1));
    assert.deepEqual([received.stage, complete.stage], ['RequestReceived', 'ResponseComplete']);
    assert.equal(received.responseStatus, undefined);
    assert.equal(complete.auditID, 'mine');
    assert.equal(complete.level, 'RequestResponse');
    assert.equal(complete.verb, 'create');
    assert.equal(complete.requestURI, base);
    assert.deepEqual([complete.user.username, complete.user.groups], ['admin', ['system:masters', 'system:authenticated']]);
    assert.deepEqual(complete.sourceIPs, ['10.1.2.3', '127.0.0.1']);
    assert.equal(complete.userAgent, 'tester/1.0');
    assert.deepEqual(complete.objectRef, { resource: 'widgets', namespace: 'default', name: 'a', apiGroup: 'test.batuta.dev', apiVersion: 'v1' });
    assert.deepEqual(complete.responseStatus, { metadata: {}, code: 201 });
    assert.deepEqual(complete.requestObject?.spec, { size: 3 });
    assert.equal(complete.responseObject?.kind, 'Widget');
    assert.equal('managedFields' in (complete.responseObject?.metadata ?? {}), false);
    assert.equal(complete.annotations?.['authorization.k8s.io/decision'], 'allow');
    assert.equal(complete.annotations?.['test.batuta.dev/seen'], 'yes');
    assert.match(complete.stageTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('tell of reads without what was read, and of nothing where the policy wants nothing', async () => {
    await https.call('GET', `${base}/a`);
    await https.call('GET', base);
    const [, complete] = events();
    assert.equal(lines.length, 2);
    assert.equal(complete?.level, 'Metadata');
    assert.equal(complete?.responseObject, undefined);
    assert.match(complete?.auditID ?? '', /^[0-9a-f-]{36}$/);
  });

  it('tell of refusals: not found, forbidden, not authenticated, and of our own mistakes', async () => {
    await https.call('GET', `${base}/none`);
    assert.deepEqual(events()[1]?.responseStatus, {
      metadata: {},
      status: 'Failure',
      message: 'widgets.test.batuta.dev "none" not found',
      reason: 'NotFound',
      details: { name: 'none', group: 'test.batuta.dev', kind: 'widgets' },
      code: 404,
    });
    lines = [];
    await https.call('GET', `${base}/a`, { token: 'bobs' });
    const forbidden = events()[1];
    assert.equal(forbidden?.user.username, 'bob');
    assert.equal(forbidden?.responseStatus?.code, 403);
    assert.equal(forbidden?.annotations?.['authorization.k8s.io/decision'], 'forbid');
    lines = [];
    await https.call('GET', `${base}/a`, { token: 'wrong' });
    const [unknown] = events();
    assert.equal(lines.length, 1);
    assert.deepEqual(unknown?.user, {});
    assert.equal(unknown?.responseStatus?.message, 'Authentication failed, attempted: bearer');
    assert.equal(unknown?.responseStatus?.code, 401);
    lines = [];
    explode = true;
    assert.equal((await https.call('POST', base, { body: widget('b') })).code, 500);
    explode = false;
    assert.deepEqual(
      events().map((event) => event.stage),
      ['RequestReceived', 'Panic'],
    );
    assert.equal(events()[1]?.responseStatus?.reason, 'InternalError');
    lines = [];
    await https.call('POST', base, { body: widget('a') });
    assert.equal(events()[1]?.responseObject?.kind, 'Status');
  });

  it('tell who acts as whom', async () => {
    await https.call('GET', `${base}/a`, { headers: { 'impersonate-user': 'carol' } });
    const complete = events()[1];
    assert.equal(complete?.user.username, 'admin');
    assert.equal(complete?.impersonatedUser?.username, 'carol');
    assert.equal(complete?.responseStatus?.code, 403);
  });

  it('tell of a watch when it begins and when it ends', async () => {
    const watch = await https.open(`${base}?watch=1&timeoutSeconds=1`);
    assert.deepEqual(
      events().map((event) => event.stage),
      ['RequestReceived', 'ResponseStarted'],
    );
    for await (const _ of watch);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(events()[2]?.stage, 'ResponseComplete');
    assert.equal(events()[2]?.responseStatus?.code, 200);
  });

  it('hold the body of a patch as it was sent', async () => {
    const body = { spec: { color: 'red' } };
    await https.call('PATCH', `${base}/a`, { body, headers: { 'content-type': 'application/merge-patch+json' } });
    assert.deepEqual(events()[1]?.requestObject, body);
    assert.equal(events()[1]?.objectRef?.['name'], 'a');
  });
});
