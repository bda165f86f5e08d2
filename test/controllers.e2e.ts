/** What the smaller controllers do, as kubectl sees it: slices of Endpoints, namespaces that end, pods and nodes that are swept up. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';
import { pod, sh } from './pod-kit.ts';

type Fields = Record<string, unknown>;
interface Slice {
  metadata: { name: string; labels: Record<string, string> };
  addressType: string;
  endpoints: { addresses: string[]; zone?: string; conditions: { ready: boolean }; hints?: { forZones?: { name: string }[] } }[] | null;
  ports: { name?: string; port: number }[] | null;
}
interface List<T> {
  items: T[];
}
interface Namespace {
  status: { phase: string; conditions?: { type: string; status: string; message: string }[] };
}

describe('controllers', { concurrency: 4 }, () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '2', '--nodes', '0');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const apply = (...items: Fields[]): Promise<string> => my.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const slicesOf = async (service: string): Promise<Slice[]> =>
    (await my.cluster.json<List<Slice>>('get', 'endpointslices', '-l', `kubernetes.io/service-name=${service}`)).items;
  const gone = (...what: string[]): Promise<boolean> =>
    eventually(`${what.join(' ')} is gone`, async () => (await my.cluster.tryKubectl(['get', ...what])).err.includes('NotFound'));

  test('Endpoints that a user writes are mirrored into slices', async () => {
    const endpoints = (ip: string): Fields => ({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'outside' },
      subsets: [{ addresses: [{ ip }], ports: [{ name: 'example', port: 80, protocol: 'TCP' }] }],
    });
    await apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'outside' }, spec: { ports: [{ name: 'example', port: 80 }] } }, endpoints('10.1.2.3'));
    const first = await eventually('a slice', async () => (await slicesOf('outside'))[0]);
    assert.equal(first.metadata.labels['endpointslice.kubernetes.io/managed-by'], 'endpointslicemirroring-controller.k8s.io');
    assert.deepEqual([first.endpoints?.[0]?.addresses, first.ports?.[0]?.port], [['10.1.2.3'], 80]);
    await apply(endpoints('10.2.3.4'));
    await eventually('the slice follows', async () => (await slicesOf('outside'))[0]?.endpoints?.[0]?.addresses[0] === '10.2.3.4');
    assert.match(await k('describe', 'service', 'outside'), /Endpoints: +10\.2\.3\.4:80/);
    await k('delete', 'endpoints', 'outside');
    await eventually('the slice goes', async () => (await slicesOf('outside')).length === 0);
  });

  test('the Service of the API itself has Endpoints and a slice', async () => {
    assert.equal((await slicesOf('kubernetes')).length, 1);
    assert.match(await k('get', 'endpoints', 'kubernetes', '-o', 'yaml'), /skip-mirror: "true"/);
  });

  test('trafficDistribution puts zones into the slices', async () => {
    for (const [i, name] of (await k('get', 'nodes', '-o', 'name')).trim().split('\n').entries())
      await k('label', name, `topology.kubernetes.io/zone=zone-${i}`, '--overwrite');
    const labels = { app: 'near' };
    await apply(
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'near' },
        spec: { selector: labels, trafficDistribution: 'PreferSameZone', ports: [{ port: 80 }] },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'near' },
        spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'hello:1' }] } } },
      },
    );
    const endpoints = await eventually('both are ready, with hints', async () => {
      const found = (await slicesOf('near')).flatMap((slice) => slice.endpoints ?? []);
      return found.length === 2 && found.every((e) => e.conditions.ready && e.hints) && found;
    });
    for (const endpoint of endpoints) assert.deepEqual(endpoint.hints, { forZones: [{ name: endpoint.zone }] });
  });

  test('a namespace says what keeps it, and goes when that is gone', async () => {
    await k('create', 'namespace', 'stuck');
    await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', namespace: 'stuck', finalizers: ['example.com/hold'] } });
    await k('delete', 'namespace', 'stuck', '--wait=false');
    const held = await eventually('it tells', async () => {
      const { status } = await my.cluster.json<Namespace>('get', 'namespace', 'stuck');
      return (status.conditions ?? []).filter((c) => c.status === 'True').length === 2 && status;
    });
    assert.equal(held.phase, 'Terminating');
    assert.deepEqual(
      held.conditions?.filter((c) => c.status === 'True').map((c) => c.message),
      [
        'Some resources are remaining: configmaps. has 1 resource instances',
        'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
      ],
    );
    await k('patch', 'configmap', 'held', '-n', 'stuck', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await gone('namespace', 'stuck');
  });

  test('a node of somebody else gets a range of addresses, and its pods go with it', async () => {
    await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'guest' } });
    const range = await eventually('a range', async () => (await k('get', 'node', 'guest', '-o', 'jsonpath={.spec.podCIDR}')) || undefined);
    assert.match(range, /^10\.\d+\.\d+\.0\/24$/);
    await eventually('its registration is told', async () => (await k('get', 'events')).includes('Node guest event: Registered Node guest in Controller'));
    await eventually('it counts as not ready', async () => (await k('describe', 'node', 'guest')).includes('node.kubernetes.io/not-ready:NoSchedule'));
    await k('delete', 'node', 'guest');
    await gone('node', 'guest');
  });

  test('a bootstrap token goes when its time is over', async () => {
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'bootstrap.kubernetes.io/token',
      metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
      stringData: { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', expiration: new Date(Date.now() + 2000).toISOString().replace(/\.\d+/, '') },
    });
    await gone('secret', '-n', 'kube-system', 'bootstrap-token-abcdef');
  });
});

describe('traffic that stays near', { skip: cannotRunContainers() ?? false }, () => {
  const my = useCluster('--nodes', '2', '--preload', join(root, 'dist/images'));
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  /** A server that answers with its own name. */
  const server = (name: string, node: string): Fields =>
    pod(name, [sh(`mkdir /tmp/www; hostname > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www`)], { nodeName: node }, { labels: { app: 'near' } });
  const answers = async (from: string): Promise<string> => {
    const text = await k('exec', from, '--', 'sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do wget -qO- http://near; done');
    return [...new Set(text.trim().split('\n'))].sort().join();
  };

  test('PreferSameNode and PreferSameZone hold for real connections', async () => {
    const service = (trafficDistribution: string): string =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'near' },
        spec: { selector: { app: 'near' }, trafficDistribution, ports: [{ port: 80, targetPort: 8080 }] },
      });
    for (const node of ['node-1', 'node-2']) await k('label', 'node', node, `topology.kubernetes.io/zone=zone-${node}`);
    await my.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [server('one', 'node-1'), server('two', 'node-2')] }));
    await k('wait', 'pod', '-l', 'app=near', '--for=condition=Ready', '--timeout=120s');
    for (const how of ['PreferSameNode', 'PreferSameZone']) {
      await my.cluster.apply(service(how));
      for (const from of ['one', 'two']) await eventually(`${how}: ${from} reaches only itself`, async () => (await answers(from)) === from);
    }
    await k('label', 'node', 'node-2', 'topology.kubernetes.io/zone=zone-node-1', '--overwrite');
    await eventually('in one zone both are near', async () => (await answers('one')) === 'one,two');
  });
});
