import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { after, before } from 'node:test';

export const root = join(import.meta.dirname, '..');

export interface Output {
  code: number;
  out: string;
  err: string;
}

/** Runs a program to its end. Never through a shell. */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: string | Buffer; env?: NodeJS.ProcessEnv; timeoutMs?: number; cwd?: string } = {},
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env }, cwd: options.cwd ?? root });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? patience);
    child.stdout.on('data', (c: Buffer) => out.push(c));
    child.stderr.on('data', (c: Buffer) => err.push(c));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? (signal ? 128 : 1), out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  });
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** How long anything is waited for, ms: long enough that no machine is too slow, so that no test measures speed. */
export const patience = 180_000;

/** Polls until `probe` gives a value. For outside clients only: inside, wait for events. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + patience;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((r) => setTimeout(r, 100));
  }
  throw new Error(`not within ${patience} ms: ${what}${last instanceof Error ? ` (${last.message})` : ''}`);
}

export interface Cluster {
  readonly dir: string;
  readonly id: string;
  readonly kubePort: number;
  /** The options of `up` for ports that nobody else uses. */
  readonly ports: readonly string[];
  readonly kubeconfig: string;
  /** Runs `bin/batuta COMMAND … --data-dir DIR`. */
  batuta(...args: string[]): Promise<Output>;
  /** Starts it (again), detached and waited for. */
  up(...args: string[]): Promise<void>;
  pid(): number;
  /** kubectl; fails the test when it fails. */
  kubectl(...args: string[]): Promise<string>;
  /** kubectl; gives the exit code and both streams. */
  tryKubectl(args: readonly string[], options?: { input?: string | Buffer; program?: string; timeoutMs?: number }): Promise<Output>;
  apply(yaml: string): Promise<string>;
  json<T>(...args: string[]): Promise<T>;
}

export const kubectlProgram = 'kubectl';

export async function createCluster(): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-e2e-'));
  const kubePort = await freePort();
  const ports = ['--kube-port', String(kubePort), '--registry-port', '0', '--aws-port', '0'];
  const id = createHash('sha256').update(dir).digest('hex').slice(0, 6);
  const kubeconfig = join(dir, 'kubeconfig');
  const batuta = (...args: string[]): Promise<Output> => run(join(root, 'bin/batuta'), [...args, '--data-dir', dir]);
  const tryKubectl: Cluster['tryKubectl'] = (args, options = {}) =>
    run(options.program ?? kubectlProgram, args, { ...options, env: { KUBECONFIG: kubeconfig, HOME: dir } });
  const kubectl = async (...args: string[]): Promise<string> => {
    const result = await tryKubectl(args);
    assert.equal(result.code, 0, `kubectl ${args.join(' ')}: ${result.err}${result.out}`);
    return result.out;
  };
  return {
    dir,
    id,
    kubePort,
    ports,
    kubeconfig,
    batuta,
    tryKubectl,
    kubectl,
    async up(...args) {
      const result = await batuta('up', '--detach', '--wait', ...ports, ...args);
      assert.equal(
        result.code,
        0,
        `up: ${result.err}${result.out}\n${existsSync(join(dir, 'batuta.log')) ? readFileSync(join(dir, 'batuta.log'), 'utf8').slice(-4000) : ''}`,
      );
    },
    pid: () => (JSON.parse(readFileSync(join(dir, 'instance.json'), 'utf8')) as { pid: number }).pid,
    async apply(yaml) {
      const result = await tryKubectl(['apply', '-f', '-'], { input: yaml });
      assert.equal(result.code, 0, `kubectl apply: ${result.err}${result.out}`);
      return result.out;
    },
    async json(...args) {
      return JSON.parse(await kubectl(...args, '-o', 'json')) as never;
    },
  };
}

/** Why end-to-end tests with containers cannot run here; undefined when they can. */
export function cannotRunContainers(): string | undefined {
  return process.getuid?.() === 0 && process.platform === 'linux' ? undefined : 'needs root on Linux';
}

