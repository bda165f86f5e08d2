import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { startServer, type TestServer } from '../src/apiserver/outbound/testing.ts';
import { eventually, useCluster } from './harness.ts';

interface Review {
  request: {
    uid: string;
    name?: string;
    operation: string;
    subResource?: string;
    dryRun: boolean;
    kind: { kind: string };
    userInfo: { username: string };
    object: { metadata?: { labels?: Record<string, string> }; kind: string } | null;
    oldObject: { metadata: { labels?: Record<string, string> } } | null;
  };
}
interface Configured {
  data?: Record<string, string>;
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> };
}
const add = (path: string, value: unknown): object => ({ op: 'add', path, value });
const patch = (...operations: object[]): object => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const deny = (message: string): object => ({ allowed: false, status: { code: 403, reason: 'Forbidden', message } });

/** What the webhooks of this test do, by the path of their URL. */
const behaviours: Record<string, (request: Review['request']) => object> = {
  '/labels': ({ object }) => patch(...(object?.metadata?.labels ? [] : [add('/metadata/labels', {})]), add('/metadata/labels/mutated', 'true')),
  '/deny': ({ object, oldObject }) =>
    (object ?? oldObject)?.metadata?.labels?.['forbidden']
      ? { ...deny('the label "forbidden" is forbidden'), warnings: ['watch your labels'] }
      : { allowed: true },
  '/warn': ({ operation, dryRun }) => ({ allowed: true, warnings: [`${operation} seen${dryRun ? ' in a dry run' : ''}`] }),
  '/connect': ({ name, object, userInfo }) => deny(`${userInfo.username} may not ${object?.kind} ${name}`),
};

