import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { sleep, type Clock } from '#base';
import { criPaths, type CriPaths } from './config.ts';
import { allProcesses, isAlive, signalProcess, withDescendants, type ProcessInfo } from './processes.ts';

/** Written beside the images, so that a later process can clean up after a dead one. */
export interface InstanceRecord {
  instance: string;
  runDir: string;
  cgroupRoot: string;
  /** Names of the CNI networks. */
  networks: string[];
}

const execFileAsync = promisify(execFile);
/** The CNI library's cache of results; its place is fixed. */
const cniResults = '/var/lib/cni/results';
/** Where every containerd of a host puts the sockets of its shims; the place is fixed. */
const shimSockets = '/run/containerd/s';

/**
 * Removes what the containerd of `dataDir` left on the host, whether it still runs or not: daemon, shims, containers'
 * processes, mounts, network namespaces with their links, cgroups and the directory for sockets. Touches nothing of
 * another instance. With `purge` the images go too. Rejects when something could not be removed, naming it.
 */
export async function cleanup(options: { dataDir: string; clock: Clock; purge?: boolean }): Promise<void> {
  const { dataDir, clock } = options;
  const record = readRecord(join(dataDir, 'instance.json'));
  if (record) {
    const paths = criPaths(dataDir, record.runDir);
    const links = hostLinks(record.networks);
    const cgroups = cgroupDirectories(record.cgroupRoot);
    await killAll(paths, cgroups, clock);
    removeShimSockets(paths);
    await unmountBelow([paths.runDir, dataDir]);
    await removeCgroups(cgroups, clock);
    await removeLinks(links, clock);
    for (const network of record.networks) removeFiles(cniResults, (name) => name.startsWith(`${network}-`));
    for (const dir of [cniResults, dirname(cniResults), shimSockets, dirname(shimSockets)]) removeIfEmpty(dir);
    rmSync(paths.runDir, { recursive: true, force: true });
    // Addresses belong to pods that no longer exist.
    rmSync(join(paths.cni, 'allocations'), { recursive: true, force: true });
  }
  if (options.purge) rmSync(dataDir, { recursive: true, force: true });
}

function readRecord(path: string): InstanceRecord | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as InstanceRecord) : undefined;
}

/** The daemon first (it would start new things), then shims with all below them, then what is in our cgroups. */
async function killAll(paths: CriPaths, cgroups: readonly string[], clock: Clock): Promise<void> {
  const all = allProcesses();
  const daemons = all.filter((p) => p.args[0]?.endsWith('containerd') && p.args.includes(paths.config));
  await end(daemons, 'SIGTERM', 10_000, clock);
  await end(daemons, 'SIGKILL', 2000, clock);
  const now = allProcesses();
  const shims = now.filter((p) => p.args[0]?.includes('containerd-shim') && p.args[p.args.indexOf('-address') + 1] === paths.socket);
  const contained = new Set(cgroups.flatMap(processesIn));
  const doomed = [...withDescendants(shims, now), ...now.filter((p) => contained.has(p.pid))].reverse();
  await end(
    doomed.filter((p) => p.pid !== process.pid),
    'SIGKILL',
    10_000,
    clock,
  );
}

async function end(processes: readonly ProcessInfo[], signal: NodeJS.Signals, waitMs: number, clock: Clock): Promise<void> {
  for (const p of processes) signalProcess(p, signal);
  for (const deadline = clock.now() + waitMs; clock.now() < deadline && processes.some(isAlive);) await sleep(clock, 5);
}

/** The mounted cgroup hierarchies' directories of this instance, deepest last. */
function cgroupDirectories(cgroupRoot: string): string[] {
  const mounts = mountTable().filter((m) => m.type === 'cgroup' || m.type === 'cgroup2');
  return mounts.flatMap((m) => tree(join(m.path, cgroupRoot)));
}
function tree(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const children = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [dir, ...children.flatMap((child) => tree(join(dir, child.name)))];
}
function processesIn(cgroup: string): number[] {
  try {
    return readFileSync(join(cgroup, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean).map(Number);
  } catch {
    return []; // A controller's group vanished with its last process, or is of a threaded kind.
  }
}
/** A cgroup is busy for a moment after its last process died. */
async function removeCgroups(cgroups: readonly string[], clock: Clock): Promise<void> {
  const left = [...cgroups];
  for (const deadline = clock.now() + 5000; left.length > 0; await sleep(clock, 10)) {
    while (left.length > 0 && rmdir(left.at(-1) as string)) left.pop();
    if (left.length > 0 && clock.now() > deadline) throw new Error(`could not remove the cgroup ${left.at(-1)}: it still has processes`);
  }
}
function rmdir(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

interface MountEntry {
  path: string;
  type: string;
}
/** /proc/self/mountinfo: proc(5). */
export function mountTable(): MountEntry[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const path = (before.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    return { path, type: after.split(' ')[0] ?? '' };
  });
}
function mountsBelow(dirs: readonly string[]): string[] {
  return mountTable()
    .map((mount) => mount.path)
    .filter((path) => dirs.some((dir) => path === dir || path.startsWith(`${dir}/`)));
}
async function unmountBelow(dirs: readonly string[]): Promise<void> {
  // A mount may be hidden by another on the same path: look again after each round.
  for (let round = 0; round < 5; round++) {
    const paths = mountsBelow(dirs).reverse();
    if (paths.length === 0) return;
    await execFileAsync('umount', ['-l', '--', ...paths]).catch(() => undefined);
  }
  const left = mountsBelow(dirs);
  if (left.length > 0) throw new Error(`could not unmount ${left.join(', ')}`);
}

/** The host's ends of the pods' links, as the CNI library noted them. */
function hostLinks(networks: readonly string[]): string[] {
  const files = existsSync(cniResults) ? readdirSync(cniResults).filter((name) => networks.some((network) => name.startsWith(`${network}-`))) : [];
  return files.flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(cniResults, name), 'utf8')) as { result?: { interfaces?: { name: string; sandbox?: string }[] } };
    return (result?.interfaces ?? []).filter((link) => !link.sandbox && link.name.startsWith('veth')).map((link) => link.name);
  });
}
/** Links vanish with their namespace, a moment later; what stays is deleted. */
async function removeLinks(links: readonly string[], clock: Clock): Promise<void> {
  const left = (): string[] => links.filter((link) => existsSync(`/sys/class/net/${link}`));
  for (const deadline = clock.now() + 3000; left().length > 0 && clock.now() < deadline;) await sleep(clock, 10);
  for (const link of left()) await execFileAsync('ip', ['link', 'delete', link]).catch(() => undefined);
  if (left().length > 0) throw new Error(`could not remove the network interfaces ${left().join(', ')}`);
}

function removeShimSockets(paths: CriPaths): void {
  const tasks = join(paths.state, 'io.containerd.runtime.v2.task', 'k8s.io');
  for (const id of existsSync(tasks) ? readdirSync(tasks) : []) {
    const address = join(tasks, id, 'address');
    const socket = existsSync(address)
      ? readFileSync(address, 'utf8')
          .trim()
          .replace(/^unix:\/\//, '')
      : '';
    if (socket.startsWith(`${shimSockets}/`)) rmSync(socket, { force: true });
  }
}
function removeFiles(dir: string, which: (name: string) => boolean): void {
  for (const name of existsSync(dir) ? readdirSync(dir).filter(which) : []) unlinkSync(join(dir, name));
}
function removeIfEmpty(dir: string): void {
  if (existsSync(dir) && statSync(dir).isDirectory() && readdirSync(dir).length === 0) rmdir(dir);
}
