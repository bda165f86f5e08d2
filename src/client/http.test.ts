import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { ConfigMap, Deployment } from '#kinds';
import { connectHttp, fromKubeconfig } from './http.ts';

interface Seen {
  method: string;
  url: string;
  body: string;
  headers: http.IncomingHttpHeaders;
}
type Handler = (seen: Seen, response: http.ServerResponse) => void;
const closers: (() => void)[] = [];
after(() => closers.forEach((close) => close()));

async function serve(handler: Handler): Promise<{ api: ReturnType<typeof connectHttp>; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', body, headers: request.headers };
      seen.push(one);
      handler(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api = connectHttp({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'secret' });
  closers.push(() => {
    api.close();
    server.closeAllConnections();
    server.close();
  });
  return { api, seen };
}
const json = (response: http.ServerResponse, code: number, body: unknown): void =>
  void response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));

test('paths, queries, bodies and content types of every verb', async () => {
  const { api, seen } = await serve((_s, response) =>
    json(response, 200, { metadata: { name: 'a', resourceVersion: '5' }, items: [{ metadata: { name: 'a' } }] }),
  );
  const key = { namespace: 'n', name: 'a' };
  await api.get(ConfigMap, key);
  const list = await api.list(Deployment, { namespace: 'n', labelSelector: 'a=b,c in (d)', limit: 5 });
  await api.create(ConfigMap, { metadata: { namespace: 'n', name: 'a' } }, { dryRun: true, fieldManager: 'me' });
  await api.update(Deployment, { metadata: { namespace: 'n', name: 'a' } }, { subresource: 'status' });
  await api.patch(ConfigMap, key, 'application/merge-patch+json', { data: { a: null } });
  await api.delete(ConfigMap, key, { preconditions: { uid: 'u' }, propagationPolicy: 'Foreground' });
  await api.deleteCollection(ConfigMap, { namespace: 'n', labelSelector: 'x' });
  assert.deepEqual(
    seen.map((s) => `${s.method} ${s.url}`),
    [
      'GET /api/v1/namespaces/n/configmaps/a',
      'GET /apis/apps/v1/namespaces/n/deployments?labelSelector=a%3Db%2Cc%20in%20(d)&limit=5',
      'POST /api/v1/namespaces/n/configmaps?dryRun=All&fieldManager=me',
      'PUT /apis/apps/v1/namespaces/n/deployments/a/status',
      'PATCH /api/v1/namespaces/n/configmaps/a',
      'DELETE /api/v1/namespaces/n/configmaps/a',
      'DELETE /api/v1/namespaces/n/configmaps?labelSelector=x',
    ],
  );
  assert.deepEqual([list.resourceVersion, list.items[0]?.kind, list.items[0]?.apiVersion], ['5', 'Deployment', 'apps/v1']);
  assert.deepEqual(JSON.parse(seen[2]?.body ?? ''), { metadata: { namespace: 'n', name: 'a' }, apiVersion: 'v1', kind: 'ConfigMap' });
  assert.equal(seen[4]?.headers['content-type'], 'application/merge-patch+json');
  assert.deepEqual(JSON.parse(seen[5]?.body ?? ''), { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'u' }, propagationPolicy: 'Foreground' });
  assert.equal(seen[0]?.headers.authorization, 'Bearer secret');
});

test('a Status becomes an ApiError, and so does anything else that is not success', async () => {
  const { api } = await serve((s, response) =>
    s.url.includes('gone')
      ? void response.writeHead(502).end('bad gateway')
      : json(response, 409, {
          kind: 'Status',
          status: 'Failure',
          reason: 'AlreadyExists',
          message: 'configmaps "a" already exists',
          code: 409,
          details: { name: 'a' },
        }),
  );
  await assert.rejects(api.create(ConfigMap, { metadata: { namespace: 'n', name: 'a' } }), {
    name: 'ApiError',
    reason: 'AlreadyExists',
    code: 409,
    message: 'configmaps "a" already exists',
  });
  await assert.rejects(api.get(ConfigMap, { namespace: 'n', name: 'gone' }), { name: 'ApiError', reason: 'InternalError', message: 'bad gateway' });
  const nowhere = connectHttp({ server: 'http://127.0.0.1:1' });
  await assert.rejects(nowhere.get(ConfigMap, { namespace: 'n', name: 'a' }), { reason: 'ServiceUnavailable' });
});

test('a watch frames events by line, goes on from its last revision, and ends when that has expired', async () => {
  let connections = 0;
  const event = (type: string, resourceVersion: string, name = 'a'): string =>
    `${JSON.stringify({ type, object: { kind: 'ConfigMap', metadata: { name, resourceVersion } } })}\n`;
  const { api, seen } = await serve((_s, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    if (++connections === 1) {
      const text = event('ADDED', '6', 'ä') + event('MODIFIED', '7');
      const bytes = Buffer.from(text);
      const cut = bytes.indexOf(0xc3) + 1;
      response.write(bytes.subarray(0, cut));
      setImmediate(() => response.end(bytes.subarray(cut)));
    } else
      response.end(
        event('BOOKMARK', '9') +
          `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired', message: 'too old' } })}\n`,
      );
  });
  const got: string[] = [];
  const error = await new Promise<Error>((resolve) => {
    api.watch(
      ConfigMap,
      { resourceVersion: '5', allowWatchBookmarks: true },
      { event: (type, o) => void got.push(`${type} ${o.metadata?.name ?? ''} ${o.metadata?.resourceVersion ?? ''}`), end: resolve },
    );
  });
  assert.deepEqual(got, ['ADDED ä 6', 'MODIFIED a 7', 'BOOKMARK a 9']);
  assert.equal(error.message, 'too old');
  assert.deepEqual(
    seen.map((s) => s.url),
    ['5', '7'].map((rv) => `/api/v1/configmaps?resourceVersion=${rv}&watch=1&allowWatchBookmarks=true`),
  );
});

test('kubeconfig: the current context, and clear words about what is missing', async () => {
  const text = `
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: 'https://127.0.0.1:6443', certificate-authority-data: ${Buffer.from('CA').toString('base64')}}}]
users: [{name: u, user: {client-certificate-data: ${Buffer.from('CERT').toString('base64')}, client-key-data: ${Buffer.from('KEY').toString('base64')}}}]
`;
  assert.deepEqual(await fromKubeconfig(text), { server: 'https://127.0.0.1:6443', ca: 'CA', cert: 'CERT', key: 'KEY' });
  await assert.rejects(fromKubeconfig(text, 'other'), /context "other" does not exist/);
  await assert.rejects(fromKubeconfig(text.replace('client-key-data', 'client-key')), /client-key, which is not supported/);
});
