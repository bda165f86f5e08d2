import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, kubectlVersions, useCluster } from './harness.ts';

interface PodMetrics {
  metadata: { name: string };
  window: string;
  containers: { name: string; usage: { cpu: string; memory: string } }[];
}

/** A Deployment of two containers whose pods use 200m and 50m of CPU. */
const web = JSON.stringify({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: {
        labels: { app: 'web' },
        annotations: { 'batuta.dev/sim-usage': 'cpu=200m,memory=100Mi', 'batuta.dev/sim-usage.side': 'cpu=50m,memory=28Mi' },
      },
      spec: {
        containers: [
          { name: 'main', image: 'app:1' },
          { name: 'side', image: 'app:1' },
        ],
      },
    },
  },
});

describe('metrics of simulated nodes', () => {
  const use = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '2', '--store', 'memory');

  it('kubectl top shows nodes, pods and containers', async () => {
    await use.cluster.apply(web);
    const pods = await eventually('both pods have metrics', async () => {
      const { code, out } = await use.cluster.tryKubectl(['top', 'pods', '-l', 'app=web', '--no-headers']);
      const rows = out.trim().split('\n');
      return code === 0 && rows.length === 2 && rows;
    });
    for (const row of pods) assert.match(row, /^web-\S+\s+250m\s+128Mi/);
    const containers = (await use.cluster.kubectl('top', 'pods', '--containers', '--no-headers')).trim().split('\n');
    assert.deepEqual(containers.map((row) => row.split(/\s+/).slice(1, 4).join(' ')).toSorted(), [
      'main 200m 100Mi',
      'main 200m 100Mi',
      'side 50m 28Mi',
      'side 50m 28Mi',
    ]);
    const nodes = (await use.cluster.kubectl('top', 'nodes', '--no-headers')).trim().split('\n');
    assert.equal(nodes.length, 2);
    assert.match(nodes[0] ?? '', /^sim-00001\s+\d+m\s+\d+%\s+\d+Mi\s+\d+%/);
    assert.match(await use.cluster.kubectl('top', 'pods', '-A', '--sort-by=cpu', '--sum'), /500m\s+256Mi/);
  });
  it('every kubectl shows them', async () => {
    for (const program of kubectlVersions()) {
      const { code, out, err } = await use.cluster.tryKubectl(['top', 'pods', '-l', 'app=web', '--no-headers'], { program });
      assert.equal(code, 0, `${program}: ${err}`);
      assert.match(out, /^web-\S+\s+250m\s+128Mi/, program);
    }
  });
  it('metrics are objects of an API', async () => {
    const { items } = await use.cluster.json<{ items: PodMetrics[] }>('get', 'pods.metrics.k8s.io', '-l', 'app=web');
    assert.equal(items.length, 2);
    assert.match(items[0]?.window ?? '', /^\d+(\.\d+)?s$/);
    assert.match(await use.cluster.kubectl('get', 'nodes.metrics.k8s.io'), /^NAME\s+CPU\s+MEMORY\s+WINDOW/);
    assert.match(await use.cluster.kubectl('get', 'apiservice', 'v1beta1.metrics.k8s.io'), /Local\s+True/);
    assert.match(await use.cluster.kubectl('api-resources', '--api-group=metrics.k8s.io'), /pods\s+metrics.k8s.io\/v1beta1\s+true\s+PodMetrics/);
    const missing = await use.cluster.tryKubectl(['get', 'podmetrics.metrics.k8s.io', 'none']);
    assert.match(missing.err, /NotFound|not found|doesn't have a resource type/);
  });
  it('a viewer may read them, nobody else', async () => {
    await use.cluster.kubectl('create', 'rolebinding', 'watcher', '--clusterrole=view', '--user=vera');
    await eventually('the rules are gathered', async () => (await use.cluster.tryKubectl(['top', 'pods', '--as=vera'])).code === 0);
    assert.match((await use.cluster.tryKubectl(['top', 'pods', '--as=mallory'])).err, /forbidden/i);
    assert.match((await use.cluster.tryKubectl(['top', 'nodes', '--as=vera'])).err, /forbidden/i);
  });
  it('nodes tell usage as kubelets do', async () => {
    const raw = (path: string): Promise<string> => use.cluster.kubectl('get', '--raw', `/api/v1/nodes/sim-00001/proxy${path}`);
    assert.match(await raw('/metrics/resource'), /^node_cpu_usage_seconds_total \S+ \d+$/m);
    assert.match(await raw('/metrics/cadvisor'), /^machine_cpu_cores 32$/m);
    const { pods } = JSON.parse(await raw('/stats/summary')) as { pods: { containers: { cpu: { usageNanoCores: number } }[] }[] };
    assert.ok(pods.flatMap(({ containers }) => containers).some(({ cpu }) => Math.abs(cpu.usageNanoCores - 2e8) < 1e6));
  });
  it('an APIService of the same name takes over, and what it stood in for comes back', async () => {
    await use.cluster.apply(
      JSON.stringify({
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: 'v1beta1.metrics.k8s.io' },
        spec: {
          group: 'metrics.k8s.io',
          version: 'v1beta1',
          groupPriorityMinimum: 100,
          versionPriority: 100,
          insecureSkipTLSVerify: true,
          service: { name: 'metrics-server', namespace: 'kube-system' },
        },
      }),
    );
    await eventually('nobody answers', async () => (await use.cluster.tryKubectl(['top', 'nodes'])).code !== 0);
    await use.cluster.kubectl('delete', 'apiservice', 'v1beta1.metrics.k8s.io');
    await eventually('metrics are back', async () => (await use.cluster.tryKubectl(['top', 'nodes'])).code === 0);
    await eventually('with their APIService', async () => /Local\s+True/.test(await use.cluster.kubectl('get', 'apiservice', 'v1beta1.metrics.k8s.io')));
  });
});
