import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { seededRandom, systemClock } from '#base';
import type { Api, Kind, KubeObject, Status } from '#machinery';
import { openPki, type Pki } from '../pki/pki.ts';
import { issueCa, issueClient } from '../pki/x509.ts';
import type { ApiServer } from '../server.ts';
import { standardParts } from '../standard.ts';
import { admin, fixture, Note, Widget, widget } from '../test-support.ts';
import { defineKind } from '#machinery';

const Namespace: Kind = defineKind({ group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, schema: 'TestNote' });
const base = '/apis/test.batuta.dev/v1/namespaces/default/widgets';

interface Answer {
  code: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  json: KubeObject & Status & { items: KubeObject[]; kind: string };
}

describe('HTTP', () => {
  let server: ApiServer;
  let api: Api;
  let pki: Pki;
  let directory: string;
  let port: number;
  let identity: { cert: string; key: string };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'api-'));
    pki = await openPki(directory, systemClock);
    const tls = { ...(await pki.server('api', ['127.0.0.1', 'localhost'])), clientCa: pki.ca.cert };
    identity = await pki.client('admin', { commonName: 'admin', organizations: ['system:masters'] });
    const parts = standardParts({
      clock: systemClock,
      random: seededRandom(2),
      serviceCidr: '10.96.0.0/16',
      clientCa: pki.ca.cert,
      tokenKey: pki.tokenKey,
      tokens: [{ token: 'bobs', user: { username: 'bob', groups: ['devs'] } }],
    });
    ({ server } = await fixture({ ...parts, clock: systemClock, tls, kinds: [Widget, Note, Namespace] }));
    api = server.api(admin);
    await api.create(Namespace, { metadata: { name: 'default' } });
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });
  after(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  function call(method: string, path: string, options: { body?: unknown; headers?: Record<string, string>; as?: RequestOptions } = {}): Promise<Answer> {
    const text = options.body === undefined ? undefined : typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          ca: pki.ca.cert,
          agent: false,
          ...(options.as ?? identity),
          headers: {
            ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
            ...options.headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const raw = Buffer.concat(chunks);
            const body = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
            resolve({
              code: response.statusCode ?? 0,
              headers: response.headers,
              body,
              json: body.startsWith('{') ? (JSON.parse(body) as Answer['json']) : ({} as Answer['json']),
            });
          });
        },
      );
      request.on('error', reject);
      request.end(text);
    });
  }

  it('creates, gets, updates, patches and deletes', async () => {
    const made = await call('POST', base, { body: widget('a', { size: 1 }), headers: { 'user-agent': 'kubectl/v1.36' } });
    assert.equal(made.code, 201);
    assert.equal(made.json.metadata?.resourceVersion === '', false);
    const got = await call('GET', `${base}/a`);
    assert.equal(got.body, made.body, 'the same bytes');
    assert.match(got.body, /^\{"kind":"Widget","apiVersion":"test\.batuta\.dev\/v1","metadata":\{"resourceVersion":"\d+","/);
    assert.match(got.body, /"managedFields":\[\{"manager":"kubectl"/);
    const put = await call('PUT', `${base}/a`, { body: { ...got.json, spec: { size: 2 } } });
    assert.equal(put.code, 200);
    assert.equal((await call('PUT', `${base}/a`, { body: { ...got.json, spec: { size: 3 } } })).code, 409);
    const patched = await call('PATCH', `${base}/a`, {
      body: { metadata: { labels: { x: 'y' } } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.equal(patched.json.metadata?.labels?.['x'], 'y');
    const status = await call('PATCH', `${base}/a/status`, {
      body: { status: { phase: 'Ready' } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.equal((status.json as unknown as Widget).status?.phase, 'Ready');
    const scaled = await call('GET', `${base}/a/scale`);
    assert.equal(scaled.json.kind, 'Scale');
    assert.equal((await call('DELETE', `${base}/a`, { body: { preconditions: { uid: 'other' } } })).code, 409);
    assert.equal((await call('DELETE', `${base}/a`)).json.status, 'Success');
    const missing = await call('GET', `${base}/a`);
    assert.deepEqual([missing.code, missing.json.message, missing.json.reason], [404, 'widgets.test.batuta.dev "a" not found', 'NotFound']);
  });
  it('refuses bad input in kube-apiserver words', async () => {
    const post = (body: unknown, headers: Record<string, string> = {}, query = '') => call('POST', base + query, { body, headers });
    assert.deepEqual((await post('{"a":')).code, 400);
    assert.match(
      (await post({ apiVersion: 'v2', kind: 'Widget', metadata: { name: 'x' } })).json.message ?? '',
      /the API version in the data \(v2\) does not match the expected API version \(test\.batuta\.dev\/v1\)/,
    );
    assert.match(
      (await post({ metadata: { name: 'x' }, spec: { size: 'big' } })).json.message ?? '',
      /Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal string into Go struct field/,
    );
    assert.match(
      (await post({ metadata: { name: 'x' }, spec: { sise: 1 } }, {}, '?fieldValidation=Strict')).json.message ?? '',
      /strict decoding error: unknown field "spec\.sise"/,
    );
    const warned = await post({ metadata: { name: 'warned' }, spec: { sise: 1 } });
    assert.deepEqual([warned.code, warned.headers['warning']], [201, '299 - "unknown field \\"spec.sise\\""']);
    assert.equal((await post({ metadata: { name: 'ignored' }, spec: { sise: 1 } }, {}, '?fieldValidation=Ignore')).headers['warning'], undefined);
    assert.equal((await post('x', { 'content-type': 'application/vnd.kubernetes.protobuf' })).code, 415);
    assert.equal((await post('x', { 'content-type': 'text/plain' })).code, 415);
    const big = await post({ metadata: { name: 'big' }, spec: { color: 'x'.repeat(3.1 * 1024 * 1024) } });
    assert.deepEqual([big.code, big.json.message], [413, 'Request entity too large: limit is 3145728']);
    assert.equal((await post({ metadata: { name: 'x', namespace: 'other' } })).code, 400);
    assert.match(
      (await call('POST', '/apis/test.batuta.dev/v1/namespaces/nope/widgets', { body: { metadata: { name: 'x' } } })).json.message ?? '',
      /^namespaces "nope" not found$/,
    );
    assert.equal((await post([])).code, 400);
    assert.equal((await post('')).code, 400);
    assert.equal((await call('PATCH', `${base}/warned`, { body: '{', headers: { 'content-type': 'application/merge-patch+json' } })).code, 400);
    assert.equal((await call('PATCH', `${base}/warned`, { body: {} })).code, 415);
    assert.equal((await call('GET', `${base}?limit=x`)).code, 400);
    assert.equal((await call('GET', `${base}?labelSelector=a%20b%20c`)).code, 400);
    assert.equal((await call('GET', '/apis/test.batuta.dev/v1/%zz')).code, 400);
    assert.equal((await call('PUT', base, { body: {} })).code, 405);
    assert.equal((await call('GET', '/apis/test.batuta.dev/v2/widgets')).code, 404);
    assert.equal((await call('GET', '/nope')).code, 404);
    assert.equal((await call('POST', `${base}?dryRun=Some`, { body: widget('x') })).code, 422);
    assert.equal((await call('POST', `${base}?dryRun=All`, { body: widget('dry') })).code, 201);
    assert.equal((await call('GET', `${base}/dry`)).code, 404);
  });
  it('reads YAML bodies', async () => {
    const made = await call('POST', base, { body: 'metadata:\n  name: yaml\nspec: {size: 3}\n', headers: { 'content-type': 'application/yaml' } });
    assert.deepEqual([made.code, (made.json as unknown as Widget).spec?.size], [201, 3]);
  });
  it('applies on the server', async () => {
    const body = 'apiVersion: test.batuta.dev/v1\nkind: Widget\nmetadata: {name: ssa}\nspec: {size: 1}\n';
    const apply = (text: string, query: string) =>
      call('PATCH', `${base}/ssa?${query}`, { body: text, headers: { 'content-type': 'application/apply-patch+yaml' } });
    assert.match((await apply(body, '')).json.message ?? '', /fieldManager: Required value: is required for apply patch/);
    assert.equal((await apply(body, 'fieldManager=me')).code, 201);
    assert.equal((await apply(body, 'fieldManager=me')).code, 200);
    assert.equal((await apply(body.replace('size: 1', 'size: 2'), 'fieldManager=you')).code, 409);
    assert.equal((await apply(body.replace('size: 1', 'size: 2'), 'fieldManager=you&force=true')).code, 200);
    assert.match(
      (await apply(body.replace('size', 'sise'), 'fieldManager=me&fieldValidation=Strict')).json.message ?? '',
      /\.spec\.sise: field not declared in schema$/,
    );
  });
  it('lists as objects, tables and metadata, compressed when large', async () => {
    await Promise.all(Array.from({ length: 300 }, (_, i) => api.create(Note, { metadata: { name: `n${i}` }, data: { text: 'x'.repeat(1000) } })));
    const list = await call('GET', '/api/v1/notes', { headers: { 'accept-encoding': 'gzip' } });
    assert.deepEqual([list.headers['content-encoding'], list.json.kind, list.json.items.length], ['gzip', 'NoteList', 300]);
    assert.equal((await call('GET', '/api/v1/notes?limit=2', { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'], undefined);
    const accept = (as: string) => ({ headers: { accept: `application/json;as=${as};v=v1;g=meta.k8s.io,application/json` } });
    const table = (await call('GET', '/api/v1/notes?limit=2', accept('Table'))).json as unknown as {
      kind: string;
      rows: { cells: unknown[]; object: KubeObject }[];
    };
    assert.deepEqual([table.kind, table.rows[0]?.cells[0], table.rows[0]?.object.kind], ['Table', 'n0', 'PartialObjectMetadata']);
    const partial = (await call('GET', '/api/v1/notes?limit=2', accept('PartialObjectMetadataList'))).json;
    assert.deepEqual([partial.kind, Object.keys(partial.items[0] ?? {})], ['PartialObjectMetadataList', ['kind', 'apiVersion', 'metadata']]);
    assert.equal(
      (await call('GET', '/api/v1/notes?limit=2', { headers: { accept: 'application/vnd.kubernetes.protobuf, application/json' } })).json.kind,
      'NoteList',
    );
    assert.equal((await call('GET', '/api/v1/notes', { headers: { accept: 'application/vnd.kubernetes.protobuf' } })).code, 406);
    assert.equal((await call('DELETE', '/api/v1/notes')).json.items.length, 300);
  });
  it('streams watches over HTTP/1.1 and HTTP/2', async () => {
    const since = (await api.list(Note)).resourceVersion;
    const collect = (lines: string[], text: string): void => void lines.push(...text.split('\n').filter(Boolean));
    const one: string[] = [];
    const two: string[] = [];
    const path = `/api/v1/notes?watch=1&resourceVersion=${since}&timeoutSeconds=1`;
    const first = new Promise<void>((resolve) => {
      httpsRequest({ host: '127.0.0.1', port, path, ca: pki.ca.cert, agent: false, ...identity }, (response) => {
        response
          .setEncoding('utf8')
          .on('data', (text: string) => collect(one, text))
          .on('end', resolve);
      }).end();
    });
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.ca.cert, ...identity });
    const second = new Promise<void>((resolve) => {
      session
        .request({ ':path': path })
        .setEncoding('utf8')
        .on('data', (text: string) => collect(two, text))
        .on('end', resolve)
        .end();
    });
    await api.create(Note, { metadata: { name: 'w' } });
    await api.delete(Note, { name: 'w' });
    await Promise.all([first, second]);
    session.close();
    assert.deepEqual(one, two);
    assert.deepEqual(
      one.map((line) => (JSON.parse(line) as { type: string }).type),
      ['ADDED', 'DELETED'],
    );
    const tooOld = await call('GET', '/api/v1/notes?watch=1&resourceVersion=abc');
    assert.equal(tooOld.code, 400);
  });
  it('knows who asks', async () => {
    const ask = (path: string, as: RequestOptions, headers: Record<string, string> = {}) => call('GET', path, { as, headers });
    const anonymousList = await ask(base, {});
    assert.deepEqual(
      [anonymousList.code, anonymousList.json.message],
      [
        403,
        'widgets.test.batuta.dev is forbidden: User "system:anonymous" cannot list resource "widgets" in API group "test.batuta.dev" in the namespace "default"',
      ],
    );
    assert.equal((await ask('/healthz', {})).body, 'ok');
    assert.equal((await ask('/version', {})).code, 200);
    assert.equal((await ask('/api', {})).code, 403);
    const bob = await ask('/api/v1/notes', {}, { authorization: 'Bearer bobs' });
    assert.equal(bob.json.message, 'notes is forbidden: User "bob" cannot list resource "notes" in API group "" at the cluster scope');
    assert.equal((await ask('/api', {}, { authorization: 'Bearer bobs' })).code, 200);
    assert.deepEqual(
      [(await ask('/api', {}, { authorization: 'Bearer nobodys' })).code, (await ask('/api', {}, { authorization: 'Basic eDp5' })).code],
      [401, 403],
      'a scheme that nobody knows says nothing',
    );
    const forger = issueCa('batuta-ca', { notBefore: systemClock.now() - 1000, notAfter: systemClock.now() + 1e7 });
    const life = { notBefore: systemClock.now() - 2000, notAfter: systemClock.now() + 1e7 };
    const masters = { commonName: 'admin', organizations: ['system:masters'] };
    assert.equal((await ask(base, issueClient(forger, { ...masters, ...life }))).code, 401, 'forged');
    const expired = await ask(base, issueClient(pki.ca, { ...masters, notBefore: life.notBefore - 1000, notAfter: systemClock.now() - 1000 }));
    assert.deepEqual([expired.code, expired.json.message], [401, 'Unauthorized'], 'expired');
    const review = await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });
    assert.deepEqual((review.json as unknown as { status: { userInfo: { username: string } } }).status.userInfo.username, 'admin');
  });
  it('describes itself', async () => {
    const version = await call('GET', '/version');
    assert.match(version.body, /"major":"1","minor":"36",.*"gitVersion":"v1\.36\.\d+\+batuta"/);
    const groups = await call('GET', '/apis');
    assert.match(groups.body, /"name":"test\.batuta\.dev"/);
    const aggregated = await call('GET', '/apis', {
      headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json' },
    });
    assert.match(aggregated.body, /"kind":"APIGroupDiscoveryList"/);
    assert.equal(aggregated.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    assert.equal((await call('GET', '/apis', { headers: { 'if-none-match': groups.headers['etag'] as string } })).code, 304);
    assert.match((await call('GET', '/readyz?verbose')).body, /\[\+\]etcd ok\n(.|\n)*readyz check passed/);
    assert.equal((await call('GET', '/readyz/etcd')).body, 'ok');
    assert.equal((await call('GET', '/readyz/nope')).code, 404);
    assert.match(
      (await call('GET', '/metrics')).body,
      /apiserver_request_total\{code="201",component="apiserver",dry_run="",group="test\.batuta\.dev",resource="widgets"/,
    );
    assert.match((await call('GET', '/openid/v1/jwks')).body, /"alg":"ES256"/);
  });
  it('answers text beyond ASCII byte for byte, short and long', async () => {
    for (const [name, text] of [
      ['short', 'é漢😀'],
      ['long', 'é漢😀'.repeat(3000)],
    ] as const) {
      const made = await call('POST', '/api/v1/notes', { body: { metadata: { name }, data: { text } } });
      const got = await call('GET', `/api/v1/notes/${name}`);
      for (const { json, headers, body } of [made, got]) {
        assert.equal((json as { data?: { text?: string } }).data?.text, text);
        assert.equal(Number(headers['content-length']), Buffer.byteLength(body));
      }
    }
  });
  it('serves a crowd of watchers, each with every event once and in order', async () => {
    await api.create(Note, { metadata: { name: 'crowd' } });
    const since = (await api.list(Note)).resourceVersion;
    const path = `/api/v1/notes?watch=1&resourceVersion=${since}&fieldSelector=metadata.name%3Dcrowd`;
    const open = new Set<IncomingMessage>();
    const watcher = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const request = httpsRequest({ host: '127.0.0.1', port, path, ca: pki.ca.cert, agent: false, ...identity }, (response) => {
          open.add(response);
          let text = '';
          response
            .setEncoding('utf8')
            .on('data', (part: string) => {
              text += part;
              if (text.split('\n').length <= 50) return;
              resolve(text);
              request.destroy();
            })
            .on('error', () => {});
        });
        request.on('error', reject).end();
      });
    const all = Promise.all(Array.from({ length: 24 }, watcher));
    while (open.size < 24) await new Promise((resolve) => setTimeout(resolve, 5));
    for (let i = 0; i < 50; i++) await api.update(Note, { metadata: { name: 'crowd' }, data: { n: String(i), text: 'é'.repeat(i * 50) } });
    const texts = await all;
    const numbers = texts.map((text) =>
      text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { object: { data: { n: string } } }).object.data.n),
    );
    assert.deepEqual(
      numbers,
      Array.from({ length: 24 }, () => Array.from({ length: 50 }, (_, i) => String(i))),
    );
  });
  it('cuts off a watcher that does not read', async () => {
    await api.create(Note, { metadata: { name: 'big' }, data: {} });
    const since = (await api.list(Note)).resourceVersion;
    const closed = new Promise<void>((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca: pki.ca.cert, ...identity, ALPNProtocols: ['http/1.1'] }, () =>
        socket.write(`GET /api/v1/notes?watch=1&resourceVersion=${since} HTTP/1.1\r\nhost: x\r\n\r\n`),
      );
      socket.on('error', () => resolve()).on('close', () => resolve());
      socket.once('data', () => {
        socket.pause();
        void flood().then(() => socket.resume());
      });
    });
    async function flood(): Promise<void> {
      for (let i = 0; i < 60; i++) await api.update(Note, { metadata: { name: 'big' }, data: { text: String(i).padEnd(1_000_000, 'x') } });
    }
    await closed;
    assert.equal((await call('GET', '/livez')).body, 'ok');
  });
  it('answers GETs on one connection over HTTP/2', async () => {
    await api.create(Widget, widget('h2'));
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.ca.cert, ...identity });
    const names = await Promise.all(
      Array.from(
        { length: 20 },
        () =>
          new Promise<string>((resolve) => {
            let text = '';
            session
              .request({ ':path': `${base}/h2` })
              .setEncoding('utf8')
              .on('data', (part: string) => (text += part))
              .on('end', () => resolve((JSON.parse(text) as KubeObject).metadata?.name ?? ''))
              .end();
          }),
      ),
    );
    session.close();
    assert.deepEqual(new Set(names), new Set(['h2']));
  });
  it('refuses upgrades that lead nowhere, and survives garbage', async () => {
    const refused = await new Promise<string>((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca: pki.ca.cert, ...identity, ALPNProtocols: ['http/1.1'] }, () =>
        socket.write('GET /api/v1/notes HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n'),
      );
      let text = '';
      socket
        .setEncoding('utf8')
        .on('data', (part: string) => (text += part))
        .on('close', () => resolve(text));
    });
    assert.match(refused, /^HTTP\/1\.1 400 .*this path does not take upgrades/s);
    await new Promise<void>((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca: pki.ca.cert, ...identity }, () => socket.end('\0\0garbage\r\n\r\n'));
      socket
        .on('close', () => resolve())
        .on('error', () => resolve())
        .resume();
    });
    assert.equal((await call('GET', '/livez')).body, 'ok');
  });
});
