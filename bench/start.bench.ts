/** Start, memory and idle cost. */
import { rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createCluster, destroy, root, run, type Cluster } from '../test/harness.ts';
import { cpuSeconds, median, pause, peer, report, residentMB } from './lib.ts';

const runs = Number(process.env.BENCH_RUNS ?? 5);

async function until(probe: () => Promise<boolean>): Promise<void> {
  while (!(await probe())) await pause(5);
}

/** Process start to the first answered kubectl, to the default ServiceAccount, to a Ready node: seconds; and CPU seconds until that first answer. */
async function start(cluster: Cluster): Promise<{ first: number; cpu: number; usable: number; stop: () => Promise<void> }> {
  const begin = performance.now();
  const child = spawn(join(root, 'bin/batuta'), ['up', '--data-dir', cluster.dir, ...cluster.ports], { stdio: 'ignore' });
  const k = (...args: string[]): Promise<{ code: number; out: string }> => cluster.tryKubectl(args, { program: process.env.KUBECTL ?? 'kubectl' });
  await until(async () => (await k('get', 'ns', 'default')).code === 0);
  const first = (performance.now() - begin) / 1000;
  const cpu = cpuSeconds(child.pid ?? 0);
  await until(async () => (await k('get', 'serviceaccount', 'default')).code === 0);
  await until(async () => / Ready /.test((await k('get', 'nodes')).out));
  const usable = (performance.now() - begin) / 1000;
  return {
    first,
    cpu,
    usable,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGINT');
      }),
  };
}

const firsts: number[] = [];
const cpus: number[] = [];
const usables: number[] = [];
for (let i = 0; i < runs; i++) {
  const cluster = await createCluster();
  rmSync(join(cluster.dir, 'instance.json'), { force: true });
  const timing = await start(cluster);
  firsts.push(timing.first);
  cpus.push(timing.cpu);
  usables.push(timing.usable);
  await timing.stop();
  await destroy(cluster);
}
const clientAlone: number[] = [];
for (let i = 0; i < runs; i++) {
  const begin = performance.now();
  await run(process.env.KUBECTL ?? 'kubectl', ['version', '--client']);
  clientAlone.push((performance.now() - begin) / 1000);
}
report('process start → first `kubectl get ns default`', median(firsts), 's', { name: 'kube-apiserver', figure: peer.firstAnswerSeconds }, '≤ 0.5 s', false);
report('  of which the client alone (kubectl version)', median(clientAlone), 's', { name: 'first answer', figure: median(firsts) }, '-', false);
report('  CPU of the server until then', median(cpus), 's', { name: 'first answer', figure: median(firsts) }, '-', false);
report('default ServiceAccount and a Ready node', median(usables), 's', { name: 'kube (no node)', figure: peer.usableSeconds }, '≤ 2.0 s', false);

const cluster = await createCluster();
try {
  await cluster.up();
  await pause(15_000);
  const pid = cluster.pid();
  const before = cpuSeconds(pid);
  await pause(20_000);
  const percent = ((cpuSeconds(pid) - before) / 20) * 100;
  report('resident memory, idle', residentMB(pid), 'MB', { name: 'kube processes', figure: peer.residentMB }, '≤ 150 MB', false);
  report('CPU, idle (of one core)', percent, '%', { name: 'aim', figure: 1 }, '≤ 1 %', false);
} finally {
  await destroy(cluster);
}
