/** Custom resources with the real kubectl: install, explain, columns, validation, versions and their conversion, removal. */
import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { issueCa, issueServer } from '#apiserver';
import { eventually, useCluster } from './harness.ts';

const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2120, 0, 1) };
const definition = (extra: object = {}, versions: object[] = []): string =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'crontabs.stable.example.com' },
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
          selectableFields: [{ jsonPath: '.spec.color' }],
          additionalPrinterColumns: [
            { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
            { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
            { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status', priority: 1 },
          ],
          schema: { openAPIV3Schema: schema },
        },
        ...versions,
      ],
      ...extra,
    },
  });
const schema = {
  type: 'object',
  description: 'CronTab runs something now and then.',
  properties: {
    spec: {
      type: 'object',
      required: ['cronSpec'],
      properties: {
        cronSpec: { type: 'string', description: 'When it runs.', pattern: '^[0-9* /]+$' },
        replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
        color: { type: 'string', enum: ['red', 'green'] },
        port: { 'x-kubernetes-int-or-string': true },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
    status: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        conditions: { type: 'array', items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } } },
      },
    },
  },
};
const tab = (name: string, spec: object, version = 'v1'): string =>
  JSON.stringify({ apiVersion: `stable.example.com/${version}`, kind: 'CronTab', metadata: { name }, spec });

