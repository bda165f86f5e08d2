import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { seededRandom, systemClock } from '#base';
import { allKinds, EndpointSlice, Namespace, Node, Pod, schemas, Service, ServiceAccount, type V1Pod } from '#kinds';
import type { Api, NodeHttpRequest, NodeStreams } from '#machinery';
import { openPki } from '../pki/pki.ts';
import { rewriteHtml, rewriteLink } from '../http/rewrite.ts';
import type { ApiServer } from '../server.ts';
import { standardParts } from '../standard.ts';
import { admin, fixture, withLoopback } from '../test-support.ts';
import { splitTarget } from './proxy.ts';

interface Answer {
  code: number;
  headers: IncomingHttpHeaders;
  body: string;
}

describe('proxy subresources', () => {
  let server: ApiServer;
  let api: Api;
  let directory: string;
  let port: number;
  let identity: { cert: string; key: string };
  let backend: Server;
  let backendPort: number;
  let asked: NodeHttpRequest | undefined;
  const unused = (): Promise<never> => Promise.reject(new Error('not in this test'));
  const node: NodeStreams = {
    logs: unused,
    exec: unused,
    attach: unused,
    portForward: unused,
    async http(request) {
      asked = request;
      return { code: request.path === '/healthz' ? 200 : 404, type: 'text/plain', body: 'ok' };
    },
  };

  before(async () => {
    backend = createServer((request, response) => {
      if (request.url === '/redirect') return void response.writeHead(302, { location: '/elsewhere?x=1' }).end();
      if (request.url === '/page')
        return void response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end(gzipSync('<a href="/next">n</a>'));
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        response.writeHead(request.method === 'DELETE' ? 202 : 200, { 'x-method': request.method, connection: 'close' });
        response.end(JSON.stringify({ url: request.url, method: request.method, body, headers: request.headers }));
      });
    });
    backend.on('upgrade', (request, socket) => socket.end(`HTTP/1.1 101 Switching Protocols\r\nupgrade: test\r\nconnection: upgrade\r\n\r\n${request.url}`));
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    backendPort = (backend.address() as AddressInfo).port;
    directory = await mkdtemp(join(tmpdir(), 'proxy-'));
    const pki = await openPki(directory, systemClock);
    identity = await pki.client('admin', { commonName: 'admin', organizations: ['system:masters'] });
    const parts = standardParts({ clock: systemClock, random: seededRandom(2), serviceCidr: '10.96.0.0/16', clientCa: pki.ca.cert, tokenKey: pki.tokenKey });
    const tls = { ...(await pki.server('api', ['127.0.0.1'])), clientCa: pki.ca.cert };
    ({ server } = await fixture({
      ...parts,
      clock: systemClock,
      tls,
      kinds: withLoopback(allKinds),
      schemas,
      nodeStreams: (name) => (name === 'n1' ? node : undefined),
    }));
    api = server.api(admin);
    await api.create(Namespace, { metadata: { name: 'default' } });
    await api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
    await api.create(Pod, pod('web', backendPort));
    await api.update(Pod, { ...pod('web', backendPort), status: { podIP: '127.0.0.1' } }, { subresource: 'status' });
    await api.create(Pod, pod('pending', backendPort));
    await api.create(Service, {
      metadata: { name: 'svc', namespace: 'default' },
      spec: { selector: { a: 'b' }, ports: [{ name: 'http', port: 80, targetPort: backendPort }] },
    });
    await api.create(Service, { metadata: { name: 'empty', namespace: 'default' }, spec: { ports: [{ port: 80 }] } });
    await api.create(EndpointSlice, {
      metadata: { name: 'svc-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'svc' } },
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['127.0.0.1'], conditions: { ready: true } },
        { addresses: ['203.0.113.1'], conditions: { ready: false } },
      ],
      ports: [{ name: 'http', port: backendPort, protocol: 'TCP' }],
    });
    await api.create(Node, { metadata: { name: 'n1' } });
    await api.create(Node, { metadata: { name: 'n2' } });
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });
  after(async () => {
    await server.close();
    backend.closeAllConnections();
    await new Promise<void>((resolve) => backend.close(() => resolve()));
    await rm(directory, { recursive: true });
  });

  const pod = (name: string, containerPort: number): V1Pod => ({
    metadata: { name, namespace: 'default' },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports: [{ containerPort }] }] },
  });

  function ask(path: string, method = 'GET', body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        { host: '127.0.0.1', port, path, method, ...identity, rejectUnauthorized: false, headers: { authorization: 'Bearer x', 'x-mine': 'kept' } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => resolve({ code: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('latin1') }));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
  const pods = '/api/v1/namespaces/default/pods';
  const services = '/api/v1/namespaces/default/services';
  interface Echo {
    url: string;
    method: string;
    body: string;
    headers: Record<string, string>;
  }
  const echo = ({ body }: Answer): Echo => JSON.parse(body) as Echo;
  const message = ({ body }: Answer): string => (JSON.parse(body) as { message: string }).message;

  it('sends path, query, method and body on as they are', async () => {
    const answer = await ask(`${pods}/web/proxy/a%2Fb/c/?q=x+y&z`, 'POST', 'hello');
    const { url, method, body, headers } = echo(answer);
    assert.deepEqual([answer.code, url, method, body], [200, '/a%2Fb/c/?q=x+y&z', 'POST', 'hello']);
    assert.equal(headers['authorization'], undefined);
    assert.equal(headers['x-mine'], 'kept');
    assert.equal(headers['x-forwarded-uri'], `${pods}/web/proxy/a%2Fb/c/?q=x+y&z`);
    for (const verb of ['PUT', 'PATCH', 'OPTIONS']) assert.equal(echo(await ask(`${pods}/web/proxy/`, verb)).method, verb);
    assert.equal((await ask(`${pods}/web/proxy/x`, 'DELETE')).code, 202);
    const head = await ask(`${pods}/web/proxy/x`, 'HEAD');
    assert.deepEqual([head.code, head.headers['x-method'], head.body], [200, 'HEAD', '']);
  });
  it('names a port, and finds a service by port number or name', async () => {
    assert.equal(echo(await ask(`${pods}/http:web:${backendPort}/proxy/p`)).url, '/p');
    assert.equal(echo(await ask(`${services}/svc:80/proxy/p?x=1`)).url, '/p?x=1');
    assert.equal(echo(await ask(`${services}/http:svc:http/proxy/p`)).url, '/p');
  });
  it('redirects a GET without a path, and leads redirects and links back through the proxy', async () => {
    const bare = await ask(`${pods}/web/proxy?method=GET`);
    assert.deepEqual([bare.code, bare.headers.location], [301, `${pods}/web/proxy/?method=GET`]);
    assert.equal(echo(await ask(`${pods}/web/proxy?method=POST`, 'POST')).url, '/?method=POST');
    assert.equal((await ask(`${pods}/web/proxy/redirect`)).headers.location, `${pods}/web/proxy/elsewhere?x=1`);
    const page = await ask(`${pods}/web/proxy/page`);
    assert.equal(gunzipSync(Buffer.from(page.body, 'latin1')).toString(), `<a href="${pods}/web/proxy/next">n</a>`);
  });
  it('says why there is nobody to ask', async () => {
    const cases: [string, number, RegExp][] = [
      [`${pods}/none/proxy/`, 404, /^pods "none" not found$/],
      [`${pods}/pending/proxy/`, 400, /^address not allowed$/],
      [`${pods}/a:b:c:d/proxy/`, 400, /^invalid pod request "a:b:c:d"$/],
      [`${pods}/web:1/proxy/`, 503, /^error trying to reach service: connect ECONNREFUSED/],
      [`${services}/svc:81/proxy/`, 503, /^no service port 81 found for service "svc"$/],
      [`${services}/svc:other/proxy/`, 503, /^no endpoints available for service "svc:other"$/],
      [`${services}/empty/proxy/`, 503, /^no endpoints available for service "empty"$/],
      ['/api/v1/nodes/n2/proxy/healthz', 503, /no node agent of the name "n2"/],
      ['/api/v1/nodes/n3/proxy/healthz', 404, /^nodes "n3" not found$/],
    ];
    for (const [path, code, text] of cases) {
      const answer = await ask(path);
      assert.equal(answer.code, code, path);
      assert.match(message(answer), text);
    }
  });
  it('asks the node agent itself', async () => {
    const answer = await ask('/api/v1/nodes/n1:10250/proxy/healthz?verbose=1');
    assert.deepEqual([answer.code, answer.body, asked?.path, asked?.query.get('verbose')], [200, 'ok', '/healthz', '1']);
    assert.equal((await ask('/api/v1/nodes/n1/proxy/nope')).code, 404);
  });
  it('joins upgraded connections', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      let all = '';
      const socket = connect({ host: '127.0.0.1', port, ...identity, rejectUnauthorized: false }, () =>
        socket.write(`GET ${pods}/web/proxy/ws?a=1 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n`),
      );
      socket.on('data', (chunk: Buffer) => (all += chunk.toString()));
      socket.on('close', () => resolve(all));
      socket.on('error', reject);
    });
    assert.match(text, /^HTTP\/1\.1 101[\s\S]*\r\n\r\n\/ws\?a=1$/);
  });
});

