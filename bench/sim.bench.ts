/** Thousands of simulated nodes: how quickly they come, what they cost at rest, pods that run on them and go. */
import type { Cluster } from '../test/harness.ts';
import { cpuSeconds, pause, report, residentMB, withCluster } from './lib.ts';

/** What kwok's own CI asks of it, s. */
const kwok = { nodes: 60, pods: 60, deletion: 90 };
const nodes = Number(process.env.BENCH_NODES ?? 5000);
const pods = Number(process.env.BENCH_PODS ?? 10_000);

const group = (replicas: number): string => `
apiVersion: batuta.dev/v1alpha1
kind: NodeGroup
metadata: {name: bench}
spec: {replicas: ${replicas}}
`;
const deployment = (replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: bench}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: bench}}
  template:
    metadata: {labels: {app: bench}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: "app:1", resources: {requests: {cpu: 10m, memory: 16Mi}}}]
`;

async function seconds(work: () => Promise<unknown>, done: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  await work();
  while (!(await done())) await pause(100);
  return (performance.now() - began) / 1000;
}
const path = async (cluster: Cluster, object: string, field: string): Promise<string> =>
  (await cluster.tryKubectl(['get', object, '-o', `jsonpath=${field}`])).out;
const readyNodes = (cluster: Cluster, wanted: number) => async (): Promise<boolean> =>
  (await path(cluster, 'nodegroup/bench', '{.status.ready}')) === String(wanted);
const readyPods = (cluster: Cluster, wanted: number) => async (): Promise<boolean> =>
  (await path(cluster, 'deployment/bench', '{.status.readyReplicas}')) === String(wanted);
const noPods = (cluster: Cluster) => async (): Promise<boolean> =>
  (await cluster.tryKubectl(['get', '--raw', '/api/v1/namespaces/default/pods?limit=1'])).out.includes('"items":[]');

await withCluster(['--runtime', 'sim', '--nodes', '0'], async (cluster) => {
  const pid = cluster.pid();
  await seconds(() => cluster.apply(group(1000)), readyNodes(cluster, 1000));
  await pause(15_000);
  const before = cpuSeconds(pid);
  await pause(30_000);
  report('1,000 nodes at rest', ((cpuSeconds(pid) - before) / 30) * 100, '%', { name: 'aim', figure: 5 }, '≤ 5 % of a core', false);
  const ready = await seconds(() => cluster.apply(group(nodes)), readyNodes(cluster, nodes));
  report(`${nodes} nodes Ready (from 1,000)`, ready, 's', { name: "kwok's bar", figure: kwok.nodes }, '≥ 5×', false);
  const running = await seconds(() => cluster.apply(deployment(pods)), readyPods(cluster, pods));
  report(`${pods} pods scheduled and Ready`, running, 's', { name: "kwok's bar", figure: kwok.pods }, '≥ 5×', false);
  report('resident memory', residentMB(pid), 'MB', { name: 'aim', figure: 2048 }, '≤ 2 GB at 50,000 pods', false);
  const gone = await seconds(() => cluster.kubectl('delete', 'deployment', 'bench', '--wait=false'), noPods(cluster));
  report(`${pods} pods deleted`, gone, 's', { name: "kwok's bar", figure: kwok.deletion }, '≥ 5×', false);
});
