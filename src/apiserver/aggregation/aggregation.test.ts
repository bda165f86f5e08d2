import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { after, describe, it } from 'node:test';
import { FakeClock, settle } from '#base';
import { allKinds, APIService, EndpointSlice, Namespace, schemas, Service, type V1APIService } from '#kinds';
import { defineKind, noSchema, type Api, type ComputedGroup } from '#machinery';
import { startServer, type TestServer } from '../outbound/testing.ts';
import { issueCa, issueClient, issueServer } from '../pki/x509.ts';
import { admin, fixture, type Fixture, withLoopback } from '../test-support.ts';

const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2120, 0, 1) };
const ca = issueCa('ca', validity);
const proxyCa = issueCa('front-proxy-ca', validity);
const serving = issueServer(ca, { ...validity, commonName: 'apiserver', names: ['127.0.0.1'] });
const adminClient = issueClient(ca, { ...validity, commonName: 'admin', organizations: ['system:masters'] });
const proxyClient = issueClient(proxyCa, { ...validity, commonName: 'front-proxy-client' });

const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

interface World extends Fixture {
  readonly port: number;
  readonly remote: TestServer;
  readonly seen: { url: string; user: string | undefined; groups: string | undefined; authorization: string | undefined; certificate: string }[];
  /** A GET over HTTP/2: status and body. */
  get(path: string, headers?: object): Promise<{ status: number; body: string }>;
}
const widgets = {
  kind: 'APIResourceList',
  groupVersion: 'wardle.example.com/v1alpha1',
  resources: [
    { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get', 'list'], shortNames: ['fl'] },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
  ],
};
const openapiV2 = {
  swagger: '2.0',
  paths: { '/apis/wardle.example.com/v1alpha1/flunders': { get: { schema: { $ref: '#/definitions/Flunder' } } }, '/version/': {} },
  definitions: { Flunder: { properties: { spec: { $ref: '#/definitions/Spec' } } }, Spec: {}, Unused: {} },
};
const openapiV3 = { paths: { 'apis/wardle.example.com/v1alpha1': { serverRelativeURL: '/openapi/v3/apis/wardle.example.com/v1alpha1?hash=1' } } };

async function world(options: { healthy?: () => boolean; computed?: ComputedGroup[] } = {}): Promise<World> {
  const seen: World['seen'] = [];
  const remote = await startServer(
    (request: IncomingMessage, response: ServerResponse, body) => {
      const { headers, url = '' } = request;
      const certificate = (request.socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } }).getPeerCertificate().subject?.CN ?? '';
      seen.push({
        url,
        user: headers['x-remote-user'] as string,
        groups: headers['x-remote-group'] as string,
        authorization: headers.authorization,
        certificate,
      });
      if (options.healthy?.() === false) return void response.writeHead(500).end();
      response.setHeader('content-type', 'application/json');
      if (url === '/apis/wardle.example.com/v1alpha1') response.end(JSON.stringify(widgets));
      else if (url === '/openapi/v2') response.end(JSON.stringify(openapiV2));
      else if (url === '/openapi/v3') response.end(JSON.stringify(openapiV3));
      else response.end(JSON.stringify({ url, method: request.method, body }));
    },
    {
      names: ['api.default.svc'],
      clientCa: proxyCa.cert,
      setup: (server) =>
        server.on('upgrade', (_message, socket) => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
          socket.pipe(socket);
        }),
    },
  );
  const made = await fixture({
    kinds: withLoopback(allKinds),
    schemas,
    tls: { cert: serving.cert, key: serving.key, clientCa: ca.cert },
    authenticators: [{ name: 'all', authenticate: () => admin }],
    aggregation: { proxyClient },
    computed: options.computed ?? [],
    descriptions: () => ({}),
  });
  const { port } = await made.server.listen({ host: '127.0.0.1', port: 0 });
  const session = connect(`https://127.0.0.1:${port}`, { ca: ca.cert, cert: adminClient.cert, key: adminClient.key });
  closers.push(
    () => remote.close(),
    () => made.server.close(),
    () => new Promise((resolve) => session.close(resolve)),
  );
  const get: World['get'] = (path, headers = {}) =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path, ...headers });
      let status = 0;
      let body = '';
      stream.on('response', (answer) => (status = Number(answer[':status'])));
      stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
      stream.on('end', () => resolve({ status, body }));
      stream.on('error', reject);
    });
  await made.api.create(Namespace, { metadata: { name: 'default' } });
  return { ...made, port, remote, seen, get };
}
async function serve(api: Api, port: number): Promise<void> {
  const metadata = { name: 'api', namespace: 'default' };
  await api.create(Service, { metadata, spec: { clusterIP: '10.0.0.1', ports: [{ name: 'https', port: 443 }] } });
  await api.create(EndpointSlice, {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'api' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'] }],
    ports: [{ name: 'https', port }],
  });
}
const service = (caBundle?: string): V1APIService => ({
  metadata: { name: 'v1alpha1.wardle.example.com' },
  spec: {
    group: 'wardle.example.com',
    version: 'v1alpha1',
    groupPriorityMinimum: 2000,
    versionPriority: 200,
    service: { namespace: 'default', name: 'api' },
    ...(caBundle ? { caBundle } : { insecureSkipTLSVerify: true }),
  },
});
async function condition(api: Api): Promise<{ status?: string; reason?: string | undefined; message?: string | undefined } | undefined> {
  const { status } = await api.get(APIService, { name: 'v1alpha1.wardle.example.com' });
  return status?.conditions?.[0];
}
/** Real connections need real turns of the loop. */
async function until<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await probe();
    if (found) return found;
    await settle();
  }
}
const available = (api: Api): Promise<true> => until(async () => (await condition(api))?.status === 'True');