describe('proxied links', () => {
  const base = { prefix: '/p', backend: '10.0.0.1:80', host: 'api:6443' };
  it('rewrites what is the backend’s own', () => {
    const cases: [string, string][] = [
      ['/a?b#c', '/p/a?b#c'],
      ['/p/a', '/p/a'],
      ['a/b', 'a/b'],
      ['http://10.0.0.1:80/x', 'https://api:6443/p/x'],
      ['https://api:6443/x', 'https://api:6443/p/x'],
      ['https://example.com/x', 'https://example.com/x'],
      ['//10.0.0.1:80/x', 'https://api:6443/p/x'],
      ['mailto:a@b', 'mailto:a@b'],
    ];
    for (const [link, wanted] of cases) assert.equal(rewriteLink(link, base), wanted);
  });
  it('changes link attributes only', () => {
    assert.equal(
      rewriteHtml(`<A class="/k" HREF='/x'>/y</A><img src = "/i.png"><p title="/t">`, base),
      `<A class="/k" HREF='/p/x'>/y</A><img src = "/p/i.png"><p title="/t">`,
    );
  });
  it('splits names', () => {
    assert.deepEqual(splitTarget('a'), { scheme: '', name: 'a', port: '' });
    assert.deepEqual(splitTarget('a:80'), { scheme: '', name: 'a', port: '80' });
    assert.deepEqual(splitTarget('https:a:web'), { scheme: 'https', name: 'a', port: 'web' });
    for (const bad of ['', ':80', 'ftp:a:1', 'a:b:c:d']) assert.equal(splitTarget(bad), undefined);
  });
});
