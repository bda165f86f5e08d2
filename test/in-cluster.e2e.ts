/** Servers that extend the API from inside a pod, behind a Service, as the conformance suite's sample webhook and sample API server do. */
import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { before, describe } from 'node:test';
import { issueCa, issueServer } from '../src/apiserver/pki/x509.ts';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';

/** What runs in the pod: plain Node, without this project's code. */
const program = `
const { createServer } = require('node:https');
const { readFileSync } = require('node:fs');
const base = '/apis/wardle.example.com/v1alpha1';
const flunders = new Map();
const review = (request) => {
  const labels = request.object?.metadata?.labels ?? {};
  if (request.kind.kind === 'ConfigMap' && labels.forbidden) return { allowed: false, status: { code: 403, message: 'not in my cluster' } };
  if (request.operation !== 'CREATE') return { allowed: true };
  const patch = [...(request.object.metadata.labels ? [] : [{ op: 'add', path: '/metadata/labels', value: {} }]), { op: 'add', path: '/metadata/labels/seen', value: 'in-cluster' }];
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
};
const convert = ({ desiredAPIVersion, objects }) => objects.map(({ size, width, ...rest }) => ({
  ...rest, apiVersion: desiredAPIVersion, ...(desiredAPIVersion.endsWith('/v2') ? { width: width ?? size } : { size: size ?? width }),
}));
const answer = (request, body) => {
  const path = request.url.split('?')[0];
  if (path === '/review') { const { request: asked } = JSON.parse(body); return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: asked.uid, ...review(asked) } }; }
  if (path === '/convert') { const { request: asked } = JSON.parse(body); return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response: { uid: asked.uid, result: { status: 'Success' }, convertedObjects: convert(asked) } }; }
  if (path === base) return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'wardle.example.com/v1alpha1', resources: [{ name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['create', 'delete', 'get', 'list'] }] };
  if (path.endsWith('/flunders') && request.method === 'POST') {
    const made = { ...JSON.parse(body), apiVersion: 'wardle.example.com/v1alpha1', kind: 'Flunder', status: { by: request.headers['x-remote-user'] } };
    flunders.set(made.metadata.name, made);
    return made;
  }
  if (path.endsWith('/flunders')) return { kind: 'FlunderList', apiVersion: 'wardle.example.com/v1alpha1', metadata: {}, items: [...flunders.values()] };
  return flunders.get(path.split('/').at(-1));
};
createServer({ cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key') }, (request, response) => {
  let body = '';
  request.on('data', (text) => (body += text));
  request.on('end', () => {
    const value = answer(request, body);
    response.writeHead(value ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(value ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }));
  });
}).listen(8443, () => console.log('serving'));
`;
const skip = cannotRunContainers() ?? (process.arch === 'x64' ? false : 'mounts the libraries of x86-64');

