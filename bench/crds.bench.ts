/** Custom resources: what the 100th definition costs beside the first ones, and what they weigh. */
import { request } from 'node:https';
import { readFileSync } from 'node:fs';
import { cpuSeconds, median, report, residentMB, withCluster } from './lib.ts';

const count = 100;
const window = 10;

/** A schema of the size of a large operator's: about 600 fields, 60 KB. */
function schema(depth = 3): object {
  const scalar = (i: number): object => ({
    type: i % 3 === 0 ? 'integer' : 'string',
    description: `What field number ${i} of this object means, in a sentence.`,
  });
  const fields = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`field${i}`, scalar(i)]));
  if (depth === 0) return { type: 'object', properties: fields };
  const nested = Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`nested${i}`, schema(depth - 1)]));
  const list = { type: 'array', items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, value: { type: 'string' } } } };
  return { type: 'object', properties: { ...fields, ...nested, items: { ...list, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] } } };
}
const definition = (i: number): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.g${i}.example.com` },
  spec: {
    group: `g${i}.example.com`,
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: schema() } } },
        subresources: { status: {} },
      },
    ],
  },
});
const object = { kind: 'Widget', metadata: { name: 'w' }, spec: { field0: 1, field1: 'x', nested0: { field2: 'y' }, items: [{ name: 'a', value: 'b' }] } };

await withCluster(['--runtime', 'sim', '--nodes', '0'], async (cluster) => {
  const config = readFileSync(cluster.kubeconfig, 'utf8');
  const pem = (field: string): Buffer => Buffer.from(new RegExp(`${field}: (\\S+)`).exec(config)?.[1] ?? '', 'base64');
  const tls = { ca: pem('certificate-authority-data'), cert: pem('client-certificate-data'), key: pem('client-key-data') };
  const call = (method: string, path: string, body?: object): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const headers = { ...(body ? { 'content-type': 'application/json' } : {}), accept: 'application/json' };
      const sent = request({ host: '127.0.0.1', port: cluster.kubePort, method, path, headers, ...tls }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      sent.once('error', reject);
      sent.end(body && JSON.stringify(body));
    });
  const expect = async (status: number, method: string, path: string, body?: object): Promise<void> => {
    const answer = await call(method, path, body);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
  };
  const pid = cluster.pid();
  const memory = residentMB(pid);
  const times: { wall: number; cpu: number }[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    const cpu = cpuSeconds(pid);
    await expect(201, 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition(i));
    await expect(201, 'POST', `/apis/g${i}.example.com/v1/namespaces/default/widgets`, { ...object, apiVersion: `g${i}.example.com/v1` });
    await expect(200, 'GET', `/apis/g${i}.example.com/v1/namespaces/default/widgets/w`);
    await expect(200, 'GET', `/apis/g${i}.example.com/v1`);
    await expect(200, 'GET', `/openapi/v3/apis/g${i}.example.com/v1`);
    times.push({ wall: performance.now() - began, cpu: (cpuSeconds(pid) - cpu) * 1000 });
  }
  const part = (from: number, of: 'wall' | 'cpu'): number => median(times.slice(from, from + window).map((time) => time[of]));
  // The very first one pays for code that is loaded then; what is compared are the tens.
  report(
    'definition, object, discovery, OpenAPI: last ten',
    part(count - window, 'wall'),
    'ms',
    { name: 'tens 10-20', figure: part(window, 'wall') },
    '1×',
    false,
  );
  report('the same in CPU of the server', part(count - window, 'cpu'), 'ms', { name: 'tens 10-20', figure: part(window, 'cpu') }, '1×', false);
  report('resident memory for each definition of 60 KB', (residentMB(pid) - memory) / count, 'MB', { name: 'its JSON', figure: 0.06 }, '-', false);
});
