import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import test, { after, before, describe } from 'node:test';
import { startServer, type TestServer } from '../src/apiserver/outbound/testing.ts';
import { eventually, useCluster } from './harness.ts';

interface Seen {
  url: string;
  user: string;
  groups: string;
}
interface APIService {
  status: { conditions: { status: string; reason: string; message: string }[] };
}
const groupVersion = 'wardle.example.com/v1alpha1';
const flunder = (name: string): object => ({
  apiVersion: groupVersion,
  kind: 'Flunder',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, creationTimestamp: '2026-01-01T00:00:00Z' },
});

/** A server in the shape of the sample-apiserver: flunders in memory, with discovery, OpenAPI, watch and deletion. */
/** Of this machine, but not loopback: endpoints may not be there. */
function outsideAddress(): string {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal && !one.address.startsWith('169.254.'));
  return found?.address ?? assert.fail('this machine has no address but loopback');
}

describe('an aggregated API server', () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0');
  const seen: Seen[] = [];
  const stored = new Map<string, object>();
  let server: TestServer | undefined;
  before(async () => {
    server = await startServer(
      (message, response, body) => {
        const url = new URL(message.url ?? '', 'https://x');
        seen.push({ url: message.url ?? '', user: String(message.headers['x-remote-user'] ?? ''), groups: String(message.headers['x-remote-group'] ?? '') });
        const send = (value: unknown, code = 200): void => void response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
        const base = `/apis/${groupVersion}`;
        const [, name] = /\/flunders\/([^/]+)$/.exec(url.pathname) ?? [];
        if (url.pathname === base)
          return send({
            kind: 'APIResourceList',
            apiVersion: 'v1',
            groupVersion,
            resources: [
              {
                name: 'flunders',
                singularName: 'flunder',
                namespaced: true,
                kind: 'Flunder',
                verbs: ['create', 'delete', 'get', 'list', 'watch'],
                shortNames: ['fl'],
              },
            ],
          });
        if (url.pathname === '/openapi/v3')
          return send({ paths: { [`apis/${groupVersion}`]: { serverRelativeURL: `/openapi/v3/apis/${groupVersion}?hash=ABC` } } });
        if (url.pathname === `/openapi/v3/apis/${groupVersion}`)
          return send({
            openapi: '3.0.0',
            info: { title: 'wardle', version: '1' },
            paths: {
              [`${base}/namespaces/{namespace}/flunders`]: {
                get: { 'x-kubernetes-group-version-kind': { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' }, responses: {} },
              },
            },
            components: {
              schemas: {
                Flunder: {
                  type: 'object',
                  description: 'A flunder of the sample.',
                  properties: { spec: { type: 'object', description: 'What it is to be.' } },
                  'x-kubernetes-group-version-kind': [{ group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' }],
                },
              },
            },
          });
        if (url.searchParams.get('watch')) {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.write(`${JSON.stringify({ type: 'ADDED', object: flunder('watched') })}\n`);
          setTimeout(() => response.end(`${JSON.stringify({ type: 'ADDED', object: flunder('later') })}\n`), 300);
          return;
        }
        if (url.pathname.endsWith('/flunders') && message.method === 'POST') {
          const made = JSON.parse(body) as { metadata: { name: string } };
          stored.set(made.metadata.name, { ...made, ...flunder(made.metadata.name) });
          return send(stored.get(made.metadata.name), 201);
        }
        if (url.pathname.endsWith('/flunders'))
          return send({ kind: 'FlunderList', apiVersion: groupVersion, metadata: { resourceVersion: '1' }, items: [...stored.values()] });
        const found = name === undefined ? undefined : stored.get(name);
        if (!found)
          return send(
            { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404, message: `flunders.wardle.example.com "${name}" not found` },
            404,
          );
        if (message.method === 'DELETE') stored.delete(name as string);
        send(message.method === 'DELETE' ? { kind: 'Status', apiVersion: 'v1', status: 'Success' } : found);
      },
      { names: ['wardle.default.svc'], host: '0.0.0.0' },
    );
    await my.cluster.apply(`
apiVersion: v1
kind: Service
metadata: {name: wardle, namespace: default}
spec: {ports: [{port: 443, targetPort: ${server.port}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: wardle-host, namespace: default, labels: {kubernetes.io/service-name: wardle}}
addressType: IPv4
endpoints: [{addresses: [${outsideAddress()}]}]
ports: [{port: ${server.port}}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1alpha1.wardle.example.com}
spec:
  group: wardle.example.com
  version: v1alpha1
  groupPriorityMinimum: 2000
  versionPriority: 200
  caBundle: ${server.caBundle}
  service: {name: wardle, namespace: default}
`);
  });
  after(() => server?.close());

  test('is found available, beside the local ones', async () => {
    await my.cluster.kubectl('wait', '--for=condition=Available', 'apiservice/v1alpha1.wardle.example.com', '--timeout=120s');
    const table = await eventually('the local APIServices', async () => {
      const text = await my.cluster.kubectl('get', 'apiservices');
      return text.includes('v1.apps') && text;
    });
    assert.match(table, /v1alpha1\.wardle\.example\.com\s+default\/wardle\s+True/);
    assert.match(table, /v1\.\s+Local\s+True/);
    assert.match(table, /v1\.apps\s+Local\s+True/);
  });
  test('answers kubectl: api-resources, create, get, delete, watch, explain', async () => {
    assert.match(
      await my.cluster.kubectl('api-resources', '--api-group=wardle.example.com'),
      /flunders\s+fl\s+wardle\.example\.com\/v1alpha1\s+true\s+Flunder/,
    );
    const made = await my.cluster.tryKubectl(['create', '--validate=false', '-f', '-'], { input: JSON.stringify(flunder('one')) });
    assert.equal(made.out, 'flunder.wardle.example.com/one created\n', made.err);
    assert.match(await my.cluster.kubectl('get', 'flunders'), /one/);
    assert.match(await my.cluster.kubectl('get', 'fl', 'one', '-o', 'yaml'), /kind: Flunder/);
    assert.match(await my.cluster.kubectl('get', '--raw', `/apis/${groupVersion}/namespaces/default/flunders`), /"FlunderList"/);
    assert.equal((await my.cluster.kubectl('get', '--raw', `/apis/${groupVersion}/namespaces/default/flunders?watch=1`)).trim().split('\n').length, 2);
    assert.match(await my.cluster.kubectl('explain', 'flunder'), /A flunder of the sample\./);
    assert.match(await my.cluster.kubectl('delete', 'flunder', 'one'), /deleted/);
    assert.match(
      (await my.cluster.tryKubectl(['get', 'flunder', 'one'])).err,
      /Error from server \(NotFound\): flunders\.wardle\.example\.com "one" not found/,
    );
  });
  test('learns who asks', async () => {
    seen.length = 0;
    await my.cluster.kubectl('get', 'flunders', '--as=alice', '--as-group=system:masters');
    const asked = seen.find(({ url }) => url.includes('/namespaces/default/flunders'));
    assert.equal(asked?.user, 'alice');
    assert.match(asked?.groups ?? '', /system:masters/);
    assert.match(
      (await my.cluster.tryKubectl(['get', 'flunders', '--as=bob'])).err,
      /flunders\.wardle\.example\.com is forbidden: User "bob" cannot list resource "flunders" in API group "wardle\.example\.com"/,
    );
  });
  test('that goes away is told of, and the rest of the API stays', async () => {
    await my.cluster.kubectl('delete', 'endpointslice', 'wardle-host');
    await my.cluster.kubectl('wait', '--for=condition=Available=False', 'apiservice/v1alpha1.wardle.example.com', '--timeout=120s');
    const { status } = await my.cluster.json<APIService>('get', 'apiservice', 'v1alpha1.wardle.example.com');
    assert.equal(status.conditions[0]?.reason, 'MissingEndpoints');
    assert.match((await my.cluster.tryKubectl(['get', '--raw', `/apis/${groupVersion}`])).err, /the server is currently unable to handle the request/);
    assert.match((await my.cluster.tryKubectl(['api-resources'])).out, /configmaps/);
    await my.cluster.kubectl('delete', 'apiservice', 'v1alpha1.wardle.example.com');
    await eventually('the group is gone', async () => !(await my.cluster.kubectl('api-versions')).includes('wardle'));
  });
});
