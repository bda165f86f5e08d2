/**
 * Real pods with a cached image: create acknowledged → Running and delete → gone, seen by a watch over HTTPS, against
 * the same calls made back to back on the same containerd (sandbox, container, start; stop) in turns. Needs root.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '#base';
import { connectHttp, fromKubeconfig } from '#client';
import { Pod, type V1Pod } from '#kinds';
import type { Api } from '#machinery';
import { connectCri, createCriRuntime, runtimeHandler, TaskEvents, type Runtime } from '#node';
import { root, run, type Cluster } from '../test/harness.ts';
import { median, peer, report, withCluster } from './lib.ts';

const image = 'hello:1';
const command = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'];
const serial = Number(process.env['BENCH_PODS'] ?? 15);
const node = 'node-1';

/** Resolves waiters when the watch shows what they wait for. */
class Watched {
  readonly #waiters = new Map<string, { done(pod: V1Pod | undefined): boolean; resolve(at: number): void }>();
  readonly #watch: { close(): void };
  constructor(api: Api) {
    this.#watch = api.watch<V1Pod>(
      Pod,
      { namespace: 'default', resourceVersion: '0' },
      { event: (type, pod) => this.#see(type === 'DELETED' ? undefined : pod, pod), end: (error) => error && console.error(error) },
    );
  }
  #see(state: V1Pod | undefined, pod: V1Pod): void {
    const name = pod.metadata?.name ?? '';
    const waiter = this.#waiters.get(name);
    if (!waiter?.done(state)) return;
    this.#waiters.delete(name);
    waiter.resolve(performance.now());
  }
  close(): void {
    this.#watch.close();
  }
  until(name: string, done: (pod: V1Pod | undefined) => boolean): Promise<number> {
    return new Promise((resolve) => this.#waiters.set(name, { done, resolve }));
  }
}

/** Acknowledged → Running, ms; and both moments. */
async function startPod(api: Api, watched: Watched, name: string): Promise<{ ms: number; acknowledged: number; running: number }> {
  const pod: V1Pod = { metadata: { name, namespace: 'default' }, spec: { terminationGracePeriodSeconds: 5, containers: [{ name: 'main', image, command }] } };
  const seen = watched.until(name, (p) => p?.status?.phase === 'Running');
  await api.create(Pod, pod);
  const acknowledged = performance.now();
  const running = await seen;
  return { ms: running - acknowledged, acknowledged, running };
}
/** Asked → gone, ms. */
async function deletePod(api: Api, watched: Watched, name: string): Promise<number> {
  const seen = watched.until(name, (p) => p === undefined);
  const from = performance.now();
  await api.delete(Pod, { namespace: 'default', name });
  return (await seen) - from;
}

interface Started {
  ms: number;
  sandbox: string;
  container: string;
}
async function startRaw(runtime: Runtime, cluster: Cluster, name: string): Promise<Started> {
  const logDirectory = join(cluster.dir, 'bench-logs', name);
  mkdirSync(logDirectory, { recursive: true });
  const from = performance.now();
  const shared = { hostNetwork: false, hostPID: false, hostIPC: false, shareProcessNamespace: false, privileged: false, labels: {}, annotations: {} };
  const { id: sandbox } = await runtime.sandboxes.run({
    ...shared,
    podUid: name,
    namespace: 'bench',
    name,
    attempt: 0,
    hostname: name,
    logDirectory,
    cgroupParent: '',
    dns: { servers: [], searches: [], options: [] },
    sysctls: {},
  });
  const container = await runtime.containers.create(sandbox, {
    ...shared,
    name: 'main',
    attempt: 0,
    image,
    command,
    args: [],
    workingDir: '',
    env: [],
    mounts: [],
    logPath: 'main.log',
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: { cpuShares: 2, cpuQuotaUs: 0, cpuPeriodUs: 100_000, memoryLimitBytes: 0, oomScoreAdj: 1000 },
    addCapabilities: [],
    dropCapabilities: [],
    supplementalGroups: [],
    readOnlyRootFilesystem: false,
    noNewPrivileges: false,
  });
  await runtime.containers.start(container);
  return { ms: performance.now() - from, sandbox, container };
}
/** Container and network are down, ms. What is left on disk is removed after that. */
async function stopRaw(runtime: Runtime, started: Started): Promise<number> {
  const from = performance.now();
  await runtime.containers.stop(started.container, 5);
  await runtime.sandboxes.stop(started.sandbox);
  const ms = performance.now() - from;
  await runtime.containers.remove(started.container);
  await runtime.sandboxes.remove(started.sandbox);
  return ms;
}

