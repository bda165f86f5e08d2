/** The containerd runtime on its own, with real containers, in its own data directory. Needs root, containerd and CNI plugins. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { silentLogger, systemClock } from '#base';
import {
  cleanup,
  createCriRuntime,
  importImage,
  listImages,
  missingPrograms,
  removeImage,
  runtimeHandler,
  startContainerd,
  TaskEvents,
  type Containerd,
} from '../src/node/cri/index.ts';
import { mountTable } from '../src/node/cri/cleanup.ts';
import { isAlive, processInfo, signalProcess } from '../src/node/cri/processes.ts';
import { RuntimeError, type ContainerSpec, type Measured, type Runtime, type SandboxSpec, type SandboxState, type Streaming } from '../src/node/runtime.ts';
import { fakeApiServer } from './fake-api-server.ts';
import { eventually, root, run } from './harness.ts';

const missing = missingPrograms();
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : missing.length > 0
      ? missing.map((m) => m.program).join(', ') + ' missing'
      : existsSync('/bin/busybox')
        ? false
        : 'needs busybox-static';
const instance = `cri${process.pid}`;
const dir = mkdtempSync(join(tmpdir(), 'batuta-cri-'));
const options = {
  dataDir: join(dir, 'containerd'),
  runDir: `/run/batuta-test-${instance}`,
  instance,
  nodes: [
    { name: 'node1', podCIDR: '10.213.1.0/24' },
    { name: 'node2', podCIDR: '10.213.2.0/24' },
  ],
  clock: systemClock,
  log: silentLogger,
};
type CriRuntime = Runtime & Streaming & Measured;

function runtimes(daemon: Containerd): CriRuntime[] {
  const events = new TaskEvents(daemon.client, systemClock, silentLogger);
  const common = { client: daemon.client, events, cgroupRoot: daemon.cgroupRoot, version: daemon.version, clock: systemClock, log: silentLogger };
  return options.nodes.map(({ name }) => createCriRuntime({ ...common, node: name, runtimeHandler: runtimeHandler(name) }));
}
function sandbox(podUid: string): SandboxSpec {
  return {
    podUid,
    namespace: 'default',
    name: `pod-${podUid}`,
    attempt: 0,
    hostname: `pod-${podUid}`,
    labels: { app: 'test' },
    annotations: { note: podUid },
    logDirectory: join(dir, 'logs', podUid),
    cgroupParent: '',
    dns: { servers: ['10.96.0.10'], searches: ['svc.cluster.local'], options: ['ndots:5'] },
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    shareProcessNamespace: false,
    sysctls: {},
    privileged: false,
  };
}
function container(change: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name: 'main',
    attempt: 0,
    image: 'hello:1',
    command: [],
    args: [],
    workingDir: '',
    env: [{ name: 'GREETING', value: 'hé llo' }],
    mounts: [],
    labels: {},
    annotations: {},
    logPath: 'main/0.log',
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: { cpuShares: 102, cpuQuotaUs: 0, cpuPeriodUs: 0, memoryLimitBytes: 0, oomScoreAdj: 1000 },
    privileged: false,
    addCapabilities: [],
    dropCapabilities: [],
    supplementalGroups: [],
    readOnlyRootFilesystem: false,
    noNewPrivileges: false,
    hostPID: false,
    hostIPC: false,
    hostNetwork: false,
    shareProcessNamespace: false,
    ...change,
  };
}
function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`);
  return value;
}
async function stateOf(runtime: Runtime, podUid: string): Promise<SandboxState> {
  return must(
    (await runtime.list()).find((s) => s.podUid === podUid),
    `sandbox of ${podUid}`,
  );
}
async function containerOf(runtime: Runtime, podUid: string, id: string): Promise<SandboxState['containers'][number]> {
  return must(
    (await stateOf(runtime, podUid)).containers.find((c) => c.id === id),
    `container ${id}`,
  );
}
const code =
  (expected: string) =>
  (error: unknown): boolean =>
    error instanceof RuntimeError && error.code === expected && error.message !== '';

/** Everything of this instance that is left on the host. */
function leftovers(): string[] {
  const processes = readdirSync('/proc')
    .filter((n) => /^\d+$/.test(n))
    .map((n) => processInfo(Number(n)))
    .filter((p) => p?.args.some((a) => a.includes(options.runDir) || a.includes(options.dataDir)));
  const mounts = mountTable().filter((m) => m.path.startsWith(options.runDir) || m.path.startsWith(dir));
  const cgroups = mountTable()
    .filter((m) => m.type.startsWith('cgroup'))
    .map((m) => join(m.path, `batuta-${instance}`))
    .filter((path) => existsSync(path));
  const addresses = execFileSync('ip', ['-o', 'addr'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(' 10.213.'));
  const cni = existsSync('/var/lib/cni/results') ? readdirSync('/var/lib/cni/results').filter((n) => n.includes(`batuta-${instance}-`)) : [];
  return [
    ...processes.map((p) => `process ${p?.args.join(' ')}`),
    ...mounts.map((m) => `mount ${m.path}`),
    ...cgroups,
    ...addresses,
    ...cni,
    ...(existsSync(options.runDir) ? [options.runDir] : []),
  ];
}

describe('containerd runtime', { skip }, () => {
  let daemon: Containerd;
  let node1: CriRuntime;
  let node2: CriRuntime;
  const changes: (string | undefined)[] = [];

  async function start(): Promise<void> {
    daemon = await startContainerd(options);
    const [first, second] = runtimes(daemon);
    node1 = must(first, 'node1');
    node2 = must(second, 'node2');
    node1.subscribe((uid) => changes.push(uid));
  }
  /** One pod with one container; gives the container's id. */
  async function pod(runtime: Runtime, uid: string, change: Partial<ContainerSpec> = {}): Promise<{ sandboxId: string; id: string; ip: string }> {
    const { id: sandboxId, ips } = await runtime.sandboxes.run(sandbox(uid));
    const id = await runtime.containers.create(sandboxId, container(change));
    await runtime.containers.start(id);
    return { sandboxId, id, ip: must(ips[0], 'address') };
  }

  before(async () => {
    execFileSync('sh', [join(root, 'scripts/node.sh'), join(root, 'scripts/make-hello-image.ts'), dir], { stdio: 'ignore' });
    await start();
  });
  after(async () => {
    daemon.detach();
    await cleanup({ dataDir: options.dataDir, clock: systemClock, purge: true });
    rmSync(dir, { recursive: true, force: true });
  });

  test('imports docker archives, plain and compressed, and OCI layouts', async () => {
    const tar = join(dir, 'hello-1.tar');
    assert.deepEqual(await importImage(daemon.client, tar), ['docker.io/library/hello:1']);
    execFileSync('sh', ['-c', `gzip -c ${join(dir, 'hello-2.tar')} > ${join(dir, 'hello-2.tar.gz')}`]);
    assert.deepEqual(await importImage(daemon.client, join(dir, 'hello-2.tar.gz')), ['docker.io/library/hello:2']);
    if (existsSync('/usr/bin/skopeo')) {
      execFileSync('skopeo', ['copy', `docker-archive:${tar}`, `oci-archive:${join(dir, 'oci.tar')}:example.com/team/hello:9`], { stdio: 'ignore' });
      assert.deepEqual(await importImage(daemon.client, join(dir, 'oci.tar')), ['example.com/team/hello:9']);
      await removeImage(daemon.client, 'example.com/team/hello:9');
    }
    await importImage(daemon.client, tar);
    const image = must(await node1.images.status('hello:1'), 'hello:1');
    assert.ok(image.sizeBytes > 1_000_000);
    assert.ok((await listImages(daemon.client)).some((i) => i.repoTags.includes('docker.io/library/hello:2')));
    assert.equal(await node1.images.status('absent:1'), undefined);
  });

  test('says what is wrong with a file that is no image', async () => {
    const text = join(dir, 'text.tar');
    writeFileSync(text, 'this is no archive\n'.repeat(100));
    await assert.rejects(importImage(daemon.client, text), /text\.tar is not an image archive/);
    execFileSync('tar', ['-cf', join(dir, 'other.tar'), '-C', dir, 'text.tar']);
    await assert.rejects(importImage(daemon.client, join(dir, 'other.tar')), /neither manifest\.json nor index\.json/);
    const whole = readFileSync(join(dir, 'hello-1.tar'));
    writeFileSync(join(dir, 'cut.tar'), whole.subarray(0, whole.length / 2));
    await assert.rejects(importImage(daemon.client, join(dir, 'cut.tar')), /not an image archive/);
    writeFileSync(join(dir, 'empty.tar'), '');
    await assert.rejects(importImage(daemon.client, join(dir, 'empty.tar')), /it is empty/);
    await assert.rejects(importImage(daemon.client, join(dir, 'absent.tar')), /no such file/);
    await assert.rejects(importImage(daemon.client, dir), /is a directory/);
  });

  test('pods of two nodes reach each other', async () => {
    const a = await pod(node1, 'net-a');
    const b = await pod(node2, 'net-b');
    assert.match(a.ip, /^10\.213\.1\./);
    assert.match(b.ip, /^10\.213\.2\./);
    for (const [runtime, from, to] of [
      [node1, a, b],
      [node2, b, a],
    ] as const) {
      const ping = await runtime.containers.exec(from.id, ['ping', '-c', '1', '-W', '2', to.ip], 5000);
      assert.equal(ping.exitCode, 0, ping.output);
      const page = await eventually('the page', async () => (await runtime.containers.exec(from.id, ['wget', '-qO-', `http://${to.ip}:8080/`], 5000)).output);
      assert.equal(page, 'hello 1\n');
    }
    assert.deepEqual(
      (await node1.list()).map((s) => s.podUid),
      ['net-a'],
    );
    assert.deepEqual(
      (await node2.list()).map((s) => s.podUid),
      ['net-b'],
    );
    assert.equal((await node1.sandboxes.run(sandbox('net-a'))).id, a.sandboxId, 'running a sandbox again gives the same one');
    const [again, same] = await Promise.all([node1.sandboxes.run(sandbox('twice')), node1.sandboxes.run(sandbox('twice'))]);
    assert.equal(again.id, same.id);
    for (const [runtime, id] of [
      [node1, a.sandboxId],
      [node2, b.sandboxId],
      [node1, again.id],
    ] as const) {
      await runtime.sandboxes.stop(id);
      await runtime.sandboxes.remove(id);
      await runtime.sandboxes.remove(id);
    }
  });

  test('exec gives exit code and output, and knows time-outs and missing programs', async () => {
    const { id, sandboxId } = await pod(node1, 'exec');
    const result = await node1.containers.exec(id, ['sh', '-c', 'echo "$GREETING"; echo err >&2; exit 3'], 5000);
    assert.deepEqual(result, { exitCode: 3, output: 'hé llo\nerr\n', timedOut: false });
    assert.equal((await node1.containers.exec(id, ['sleep', '10'], 1000)).timedOut, true);
    assert.equal((await node1.containers.exec(id, ['sh', '-c', 'yes | head -c 200000'], 5000)).output.length, 65_536);
    await assert.rejects(node1.containers.exec(id, ['nope'], 1000), code('exec'));
    await assert.rejects(node1.containers.exec('absent', ['true'], 1000), code('not-found'));
    assert.ok((await node1.stats(id)).memoryWorkingSetBytes > 0);
    const log = readFileSync(join(dir, 'logs/exec/main/0.log'), 'utf8');
    assert.match(log, /^\S+ stdout F hello 1: pod-exec serves port 8080\n/);
    await node1.sandboxes.stop(sandboxId);
    await node1.sandboxes.remove(sandboxId);
  });

  test('reports exits, memory kills and stops with the reasons of kubelet', async () => {
    const { id, sandboxId } = await pod(node1, 'exits');
    const end = async (change: Partial<ContainerSpec>): Promise<SandboxState['containers'][number]> => {
      changes.length = 0;
      const one = await node1.containers.create(sandboxId, container(change));
      await node1.containers.start(one);
      await eventually('the change is told', async () => changes.includes('exits'));
      return containerOf(node1, 'exits', one);
    };
    const done = await end({ name: 'done', command: ['true'] });
    assert.deepEqual([done.state, done.exitCode, done.reason], ['exited', 0, 'Completed']);
    const failed = await end({ name: 'failed', command: ['sh', '-c', 'exit 42'] });
    assert.deepEqual([failed.state, failed.exitCode, failed.reason], ['exited', 42, 'Error']);
    assert.ok(failed.startedAt > 0 && failed.finishedAt >= failed.startedAt);
    const hungry = await end({
      name: 'hungry',
      command: ['sh', '-c', 'x=a; while true; do x=$x$x; done'],
      resources: { cpuShares: 0, cpuQuotaUs: 0, cpuPeriodUs: 0, memoryLimitBytes: 16 << 20, oomScoreAdj: 0 },
    });
    const killed = await eventually('OOMKilled', async () => {
      const c = await containerOf(node1, 'exits', hungry.id);
      return c.reason === 'OOMKilled' && c;
    });
    assert.equal(killed.exitCode, 137);
    const started = Date.now();
    await node1.containers.stop(id, 20);
    assert.ok(Date.now() - started < 3000, 'hello ends on SIGTERM');
    assert.equal((await containerOf(node1, 'exits', id)).exitCode, 0);
    const stubborn = await node1.containers.create(sandboxId, container({ name: 'stubborn', command: ['sleep', '1000'] }));
    await node1.containers.start(stubborn);
    await node1.containers.stop(stubborn, 1);
    assert.equal((await containerOf(node1, 'exits', stubborn)).exitCode, 137);
    await node1.containers.stop('absent', 1);
    await node1.containers.remove(stubborn);
    await node1.sandboxes.stop(sandboxId);
    await node1.sandboxes.remove(sandboxId);
  });

  test("refuses with codes and containerd's words", async () => {
    const { id: sandboxId } = await node1.sandboxes.run(sandbox('bad'));
    await assert.rejects(node1.containers.create(sandboxId, container({ image: 'absent:1' })), code('image-not-found'));
    await assert.rejects(node1.containers.create('absent', container()), code('not-found'));
    await assert.rejects(node1.images.pull('127.0.0.1:9/x:1'), code('image-pull'));
    await assert.rejects(node1.images.pull('BAD//:1'), code('invalid-image-name'));
    const id = await node1.containers.create(sandboxId, container({ command: ['/absent'] }));
    await assert.rejects(node1.containers.start(id), (error) => code('start')(error) && /no such file/.test((error as Error).message));
    await node1.sandboxes.stop(sandboxId);
    await node1.sandboxes.remove(sandboxId);
  });

  test('containers survive the death of containerd, which is started again', async () => {
    const { id, sandboxId } = await pod(node1, 'survivor');
    const oldPid = daemon.pid;
    changes.length = 0;
    process.kill(oldPid, 'SIGKILL');
    await eventually('a new containerd', async () => daemon.pid !== oldPid && (await node1.list()).length > 0);
    assert.equal((await containerOf(node1, 'survivor', id)).state, 'running');
    await eventually('everyone is told to look', async () => changes.includes(undefined));
    assert.equal((await node1.containers.exec(id, ['true'], 5000)).exitCode, 0);
    const more = await node1.containers.create(sandboxId, container({ name: 'more', command: ['true'] }));
    await node1.containers.start(more);
    await eventually('events flow again', async () => changes.includes('survivor'));
  });

  test('a later process adopts containerd and its containers', async () => {
    const pid = daemon.pid;
    daemon.detach();
    await start();
    assert.equal(daemon.adopted, true);
    assert.equal(daemon.pid, pid);
    const state = await stateOf(node1, 'survivor');
    assert.equal(state.ready, true);
    assert.deepEqual([state.labels, state.annotations], [{ app: 'test' }, { note: 'survivor' }]);
    // The configuration of the sandbox is not known to this process: it comes from containerd.
    const id = await node1.containers.create(state.id, container({ name: 'later', logPath: 'later/0.log', command: ['echo', 'from later'] }));
    await node1.containers.start(id);
    await eventually(
      'its log',
      async () => existsSync(join(dir, 'logs/survivor/later/0.log')) && readFileSync(join(dir, 'logs/survivor/later/0.log'), 'utf8').includes('from later'),
    );
    process.kill(pid, 'SIGKILL');
    await eventually('an adopted containerd is watched over too', async () => daemon.pid !== pid && (await node1.list()).length > 0);
  });

  for (const kubectl of ['1.27', '1.30', '1.31', '1.33'].map((v) => `/usr/lib/google-cloud-sdk/bin/kubectl.${v}`)) {
    test(`${kubectl.split('/').at(-1)}: exec, attach, cp and port-forward`, { skip: existsSync(kubectl) ? false : `${kubectl} is not installed` }, async () => {
      await streaming(kubectl, node1);
    });
  }

  test('shutdown leaves nothing on the host, and the images stay', async () => {
    await pod(node2, 'last');
    await daemon.shutdown();
    assert.deepEqual(leftovers(), []);
    await start();
    assert.equal(daemon.adopted, false);
    assert.ok(await node1.images.status('hello:1'), 'the image is still there');
    assert.deepEqual(
      (await node1.list()).filter((s) => s.ready),
      [],
    );
  });

  test('cleanup works after containerd and a shim died', async () => {
    const { id } = await pod(node1, 'orphan');
    await pod(node2, 'orphan2');
    daemon.detach();
    const victim = must(processInfo(daemon.pid), 'containerd');
    signalProcess(victim, 'SIGKILL');
    const shim = must(
      readdirSync('/proc')
        .filter((n) => /^\d+$/.test(n))
        .map((n) => processInfo(Number(n)))
        .find((p) => p?.args[0]?.includes('containerd-shim') && p.args.includes(daemon.socket)),
      'shim',
    );
    signalProcess(shim, 'SIGKILL');
    await eventually('both are dead', async () => !isAlive(victim) && !isAlive(shim));
    await cleanup({ dataDir: options.dataDir, clock: systemClock });
    assert.deepEqual(leftovers(), []);
    // What containerd still remembers can be removed, and the pod run again.
    await start();
    const dead = await stateOf(node1, 'orphan');
    assert.equal(dead.ready, false);
    assert.notEqual(
      must(
        dead.containers.find((c) => c.id === id),
        'container',
      ).state,
      'running',
    );
    await node1.sandboxes.stop(dead.id);
    await node1.sandboxes.remove(dead.id);
    await pod(node1, 'orphan');
    daemon.detach();
    await cleanup({ dataDir: options.dataDir, clock: systemClock, purge: true });
    assert.deepEqual(leftovers(), []);
    assert.equal(existsSync(options.dataDir), false);
    await cleanup({ dataDir: options.dataDir, clock: systemClock, purge: true });
  });
});

/** kubectl against the least API server that it accepts, which hands its streams to the runtime. */
async function streaming(kubectl: string, runtime: CriRuntime): Promise<void> {
  const uid = `stream-${kubectl.slice(-2)}`;
  const { id: sandboxId } = await runtime.sandboxes.run(sandbox(uid));
  const ids = new Map<string, string>();
  for (const spec of [
    container({ name: 'main' }),
    container({ name: 'reader', command: ['sh', '-c', 'cat; echo end'], stdin: true, stdinOnce: true, logPath: 'reader/0.log' }),
  ]) {
    const id = await runtime.containers.create(sandboxId, spec);
    await runtime.containers.start(id);
    ids.set(spec.name, id);
  }
  const server = fakeApiServer(runtime, sandboxId, ids);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = ['--kubeconfig=/dev/null', `--cache-dir=${join(dir, 'cache')}`, '-s', `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
  const k = (args: string[], input?: string | Buffer): ReturnType<typeof run> =>
    run(kubectl, [...base, ...args], { ...(input === undefined ? {} : { input }), timeoutMs: 60_000 });
  try {
    const failing = await k(['exec', 'p', '-c', 'main', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.deepEqual([failing.code, failing.out], [7, 'out\n']);
    assert.match(failing.err, /^err$/m);
    const piped = await k(['exec', '-i', 'p', '-c', 'main', '--', 'sh', '-c', 'cat; echo end'], 'to its end\n');
    assert.deepEqual([piped.code, piped.out], [0, 'to its end\nend\n'], piped.err);
    const absent = await k(['exec', 'p', '-c', 'main', '--', 'absent']);
    assert.notEqual(absent.code, 0);
    assert.match(absent.err, /executable file not found/);
    const attached = await k(['attach', '-i', 'p', '-c', 'reader'], 'attached\n');
    assert.match(attached.out, /attached\n/, attached.err);
    await copyBothWays(k);
    await forward(kubectl, base);
    const flood = await k(['exec', 'p', '-c', 'main', '--', 'sh', '-c', 'yes | head -c 20000000']);
    assert.equal(flood.out.length, 20_000_000);
  } finally {
    server.closeAllConnections();
    server.close();
    await runtime.sandboxes.stop(sandboxId);
    await runtime.sandboxes.remove(sandboxId);
  }
}

async function copyBothWays(k: (args: string[]) => ReturnType<typeof run>): Promise<void> {
  const [big, back] = [join(dir, 'big'), join(dir, 'back')];
  execFileSync('dd', ['if=/dev/urandom', `of=${big}`, 'bs=1M', 'count=50'], { stdio: 'ignore' });
  const up = await k(['cp', '-c', 'main', big, 'default/p:/tmp/big']);
  assert.equal(up.code, 0, up.err);
  const down = await k(['cp', '-c', 'main', 'default/p:/tmp/big', back]);
  assert.equal(down.code, 0, down.err);
  assert.ok(readFileSync(big).equals(readFileSync(back)));
  rmSync(back);
}

async function forward(kubectl: string, base: string[]): Promise<void> {
  const { spawn } = await import('node:child_process');
  const child = spawn(kubectl, [...base, 'port-forward', 'pod/p', ':8080'], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const port = await new Promise<string>((resolve, reject) => {
      let out = '';
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        const found = /127\.0\.0\.1:(\d+)/.exec(out)?.[1];
        if (found) resolve(found);
      });
      child.once('close', () => reject(new Error(`port-forward ended: ${out}`)));
    });
    for (let i = 0; i < 3; i++) assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello 1\n');
    const many = await Promise.all(Array.from({ length: 10 }, async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).text()));
    assert.ok(many.every((text) => text === 'ok\n'));
  } finally {
    child.kill();
  }
}