/** A cluster for the tests of one file: made before them, and gone, with a check that it is, after them. */
export function useCluster(...args: string[]): { readonly cluster: Cluster } {
  let cluster: Cluster | undefined;
  before(async () => {
    cluster = await createCluster();
    await cluster.up(...args);
  });
  after(async () => {
    stopBackground();
    if (!cluster) return;
    await destroy(cluster);
  });
  return {
    get cluster() {
      assert.ok(cluster, 'the cluster did not start');
      return cluster;
    },
  };
}

/** Stops the cluster, deletes its state, and fails when anything of it is left on the machine. */
export async function destroy(cluster: Cluster): Promise<void> {
  const started = existsSync(join(cluster.dir, 'instance.json'));
  const result = started ? await cluster.batuta('down', '--purge') : { code: 0, err: '' };
  if (!started) rmSync(cluster.dir, { recursive: true, force: true });
  const left = leftovers(cluster);
  rmSync(cluster.dir, { recursive: true, force: true });
  assert.equal(result.code, 0, `down --purge: ${result.err}`);
  assert.deepEqual(left, [], 'something was left behind');
}

/** Everything of the instance that can still be found: processes, mounts, interfaces, tables, cgroups, files. */
export function leftovers(cluster: Pick<Cluster, 'dir' | 'id'>): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((p) => /^\d+$/.test(p) && Number(p) !== process.pid)) {
    let line = '';
    try {
      line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      continue;
    }
    if (line.includes(cluster.dir) || line.includes(`/run/batuta/${cluster.id}`)) found.push(`process ${pid}: ${line}`);
  }
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n'))
    if (line.includes(cluster.dir) || line.includes(`/run/batuta/${cluster.id}`)) found.push(`mount ${line}`);
  const links = spawnSync('ip', ['-o', 'link'], { encoding: 'utf8' }).stdout ?? '';
  for (const line of links.split('\n')) if (line.includes(cluster.id)) found.push(`interface ${line}`);
  const tables = spawnSync('nft', ['list', 'tables'], { encoding: 'utf8' }).stdout ?? '';
  for (const line of tables.split('\n')) if (line.includes(cluster.id)) found.push(`nftables ${line}`);
  const cgroups = spawnSync('find', ['/sys/fs/cgroup', '-maxdepth', '4', '-type', 'd', '-name', `*${cluster.id}*`], { encoding: 'utf8' }).stdout ?? '';
  for (const line of cgroups.split('\n').filter(Boolean)) found.push(`cgroup ${line}`);
  for (const path of [cluster.dir, `/run/batuta/${cluster.id}`]) if (existsSync(path)) found.push(`files ${path}`);
  return found;
}

/** Programs that a failed test left running would keep the test's process for ever. */
const running = new Set<ChildProcess>();
function stopBackground(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** A program that runs beside the test; stopped by `stop`, or at the latest with the cluster. */
export function background(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; output: () => string; stop(): Promise<void> } {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let text = '';
  child.stdout.on('data', (c: Buffer) => (text += c.toString()));
  child.stderr.on('data', (c: Buffer) => (text += c.toString()));
  return {
    child,
    output: () => text,
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

/** The kubectl versions on this machine, oldest first; the plain one when there is only that. */
export function kubectlVersions(): string[] {
  const dir = '/usr/lib/google-cloud-sdk/bin';
  const found = existsSync(dir) ? readdirSync(dir).filter((f) => /^kubectl\.1\.\d+$/.test(f)) : [];
  const older = found.length ? found.sort().map((f) => join(dir, f)) : [kubectlProgram];
  return [...older, ...fetchedClients('kubectl')];
}
/** What scripts/fetch-clients.ts could get, oldest first. */
function fetchedClients(program: 'kubectl' | 'helm'): string[] {
  const dir = join(root, 'node_modules/.cache/clients');
  const found = existsSync(dir) ? readdirSync(dir).filter((f) => f.startsWith(`${program}.1.`)) : [];
  return found.sort().map((f) => join(dir, f));
}
/** helm, or undefined when it could not be fetched. */
export const helmProgram = (): string | undefined => fetchedClients('helm').at(-1);
