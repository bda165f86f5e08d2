import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findDirectory, findProgram } from '#base';

/** One finding of `doctor`. */
export interface Check {
  name: string;
  ok: boolean;
  /** `fatal`: `up` cannot run containers. `warning`: works, with a limit. */
  level: 'fatal' | 'warning';
  detail: string;
  /** The exact command or setting that mends it. */
  fix?: string;
}

const programs: readonly { name: string; apt: string; why: string }[] = [
  { name: 'containerd', apt: 'containerd', why: 'runs the containers' },
  { name: 'ctr', apt: 'containerd', why: 'imports images' },
  { name: 'containerd-shim-runc-v2', apt: 'containerd', why: 'holds each pod' },
  { name: 'umount', apt: 'mount', why: 'cleans up' },
  { name: 'runc', apt: 'runc', why: 'starts each container' },
  { name: 'nft', apt: 'nftables', why: 'Services and NodePorts' },
  { name: 'ip', apt: 'iproute2', why: 'node addresses' },
];

function programChecks(): Check[] {
  return programs.map(({ name, apt, why }) => {
    const path = findProgram(name);
    return path
      ? { name, ok: true, level: 'fatal', detail: path }
      : { name, ok: false, level: 'fatal', detail: `not found (${why})`, fix: `apt-get install -y ${apt}` };
  });
}

function cniCheck(): Check {
  const dir = findDirectory(['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'], ['ptp', 'host-local', 'loopback']);
  return dir
    ? { name: 'cni plugins', ok: true, level: 'fatal', detail: dir }
    : {
        name: 'cni plugins',
        ok: false,
        level: 'fatal',
        detail: 'ptp, host-local and loopback not found in /usr/lib/cni or /opt/cni/bin',
        fix: 'apt-get install -y containernetworking-plugins',
      };
}

function rootCheck(): Check {
  const root = process.getuid?.() === 0;
  return {
    name: 'root',
    ok: root,
    level: 'fatal',
    detail: root ? 'yes' : `uid ${process.getuid?.()}`,
    ...(root ? {} : { fix: 'run as root (sudo npm start), or use simulated nodes: --runtime sim' }),
  };
}

function cgroupCheck(): Check {
  const v2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const v1 = ['cpu', 'memory', 'pids'].every((c) => existsSync(join('/sys/fs/cgroup', c)));
  const ok = v2 || v1;
  return {
    name: 'cgroups',
    ok,
    level: 'fatal',
    detail: v2 ? 'v2' : v1 ? 'v1' : 'cpu, memory and pids controllers are not mounted',
    ...(ok ? {} : { fix: 'mount -t cgroup2 none /sys/fs/cgroup' }),
  };
}

function sysctlCheck(key: string, minimum: number): Check {
  const file = '/proc/sys/' + key.replaceAll('.', '/');
  const value = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  const ok = value >= minimum;
  return { name: key, ok, level: 'warning', detail: `${value}`, ...(ok ? {} : { fix: `sysctl -w ${key}=${minimum}` }) };
}

function overlayCheck(): Check {
  const ok = readFileSync('/proc/filesystems', 'utf8').includes('overlay');
  return { name: 'overlayfs', ok, level: 'fatal', detail: ok ? 'available' : 'not in /proc/filesystems', ...(ok ? {} : { fix: 'modprobe overlay' }) };
}

/** Whether a TCP port can be listened on; the answer names what to do when it cannot. */
export function portCheck(port: number, host: string, flag: string): Promise<Check> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve({
        name: `port ${port}`,
        ok: false,
        level: 'fatal',
        detail: error.code === 'EADDRINUSE' ? `in use on ${host}` : error.message,
        fix: `free it (ss -ltnp 'sport = :${port}'), or choose another: ${flag} or --port-offset N`,
      }),
    );
    server.listen(port, host, () => server.close(() => resolve({ name: `port ${port}`, ok: true, level: 'fatal', detail: 'free' })));
  });
}

/** Checks of the host for running real containers. */
export function hostChecks(): Check[] {
  if (process.platform !== 'linux') {
    return [{ name: 'platform', ok: false, level: 'fatal', detail: process.platform, fix: 'containers need Linux; simulated nodes work here: --runtime sim' }];
  }
  return [
    rootCheck(),
    ...programChecks(),
    cniCheck(),
    cgroupCheck(),
    overlayCheck(),
    sysctlCheck('fs.inotify.max_user_instances', 128),
    sysctlCheck('fs.inotify.max_user_watches', 65536),
  ];
}

/** Why containers cannot run here; undefined when they can. */
export function whyNoContainers(): string | undefined {
  const bad = hostChecks().filter((c) => !c.ok && c.level === 'fatal');
  return bad.length ? bad.map((c) => `${c.name}: ${c.detail}${c.fix ? ` (${c.fix})` : ''}`).join('; ') : undefined;
}