describe('an APIService of another server', () => {
  it('says what is missing until everything is there', async () => {
    const { api, remote, clock } = await world();
    await api.create(APIService, service(remote.caBundle));
    const reason = (wanted: string): Promise<string> =>
      until(async () => ((await condition(api))?.reason === wanted ? (await condition(api))?.message : undefined));
    assert.equal(await reason('ServiceNotFound'), 'service/api in "default" is not present');
    await api.create(Service, { metadata: { name: 'api', namespace: 'default' }, spec: { clusterIP: '10.0.0.1', ports: [{ name: 'https', port: 444 }] } });
    assert.equal(await reason('ServicePortError'), 'service/api in "default" is not listening on port 443');
    await api.delete(Service, { namespace: 'default', name: 'api' }, {});
    await serve(api, 1);
    await api.delete(EndpointSlice, { namespace: 'default', name: 'api' }, {});
    assert.equal(await reason('MissingEndpoints'), 'endpoints for service/api in "default" have no addresses with port name "https"');
    await api.create(EndpointSlice, {
      metadata: { name: 'api', namespace: 'default', labels: { 'kubernetes.io/service-name': 'api' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'] }],
      ports: [{ name: 'https', port: remote.port }],
    });
    assert.equal(await reason('Passed'), 'all checks passed');
    await clock.advance(1);
  });
  it('is read by components of the process, with their names', async () => {
    const { api, remote, seen } = await world();
    const path = '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders?labelSelector=a%3Db';
    await assert.rejects(api.read(path), { reason: 'NotFound', message: 'the server could not find the requested resource (get flunders.wardle.example.com)' });
    await api.create(APIService, service(remote.caBundle));
    const unavailable = 'the server is currently unable to handle the request (get flunders.wardle.example.com)';
    await assert.rejects(api.read(path), { reason: 'ServiceUnavailable', message: unavailable });
    await serve(api, remote.port);
    await available(api);
    assert.equal((await api.read<{ url: string }>(path)).url, path);
    assert.equal(seen.at(-1)?.user, admin.username);
  });
  it('stands in for what is computed here, which comes back when it is gone', async () => {
    const at = { group: 'wardle.example.com', version: 'v1alpha1' };
    const own = { kind: 'Flunder', apiVersion: 'wardle.example.com/v1alpha1' };
    const { api, remote, clock } = await world({ computed: [{ ...at, resources: () => [], read: () => own }] });
    const path = '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders/f';
    await clock.advance(300);
    const local = await until(() => api.get(APIService, { name: 'v1alpha1.wardle.example.com' }).catch(() => undefined));
    assert.deepEqual(await api.read(path), own);
    await serve(api, remote.port);
    await api.update(APIService, { ...local, spec: { ...local.spec, ...service(remote.caBundle).spec } as never });
    await until(async () => (await condition(api))?.reason === 'Passed');
    assert.equal((await api.read<{ url: string }>(path)).url, path);
    await api.delete(APIService, { name: 'v1alpha1.wardle.example.com' }, {});
    await until(async () => (await condition(api).catch(() => undefined))?.reason === 'Local');
    assert.deepEqual(await api.read(path), own);
  });
  it('notices that its server fails and that it is back, without being told', async () => {
    let healthy = true;
    const { api, remote, clock, get } = await world({ healthy: () => healthy });
    await serve(api, remote.port);
    await api.create(APIService, service(remote.caBundle));
    await available(api);
    healthy = false;
    await clock.advance(30_000);
    const message = await until(async () => ((await condition(api))?.reason === 'FailedDiscoveryCheck' ? (await condition(api))?.message : undefined));
    const url = 'https://api.default.svc:443/apis/wardle.example.com/v1alpha1';
    assert.equal(message, `failing or missing response from ${url}: bad status from ${url}: 500`);
    assert.deepEqual(await get('/apis/wardle.example.com/v1alpha1/flunders'), { status: 503, body: 'service unavailable\n' });
    const stale = JSON.parse((await get('/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' })).body);
    const item = stale.items.find((i: { metadata: { name: string } }) => i.metadata.name === 'wardle.example.com');
    assert.deepEqual([item.versions[0].freshness, item.versions[0].resources.length], ['Stale', 1]);
    healthy = true;
    await until(async () => {
      await clock.advance(30_000);
      return (await condition(api))?.status === 'True';
    });
  });
  it('distrusts a certificate of another authority', async () => {
    const { api, remote } = await world();
    await serve(api, remote.port);
    await api.create(APIService, service(Buffer.from(ca.cert).toString('base64')));
    const message = await until(async () => (await condition(api))?.message);
    assert.match(message, /^failing or missing response from .*: Get ".*": tls: failed to verify certificate: x509: certificate signed by unknown authority$/);
  });
});

describe('requests to another server', () => {
  it('say who asks, and keep what is between the client and this server', async () => {
    const { api, remote, get, seen } = await world();
    await serve(api, remote.port);
    await api.create(APIService, service(remote.caBundle));
    await available(api);
    seen.length = 0;
    const { status, body } = await get('/apis/wardle.example.com/v1alpha1/namespaces/default/flunders?limit=5', {
      authorization: 'Bearer secret',
      'x-remote-user': 'root',
    });
    assert.deepEqual(
      [status, JSON.parse(body)],
      [200, { url: '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders?limit=5', method: 'GET', body: '' }],
    );
    assert.deepEqual(seen, [
      {
        url: '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders?limit=5',
        user: 'admin',
        groups: admin.groups.join(', '),
        authorization: undefined,
        certificate: 'front-proxy-client',
      },
    ]);
  });
  it('go there even when a custom resource has the group version too', async () => {
    const { api, remote, server, get } = await world();
    const shape = { decode: () => assert.fail(), patchSchema: noSchema, openapi: {}, openapiV2: {} };
    const kind = { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder', plural: 'flunders', namespaced: true, schema: '', shape };
    server.serve(defineKind(kind));
    const path = '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders';
    assert.match((await get(path)).body, /"FlunderList"/);
    await serve(api, remote.port);
    await api.create(APIService, service(remote.caBundle));
    await available(api);
    assert.equal((JSON.parse((await get(path)).body) as { url?: string }).url, path);
    await api.delete(APIService, { name: 'v1alpha1.wardle.example.com' }, {});
    assert.match((await get(path)).body, /"FlunderList"/);
  });
  it('may become connections', async () => {
    const { api, remote, port } = await world();
    await serve(api, remote.port);
    await api.create(APIService, service());
    await available(api);
    const echoed = await new Promise<string>((resolve, reject) => {
      const request = httpsRequest({
        host: '127.0.0.1',
        port,
        path: '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders/x/exec',
        ca: ca.cert,
        cert: adminClient.cert,
        key: adminClient.key,
        headers: { connection: 'upgrade', upgrade: 'echo' },
      });
      request.on('upgrade', (_answer, socket) => {
        socket.once('data', (chunk: Buffer) => {
          socket.destroy();
          resolve(chunk.toString());
        });
        socket.write('hello');
      });
      request.on('response', (answer) => reject(new Error(String(answer.statusCode))));
      request.on('error', reject);
      request.end();
    });
    assert.equal(echoed, 'hello');
  });
});

describe('the documents', () => {
  it('of both servers are one', async () => {
    const { api, remote, get } = await world();
    await serve(api, remote.port);
    await api.create(APIService, service(remote.caBundle));
    await available(api);
    const legacy = JSON.parse((await get('/apis')).body) as { groups: { name: string }[] };
    const names = legacy.groups.map((group) => group.name);
    assert.deepEqual([names[0], names.indexOf('wardle.example.com') > names.indexOf('storage.k8s.io')], ['apps', true]);
    assert.equal(JSON.parse((await get('/apis/wardle.example.com')).body).preferredVersion.version, 'v1alpha1');
    const aggregated = JSON.parse((await get('/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' })).body);
    const item = aggregated.items.find((i: { metadata: { name: string } }) => i.metadata.name === 'wardle.example.com');
    assert.deepEqual(item.versions, [
      {
        version: 'v1alpha1',
        resources: [
          {
            resource: 'flunders',
            responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' },
            scope: 'Namespaced',
            singularResource: 'flunder',
            verbs: ['get', 'list'],
            shortNames: ['fl'],
            subresources: [{ subresource: 'status', responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' }, verbs: ['get'] }],
          },
        ],
        freshness: 'Current',
      },
    ]);
    const index = JSON.parse((await get('/openapi/v3')).body) as typeof openapiV3;
    assert.deepEqual(index.paths['apis/wardle.example.com/v1alpha1'], openapiV3.paths['apis/wardle.example.com/v1alpha1']);
    assert.equal(
      JSON.parse((await get('/openapi/v3/apis/wardle.example.com/v1alpha1?hash=1')).body).url,
      '/openapi/v3/apis/wardle.example.com/v1alpha1?hash=1',
    );
    const v2 = JSON.parse((await get('/openapi/v2')).body) as { paths: object; definitions: object };
    assert.ok('/apis/wardle.example.com/v1alpha1/flunders' in v2.paths && !('/version/' in v2.paths));
    assert.deepEqual(
      ['Flunder', 'Spec', 'Unused'].map((name) => name in v2.definitions),
      [true, true, false],
    );
    assert.ok(Object.keys(v2.definitions).length > 100);
    await api.delete(APIService, { name: 'v1alpha1.wardle.example.com' }, {});
    await until(async () => !(await get('/apis')).body.includes('wardle'));
    assert.equal((await get('/apis/wardle.example.com/v1alpha1')).status, 404);
  });
});

describe('APIServices of this server', () => {
  it('come and go with custom resources, and come back when someone deletes them', async () => {
    const { api, clock, server } = await world();
    await (clock as FakeClock).advance(300);
    const shape = { decode: () => assert.fail(), patchSchema: noSchema, openapi: {}, openapiV2: {} };
    const kind = defineKind({ group: 'example.com', version: 'v1', kind: 'Cron', plural: 'crons', namespaced: true, schema: '', shape });
    const find = async () => (await api.list(APIService)).items.find((item) => item.metadata?.name === 'v1.example.com');
    server.serve(kind);
    const made = await until(find);
    assert.deepEqual([made.metadata?.labels, made.spec?.groupPriorityMinimum], [{ 'kube-aggregator.kubernetes.io/automanaged': 'true' }, 1000]);
    await api.delete(APIService, { name: 'v1.example.com' }, {});
    await until(async () => ((await find())?.metadata?.uid ?? made.metadata?.uid) !== made.metadata?.uid);
    server.withdraw(kind);
    await until(async () => !(await find()));
  });
  it('are made at start, one for each group version, and available', async () => {
    const { api, clock } = await world();
    assert.ok(clock instanceof FakeClock);
    await clock.advance(300);
    const { items } = await until(async () => {
      const list = await api.list(APIService);
      return list.items.some((item) => item.metadata?.name === 'v1.') && list.items.some((item) => item.metadata?.name === 'v1.apps') && list;
    });
    const core = items.find((item) => item.metadata?.name === 'v1.');
    assert.deepEqual(core?.spec, { groupPriorityMinimum: 18000, version: 'v1', versionPriority: 1 });
    assert.deepEqual(core?.metadata?.labels, { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' });
    assert.deepEqual([core?.status?.conditions?.[0]?.reason, core?.status?.conditions?.[0]?.status], ['Local', 'True']);
  });
});