describe('servers inside the cluster', { skip }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2120, 0, 1) };
  const ca = issueCa('sample-ca', validity);
  const caBundle = Buffer.from(ca.cert).toString('base64');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const apply = (object: object): Promise<string> => my.cluster.apply(JSON.stringify(object));
  const service = { namespace: 'default', name: 'sample' };

  before(async () => {
    const { cert, key } = issueServer(ca, { ...validity, commonName: 'sample', names: ['sample.default.svc'] });
    const libraries = ['/lib64', '/lib/x86_64-linux-gnu'];
    const mounts = [['node', '/node', dirname(realpathSync(process.execPath))], ...libraries.map((path, i) => [`lib${i}`, path, realpathSync(path)])];
    await my.cluster.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'program' }, data: { 'server.cjs': program } },
          { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name: 'serving' }, stringData: { 'tls.crt': cert, 'tls.key': key } },
          {
            apiVersion: 'apps/v1',
            kind: 'Deployment',
            metadata: { name: 'sample' },
            spec: {
              selector: { matchLabels: { app: 'sample' } },
              template: {
                metadata: { labels: { app: 'sample' } },
                spec: {
                  terminationGracePeriodSeconds: 1,
                  containers: [
                    {
                      name: 'server',
                      image: 'hello:1',
                      command: ['/node/node', '/program/server.cjs'],
                      ports: [{ containerPort: 8443 }],
                      readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
                      volumeMounts: [
                        ...mounts.map(([name, mountPath]) => ({ name, mountPath, readOnly: true })),
                        { name: 'program', mountPath: '/program' },
                        { name: 'serving', mountPath: '/tls' },
                      ],
                    },
                  ],
                  volumes: [
                    ...mounts.map(([name, , path]) => ({ name, hostPath: { path, type: 'Directory' } })),
                    { name: 'program', configMap: { name: 'program' } },
                    { name: 'serving', secret: { secretName: 'serving' } },
                  ],
                },
              },
            },
          },
          { apiVersion: 'v1', kind: 'Service', metadata: { name: 'sample' }, spec: { selector: { app: 'sample' }, ports: [{ port: 443, targetPort: 8443 }] } },
        ],
      }),
    );
    await k('rollout', 'status', 'deploy/sample', '--timeout=90s');
  });

  const webhook = (name: string): object => ({
    name: `${name}.example.com`,
    clientConfig: { service: { ...service, path: '/review' }, caBundle },
    rules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
    objectSelector: { matchExpressions: [{ key: 'hooked', operator: 'Exists' }] },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
  });

  test('a mutating and a validating webhook', async () => {
    const group = 'admissionregistration.k8s.io/v1';
    await apply({ apiVersion: group, kind: 'MutatingWebhookConfiguration', metadata: { name: 'm' }, webhooks: [webhook('m')] });
    await apply({ apiVersion: group, kind: 'ValidatingWebhookConfiguration', metadata: { name: 'v' }, webhooks: [webhook('v')] });
    const map = (name: string, labels: object): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { hooked: '', ...labels } } });
    await apply(map('a', {}));
    assert.equal(await k('get', 'cm', 'a', '-o', 'jsonpath={.metadata.labels.seen}'), 'in-cluster');
    const refused = await my.cluster.tryKubectl(['create', '-f', '-'], { input: JSON.stringify(map('b', { forbidden: 'yes' })) });
    assert.match(refused.err, /admission webhook "m\.example\.com" denied the request: not in my cluster/);
    await k('delete', 'mutatingwebhookconfiguration/m', 'validatingwebhookconfiguration/v');
  });

  test('a conversion webhook', async () => {
    const version = (name: string, field: string, storage: boolean): object => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: { type: 'object', properties: { [field]: { type: 'integer' } } } },
    });
    const names = { plural: 'boxes', singular: 'box', kind: 'Box', listKind: 'BoxList' };
    const conversion = {
      strategy: 'Webhook',
      webhook: { clientConfig: { service: { ...service, path: '/convert' }, caBundle }, conversionReviewVersions: ['v1'] },
    };
    await apply({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'boxes.example.com' },
      spec: { group: 'example.com', names, scope: 'Namespaced', versions: [version('v1', 'size', true), version('v2', 'width', false)], conversion },
    });
    await k('wait', '--for=condition=Established', 'crd/boxes.example.com');
    await apply({ apiVersion: 'example.com/v1', kind: 'Box', metadata: { name: 'old' }, size: 3 });
    assert.equal(await k('get', 'boxes.v2.example.com', 'old', '-o', 'jsonpath={.width}'), '3');
    // Two appliers, each in his own version: what the one owns is found under the other's name for it.
    const serverSide = async (manager: string, object: object): Promise<{ code: number; err: string }> =>
      my.cluster.tryKubectl(['apply', '--server-side', '-f', '-', `--field-manager=${manager}`], { input: JSON.stringify(object) });
    assert.equal((await serverSide('one', { apiVersion: 'example.com/v1', kind: 'Box', metadata: { name: 'shared' }, size: 1 })).code, 0);
    const conflict = await serverSide('two', { apiVersion: 'example.com/v2', kind: 'Box', metadata: { name: 'shared' }, width: 2 });
    assert.match(conflict.err, /conflict with "one": \.size/);
    assert.equal((await serverSide('one', { apiVersion: 'example.com/v2', kind: 'Box', metadata: { name: 'shared' }, width: 4 })).code, 0);
    assert.equal(await k('get', 'boxes.v1.example.com', 'shared', '-o', 'jsonpath={.size}'), '4');
    await k('delete', 'crd', 'boxes.example.com');
  });

  test('an aggregated API server', async () => {
    await apply({
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1alpha1.wardle.example.com' },
      spec: { group: 'wardle.example.com', version: 'v1alpha1', groupPriorityMinimum: 2000, versionPriority: 200, caBundle, service },
    });
    await k('wait', '--for=condition=Available', 'apiservice/v1alpha1.wardle.example.com', '--timeout=120s');
    await eventually('kubectl finds it', async () => /flunders/.test(await k('api-resources', '--api-group=wardle.example.com')));
    const flunder = { apiVersion: 'wardle.example.com/v1alpha1', kind: 'Flunder', metadata: { name: 'f' } };
    await my.cluster.tryKubectl(['create', '--validate=false', '-f', '-'], { input: JSON.stringify(flunder) });
    assert.equal(await k('get', 'flunder', 'f', '-o', 'jsonpath={.status.by}'), 'batuta-admin');
    // Without its pod it is not available, and nothing else suffers.
    await k('scale', 'deploy/sample', '--replicas=0');
    await k('wait', '--for=condition=Available=False', 'apiservice/v1alpha1.wardle.example.com', '--timeout=120s');
    assert.match(await k('get', 'apiservice', 'v1alpha1.wardle.example.com'), /False \((MissingEndpoints|FailedDiscoveryCheck)\)/);
    await k('get', 'cm', 'a');
    await k('delete', 'apiservice', 'v1alpha1.wardle.example.com');
  });
});
