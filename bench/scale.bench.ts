import { setTimeout as sleep } from 'node:timers/promises';
/**
 * Pods end to end, created over HTTP and bound, durable on disk: a Deployment of 5,000 replicas and 10,000 plain pods on 1,000
 * nodes; then kwok's own bar (5,000 nodes, 10,000 pods, and their end) and 50,000 pods on 5,000 simulated nodes in one process.
 */
import { type Cluster } from '../test/harness.ts';
import { cpuSeconds, kload, pause, peer, report, residentMB, withCluster } from './lib.ts';

interface Tests {
  pods: { pods_bound_per_s: number; stuck?: string; rss_mb: { batuta: number } };
  deployment: { all_exist_s: number; all_bound_s: number; stuck?: string };
}

await withCluster(['--runtime', 'sim', '--nodes', '0', '--node-monitor-grace-period', '86400'], async (cluster) => {
  const { tests } = (await kload(cluster, 'nodes,deployment,deployment-delete,pods')) as unknown as { tests: Tests };
  if (tests.deployment.stuck ?? tests.pods.stuck) console.log(`stuck: ${tests.deployment.stuck ?? ''} ${tests.pods.stuck ?? ''}`);
  report('Deployment of 5,000 replicas, all bound', tests.deployment.all_bound_s, 's', { name: 'kube', figure: peer.deploymentBoundSeconds }, '≥ 5×', false);
  report('10,000 plain pods, created → bound', tests.pods.pods_bound_per_s, '/s', { name: 'kube', figure: peer.podsPerSecond }, '≥ 4×', true);
  report('resident memory after these runs', tests.pods.rss_mb.batuta, 'MB', { name: 'kube', figure: peer.residentAfterPodsMB }, '≥ 3×', false);
});

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
};
/** Runs a Deployment up or down to so many pods; ends when as many are ready. */
async function scaleTo(cluster: Cluster, replicas: number): Promise<void> {
  await cluster.kubectl('scale', 'deployment', 'many', `--replicas=${replicas}`);
  const status = replicas === 0 ? '{.status.replicas}' : '{.status.readyReplicas}';
  const count = async (): Promise<number> => Number((await cluster.kubectl('get', 'deployment', 'many', '-o', `jsonpath=${status}`)) || 0);
  while ((await count()) !== replicas) await sleep(100);
}

const bar = { name: 'kwok', nodes: 60, pods: 60, end: 90 };
await withCluster(['--runtime', 'sim', '--nodes', '0', '--sim-nodes', '0'], async (cluster) => {
  await cluster.batuta('down');
  const nodes = await seconds(() => cluster.up('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '5000'));
  report('5,000 simulated nodes, started and ready', nodes, 's', { name: bar.name, figure: bar.nodes }, '≥ 5×', false);
  const idle = cpuSeconds(cluster.pid());
  await pause(20_000);
  console.log(`idle cost of 5,000 simulated nodes: ${(((cpuSeconds(cluster.pid()) - idle) / 20) * 100).toFixed(1)} % of a core`);
  await cluster.kubectl('create', 'deployment', 'many', '--image=x', '--replicas=0');
  report('10,000 pods on them, ready', await seconds(() => scaleTo(cluster, 10_000)), 's', { name: bar.name, figure: bar.pods }, '≥ 5×', false);
  report('10,000 pods deleted', await seconds(() => scaleTo(cluster, 0)), 's', { name: bar.name, figure: bar.end }, '≥ 5×', false);
  const many = await seconds(() => scaleTo(cluster, 50_000));
  console.log(`50,000 pods on 5,000 nodes, ready: ${many.toFixed(0)} s`);
  report('resident memory with 5,000 nodes and 50,000 pods', residentMB(cluster.pid()), 'MB', { name: 'aim', figure: 2048 }, '≥ 1×', false);
});