async function inTurns(api: Api, watched: Watched, runtime: Runtime, cluster: Cluster): Promise<void> {
  const times = { start: [] as number[], rawStart: [] as number[], gone: [] as number[], rawGone: [] as number[] };
  for (let i = -2; i < serial; i++) {
    const { ms } = await startPod(api, watched, `p${i + 2}`);
    const gone = await deletePod(api, watched, `p${i + 2}`);
    const raw = await startRaw(runtime, cluster, `raw${i + 2}`);
    const rawGone = await stopRaw(runtime, raw);
    if (i < 0) continue; // the first ones warm both up
    times.start.push(ms);
    times.rawStart.push(raw.ms);
    times.gone.push(gone);
    times.rawGone.push(rawGone);
  }
  const raw = { name: 'CRI', figure: median(times.rawStart) };
  report(`pod start, one by one (median of ${serial})`, median(times.start), 'ms', raw, '≥ 0.77×', false);
  report('  the same against a kubelet', median(times.start), 'ms', { name: 'kubelet', figure: peer.podStartMs }, '≥ 1×', false);
  console.log(`  starts: ${times.start.map((t) => t.toFixed(0)).join(' ')}\n  CRI:    ${times.rawStart.map((t) => t.toFixed(0)).join(' ')}`);
  report('pod deleted → gone', median(times.gone), 'ms', { name: 'CRI', figure: median(times.rawGone) }, '-', false);
}

async function atOnce(api: Api, watched: Watched, runtime: Runtime, cluster: Cluster, count: number): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const names = Array.from({ length: count }, (_, i) => `n${count}-${round}-${i}`);
    const pods = await Promise.all(names.map((name) => startPod(api, watched, name)));
    ours.push(Math.max(...pods.map((p) => p.running)) - Math.min(...pods.map((p) => p.acknowledged)));
    await Promise.all(names.map((name) => deletePod(api, watched, name)));
    await new Promise((r) => setTimeout(r, 500)); // the remains of the pods are removed
    const from = performance.now();
    const raws = await Promise.all(names.map((name) => startRaw(runtime, cluster, name)));
    theirs.push(performance.now() - from);
    await Promise.all(raws.map((raw) => stopRaw(runtime, raw)));
  }
  report(`${count} pods at once, all Running`, median(ours), 'ms', { name: 'CRI', figure: median(theirs) }, '≥ 0.77×', false);
  console.log(`  rounds: ${ours.map((t) => t.toFixed(0)).join(' ')}; CRI: ${theirs.map((t) => t.toFixed(0)).join(' ')}`);
}

const images = join(root, 'dist/images');
if (!existsSync(join(images, 'hello-1.tar'))) await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', images]);

await withCluster(['--preload', images], async (cluster) => {
  const api = connectHttp(await fromKubeconfig(readFileSync(cluster.kubeconfig, 'utf8')));
  const client = await connectCri(`/run/batuta/${cluster.id}/c/containerd.sock`, () => systemClock.now());
  const watched = new Watched(api);
  try {
    // A node name of its own, so that no agent takes these sandboxes for its own; the network is that of the node.
    const runtime = createCriRuntime({
      client,
      events: new TaskEvents(client, systemClock, silentLogger),
      node: 'bench',
      runtimeHandler: runtimeHandler(node),
      cgroupRoot: `/batuta-${cluster.id}`,
      version: '',
      clock: systemClock,
      log: silentLogger,
    });
    await inTurns(api, watched, runtime, cluster);
    for (const count of [10, 30]) await atOnce(api, watched, runtime, cluster, count);
    console.log(
      `load average ${loadavg()
        .map((n) => n.toFixed(1))
        .join(' ')}`,
    );
  } finally {
    watched.close();
    client.close();
    api.close();
  }
});
process.exit(0);