describe('a custom resource', () => {
  const at = useCluster('--runtime', 'sim', '--nodes', '0');

  it('is there for kubectl as soon as its definition is established', async () => {
    const { cluster } = at;
    await cluster.apply(definition());
    await cluster.kubectl('wait', '--for=condition=Established', 'crd/crontabs.stable.example.com', '--timeout=20s');
    assert.match(await cluster.kubectl('api-resources', '--api-group=stable.example.com'), /crontabs +ct +stable\.example\.com\/v1 +true +CronTab/);
    await cluster.apply(tab('a', { cronSpec: '* * *', color: 'red', free: { any: ['thing'] } }));
    await cluster.apply(tab('b', { cronSpec: '1 * *', color: 'green', port: 'http' }));
    const table = await cluster.kubectl('get', 'ct');
    assert.match(table, /^NAME +SPEC +REPLICAS\na +\* \* \* +1\nb +1 \* \* +1\n$/);
    assert.match(await cluster.kubectl('get', 'ct', '-o', 'wide'), /NAME +SPEC +REPLICAS +READY/);
    assert.match(await cluster.kubectl('get', 'all'), /crontab\.stable\.example\.com\/a/);
    assert.equal(await cluster.kubectl('get', 'ct', '--field-selector', 'spec.color=green', '-o', 'name'), 'crontab.stable.example.com/b\n');
  });

  it('can be explained, in both versions of OpenAPI', async () => {
    const { cluster } = at;
    assert.match(await cluster.kubectl('explain', 'crontabs'), /KIND: +CronTab[\s\S]*CronTab runs something now and then[\s\S]*metadata/);
    assert.match(await cluster.kubectl('explain', 'ct.spec.cronSpec'), /cronSpec <string>[\s\S]*When it runs\./);
    assert.match(await cluster.kubectl('explain', 'ct', '--recursive'), /replicas\t<integer>/);
    const v2 = JSON.parse(await cluster.kubectl('get', '--raw', '/openapi/v2')) as { definitions: Record<string, unknown> };
    assert.ok(v2.definitions['com.example.stable.v1.CronTab']);
    const index = JSON.parse(await cluster.kubectl('get', '--raw', '/openapi/v3')) as { paths: Record<string, { serverRelativeURL: string }> };
    const path = index.paths['apis/stable.example.com/v1']?.serverRelativeURL ?? '';
    const v3 = JSON.parse(await cluster.kubectl('get', '--raw', path)) as { components: { schemas: Record<string, unknown> } };
    assert.ok(v3.components.schemas['com.example.stable.v1.CronTab']);
  });

  it('is checked against its schema, field by field', async () => {
    const { cluster } = at;
    const refused = async (spec: object, text: RegExp): Promise<void> => {
      const { code, err } = await cluster.tryKubectl(['create', '-f', '-'], { input: tab('bad', spec) });
      assert.equal(code, 1);
      assert.match(err, text);
    };
    await refused({}, /spec\.cronSpec: Required value|missing required field "cronSpec"/);
    await refused({ cronSpec: '* * *', replicas: 11 }, /spec\.replicas: Invalid value: 11: spec\.replicas in body should be less than or equal to 10/);
    await refused({ cronSpec: '* * *', color: 'blue' }, /spec\.color: Unsupported value: "blue": supported values: "red", "green"/);
    await refused({ cronSpec: '* * *', nosuch: 1 }, /strict decoding error: unknown field "spec\.nosuch"/);
    const { err } = await cluster.tryKubectl(['create', '--validate=warn', '-f', '-'], { input: tab('pruned', { cronSpec: '* * *', nosuch: 1 }) });
    assert.match(err, /Warning: unknown field "spec\.nosuch"/);
    const pruned = await cluster.json<{ spec: object }>('get', 'ct', 'pruned');
    assert.deepEqual(pruned.spec, { cronSpec: '* * *', replicas: 1 });
  });

  it('is edited, applied, scaled, diffed and watched like any other', async () => {
    const { cluster } = at;
    await cluster.kubectl('patch', 'ct', 'a', '--type=json', '-p', '[{"op":"replace","path":"/spec/replicas","value":3}]');
    await cluster.kubectl('scale', 'ct/a', '--replicas=5');
    assert.equal(await cluster.kubectl('get', 'ct', 'a', '-o', 'jsonpath={.spec.replicas} {.metadata.generation}'), '5 3');
    const applied = await cluster.tryKubectl(['apply', '--server-side', '--field-manager=other', '-f', '-'], { input: tab('a', { cronSpec: '5 5 5' }) });
    assert.match(applied.err, /conflict with "kubectl-client-side-apply" using stable\.example\.com\/v1: \.spec\.cronSpec/);
    await cluster.kubectl('label', 'ct', 'a', 'x=y');
    const { code } = await cluster.tryKubectl(['diff', '-f', '-'], { input: tab('b', { cronSpec: '1 * *', color: 'green', port: 'http' }) });
    assert.equal(code, 0);
    await cluster.kubectl('patch', 'ct', 'b', '--subresource=status', '--type=merge', '-p', '{"status":{"replicas":2}}');
    assert.equal(await cluster.kubectl('get', 'ct', 'b', '-o', 'jsonpath={.status.replicas} {.metadata.generation}'), '2 1');
  });

  it('goes with its definition', async () => {
    const { cluster } = at;
    await cluster.kubectl('delete', 'crd', 'crontabs.stable.example.com', '--timeout=30s');
    const { err } = await cluster.tryKubectl(['get', 'ct']);
    assert.match(err, /the server doesn't have a resource type "ct"|could not find the requested resource/);
  });
});

describe('versions of a custom resource', () => {
  const at = useCluster('--runtime', 'sim', '--nodes', '0');
  const ca = issueCa('conversion-ca', validity);
  const served = issueServer(ca, { ...validity, commonName: 'conversion', names: ['127.0.0.1'] });
  let calls = 0;
  /** v1 says spec.host as one string, v2 as host and port. */
  const server = createServer({ cert: served.cert, key: served.key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls++;
      const {
        apiVersion,
        kind,
        request: asked,
      } = JSON.parse(Buffer.concat(chunks).toString()) as {
        apiVersion: string;
        kind: string;
        request: { uid: string; desiredAPIVersion: string; objects: { spec: Record<string, unknown>; apiVersion: string }[] };
      };
      const convertedObjects = asked.objects.map(({ spec, ...object }) => {
        const [host, port] = String(spec['host']).split(':');
        const converted = asked.desiredAPIVersion.endsWith('v2') ? { host, port } : { host: `${String(spec['host'])}:${String(spec['port'])}` };
        return { ...object, apiVersion: asked.desiredAPIVersion, spec: converted };
      });
      const answer = { uid: asked.uid, result: { status: 'Success' }, convertedObjects };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion, kind, response: answer }));
    });
  });
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const open = { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } };
  const hosts = (): string => {
    const version = (name: string, storage: boolean): object => ({ name, served: true, storage, schema: { openAPIV3Schema: open } });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/convert`;
    const webhook = { clientConfig: { url, caBundle: Buffer.from(ca.cert).toString('base64') }, conversionReviewVersions: ['v1'] };
    return JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'hosts.stable.example.com' },
      spec: {
        group: 'stable.example.com',
        scope: 'Namespaced',
        names: { plural: 'hosts', kind: 'Host' },
        versions: [version('v1', true), version('v2', false)],
        conversion: { strategy: 'Webhook', webhook },
      },
    });
  };
  const host = (name: string, version: string, spec: object): string =>
    JSON.stringify({ apiVersion: `stable.example.com/${version}`, kind: 'Host', metadata: { name }, spec });

  it('are converted by a webhook, in both directions, in lists and in watches', async () => {
    const { cluster } = at;
    await cluster.apply(hosts());
    await cluster.kubectl('wait', '--for=condition=Established', 'crd/hosts.stable.example.com', '--timeout=20s');
    await cluster.apply(host('old', 'v1', { host: 'a:80' }));
    await cluster.apply(host('new', 'v2', { host: 'b', port: '81' }));
    const specs = async (version: string): Promise<unknown[]> =>
      (await cluster.json<{ items: { spec: unknown }[] }>('get', `hosts.${version}.stable.example.com`)).items.map((item) => item.spec);
    assert.deepEqual(await specs('v1'), [{ host: 'b:81' }, { host: 'a:80' }]);
    assert.deepEqual(await specs('v2'), [
      { host: 'b', port: '81' },
      { host: 'a', port: '80' },
    ]);
    assert.ok(calls > 0);
    const watched = await cluster.tryKubectl(['get', '--raw', '/apis/stable.example.com/v2/hosts?watch=1&timeoutSeconds=1']);
    assert.match(watched.out, /"type":"ADDED".*"name":"new".*\n.*"type":"ADDED".*"port":"80"/);
  });

  it('say so when the webhook is gone, and are converted again when it is back', async () => {
    const { cluster } = at;
    const { port } = server.address() as AddressInfo;
    await cluster.apply(host('third', 'v1', { host: 'c:82' }));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const { err } = await cluster.tryKubectl(['get', 'hosts.v2.stable.example.com', 'third']);
    assert.match(err, /conversion webhook for stable\.example\.com\/v1, Kind=Host failed: Post "https:\/\/127\.0\.0\.1:\d+\/convert/);
    assert.match(await cluster.kubectl('get', 'hosts.v1.stable.example.com', 'third', '-o', 'jsonpath={.spec.host}'), /c:82/);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await eventually('the conversion works again', async () => (await cluster.tryKubectl(['get', 'hosts.v2.stable.example.com', 'third'])).code === 0);
  });
});