describe('admission webhooks', () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0');
  const reviews: { path: string; request: Review['request'] }[] = [];
  let server: TestServer | undefined;
  before(async () => {
    server = await startServer((message, response, body) => {
      const path = (message.url ?? '').split('?')[0] ?? '';
      if (path === '/slow') return;
      if (path === '/broken') return void response.writeHead(500).end('boom');
      const { request } = JSON.parse(body) as Review;
      reviews.push({ path, request });
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: request.uid, ...behaviours[path]?.(request) } }),
      );
    });
    await my.cluster.kubectl('create', 'namespace', 'hooked');
    await my.cluster.kubectl('label', 'namespace', 'hooked', 'hooks=on');
  });
  after(() => server?.close());

  const configuration = (kind: 'Mutating' | 'Validating', name: string, path: string, rules: object, more: object = {}): string =>
    JSON.stringify({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: `${kind}WebhookConfiguration`,
      metadata: { name },
      webhooks: [
        {
          name: `${name}.example.com`,
          clientConfig: { url: `https://127.0.0.1:${server?.port}${path}`, caBundle: server?.caBundle },
          rules: [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], ...rules }],
          namespaceSelector: { matchLabels: { hooks: 'on' } },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          timeoutSeconds: 2,
          ...more,
        },
      ],
    });
  const map = (name: string, labels: object = {}): string =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'hooked', labels }, data: { a: 'b' } });
  const remove = (kind: string, name: string): Promise<string> => my.cluster.kubectl('delete', `${kind}webhookconfiguration`, name);

  test('mutate, only where their namespace selector says', async () => {
    await my.cluster.apply(configuration('Mutating', 'labels', '/labels', {}));
    await my.cluster.apply(map('one'));
    await my.cluster.kubectl('create', 'configmap', 'other', '-n', 'default', '--from-literal=a=b');
    const [one, other] = [await my.cluster.json<Configured>('get', 'cm', 'one', '-n', 'hooked'), await my.cluster.json<Configured>('get', 'cm', 'other')];
    assert.deepEqual([one.metadata.labels, other.metadata.labels], [{ mutated: 'true' }, undefined]);
    // What the webhook added is not the client's: applying again changes nothing.
    assert.match(await my.cluster.apply(map('one')), /unchanged/);
    await remove('mutating', 'labels');
  });
  test('deny creation, update and deletion, with their message', async () => {
    await my.cluster.kubectl('create', 'configmap', 'old', '-n', 'hooked', '--from-literal=a=b');
    await my.cluster.kubectl('label', 'configmap', 'old', '-n', 'hooked', 'forbidden=already');
    await my.cluster.apply(configuration('Validating', 'deny', '/deny', {}));
    const denied = /admission webhook "deny\.example\.com" denied the request: the label "forbidden" is forbidden/;
    const created = await my.cluster.tryKubectl(['apply', '-f', '-'], { input: map('bad', { forbidden: 'yes' }) });
    assert.match(created.err, denied);
    assert.match(created.err, /Warning: watch your labels/);
    const deleted = await my.cluster.tryKubectl(['delete', 'configmap', 'old', '-n', 'hooked']);
    assert.match(deleted.err, /Error from server \(Forbidden\): admission webhook/);
    await my.cluster.kubectl('label', 'configmap', 'one', '-n', 'hooked', 'fine=yes');
    assert.match((await my.cluster.tryKubectl(['label', 'configmap', 'one', '-n', 'hooked', 'forbidden=1'])).err, denied);
    await remove('validating', 'deny');
    await my.cluster.kubectl('delete', 'configmap', 'old', '-n', 'hooked');
  });
  test('warn, and hear of dry runs', async () => {
    await my.cluster.apply(configuration('Validating', 'warn', '/warn', {}));
    const made = await my.cluster.tryKubectl(['create', 'configmap', 'warned', '-n', 'hooked', '--dry-run=server']);
    assert.match(made.err, /Warning: CREATE seen in a dry run/);
    assert.match((await my.cluster.tryKubectl(['get', 'configmap', 'warned', '-n', 'hooked'])).err, /NotFound/);
    await remove('validating', 'warn');
  });
  test('that cannot be called fail the request, or not, as their failurePolicy has it', async () => {
    await my.cluster.apply(configuration('Validating', 'slow', '/slow', {}, { timeoutSeconds: 1 }));
    const slow = await my.cluster.tryKubectl(['create', 'configmap', 'x', '-n', 'hooked']);
    assert.match(
      slow.err,
      /failed calling webhook "slow\.example\.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:\d+\/slow\?timeout=1s": context deadline exceeded/,
    );
    await remove('validating', 'slow');
    await my.cluster.apply(configuration('Validating', 'broken', '/broken', {}, { failurePolicy: 'Ignore' }));
    await my.cluster.kubectl('create', 'configmap', 'y', '-n', 'hooked');
    await my.cluster.apply(configuration('Validating', 'broken', '/broken', {}, { failurePolicy: 'Fail' }));
    assert.match(
      (await my.cluster.tryKubectl(['create', 'configmap', 'z', '-n', 'hooked'])).err,
      /an error on the server \("boom"\) has prevented the request from succeeding/,
    );
    await remove('validating', 'broken');
  });
  test('by Service: its absence is told', async () => {
    const service = { namespace: 'hooked', name: 'nowhere', path: '/x' };
    await my.cluster.apply(configuration('Validating', 'service', '/x', {}, { clientConfig: { service, caBundle: server?.caBundle } }));
    const refused = await my.cluster.tryKubectl(['create', 'configmap', 'x', '-n', 'hooked']);
    assert.match(refused.err, /Post "https:\/\/nowhere\.hooked\.svc:443\/x\?timeout=2s": service "nowhere" not found/);
    await remove('validating', 'service');
  });
  test('see custom resources, subresources and connections', async () => {
    await my.cluster.apply(
      JSON.stringify({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'crons.example.com' },
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names: { plural: 'crons', singular: 'cron', kind: 'Cron' },
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: 'object', properties: { data: { type: 'object', additionalProperties: { type: 'string' } } } } },
            },
          ],
        },
      }),
    );
    await my.cluster.apply(configuration('Mutating', 'crons', '/labels', { apiGroups: ['example.com'], resources: ['crons'] }));
    await eventually('the custom resource is served', async () => (await my.cluster.tryKubectl(['get', 'crons'])).code === 0);
    await my.cluster.apply(JSON.stringify({ apiVersion: 'example.com/v1', kind: 'Cron', metadata: { name: 'c', namespace: 'hooked' }, data: { a: 'b' } }));
    const cron = await my.cluster.json<Configured>('get', 'cron', 'c', '-n', 'hooked');
    assert.deepEqual([cron.metadata.labels, cron.data], [{ mutated: 'true' }, { a: 'b' }]);
    await remove('mutating', 'crons');

    await my.cluster.kubectl('run', 'p', '-n', 'hooked', '--image=example.com/x');
    await my.cluster.apply(configuration('Validating', 'connect', '/connect', { operations: ['CONNECT'], resources: ['pods/exec'] }));
    const exec = await my.cluster.tryKubectl(['exec', 'p', '-n', 'hooked', '--', 'ls']);
    assert.match(exec.err, /admission webhook "connect\.example\.com" denied the request: batuta-admin may not PodExecOptions p/);
    await remove('validating', 'connect');

    await my.cluster.kubectl('create', 'deployment', 'd', '-n', 'hooked', '--image=example.com/x', '--replicas=0');
    await my.cluster.apply(configuration('Validating', 'scale', '/warn', { apiGroups: ['apps'], resources: ['deployments/scale'] }));
    reviews.length = 0;
    await my.cluster.kubectl('scale', 'deployment', 'd', '-n', 'hooked', '--replicas=1');
    assert.deepEqual(
      reviews.map(({ request }) => [request.operation, request.subResource, request.kind.kind, request.object?.kind]),
      [['UPDATE', 'scale', 'Scale', 'Scale']],
    );
    await remove('validating', 'scale');
  });
});
