import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, type Clock } from '#base';
import type { V1Container, V1Pod } from '#kinds';
import { initContainers, isSidecar, mainContainers, podRequests, qosClass, uidOf } from './pod.ts';
import { milliToQuota, milliToShares, sharesToWeight } from './resources.ts';

/** Cgroups of pods: one parent per pod, its containers below it. */
export interface CgroupManager {
  /** Makes the pod's cgroup with its limits; gives the path for SandboxSpec.cgroupParent. Idempotent. */
  create(pod: V1Pod): string;
  /** Before containers are resized: of each limit the looser of the two, so that neither is in the way. */
  loosen(before: V1Pod, after: V1Pod): void;
  /** Removes the pod's cgroup (its processes must be gone). */
  remove(podUid: string): Promise<void>;
  /** Uids of the pods that have a cgroup here. */
  pods(): string[];
  /** Removes everything under the prefix. */
  removeAll(): Promise<void>;
}

export interface CgroupOptions {
  clock: Clock;
  /** Name of the top cgroup, for example `batuta-1f2e`. May hold slashes. */
  prefix: string;
  /** Where cgroup file systems are mounted. */
  root?: string;
}

const qosDirectories = ['guaranteed', 'burstable', 'besteffort'];

export type CgroupMode = 'v1' | 'v2';
/** v2 when the root itself is the unified hierarchy; v1 for separate controllers, hybrid or not. */
export const cgroupMode = (root = '/sys/fs/cgroup'): CgroupMode => (existsSync(join(root, 'cgroup.controllers')) ? 'v2' : 'v1');

export function createCgroupManager({ clock, prefix, root = '/sys/fs/cgroup' }: CgroupOptions): CgroupManager {
  const mode = cgroupMode(root);
  const hierarchies = mode === 'v2' ? [root] : v1Hierarchies(root);
  const limited = mode === 'v2' ? [root] : hierarchies.filter((h) => /\/(cpu|cpu,cpuacct|memory|pids)$/.test(h));
  const paths = (uid: string): string[] => qosDirectories.map((qos) => `/${prefix}/${qos}/pod${uid}`);
  return {
    create(pod) {
      const path = `/${prefix}/${qosClass(pod).toLowerCase()}/pod${uidOf(pod)}`;
      for (const hierarchy of limited) {
        if (mode === 'v2') makeV2(hierarchy, path);
        else mkdirSync(hierarchy + path, { recursive: true });
        limit(hierarchy + path, limitsOf(pod), mode);
      }
      return path;
    },
    loosen(before, after) {
      const path = `/${prefix}/${qosClass(after).toLowerCase()}/pod${uidOf(after)}`;
      for (const hierarchy of limited) if (existsSync(hierarchy + path)) limit(hierarchy + path, looser(limitsOf(before), limitsOf(after)), mode);
    },
    async remove(podUid) {
      for (const path of paths(podUid)) for (const hierarchy of hierarchies) await removeTree(hierarchy + path, clock);
    },
    pods() {
      const found = new Set<string>();
      for (const hierarchy of hierarchies)
        for (const qos of qosDirectories) for (const name of list(join(hierarchy, prefix, qos))) if (name.startsWith('pod')) found.add(name.slice(3));
      return [...found];
    },
    async removeAll() {
      for (const hierarchy of hierarchies) await removeTree(join(hierarchy, prefix), clock);
    },
  };
}

/** Controllers mounted apart, each once (cpu and cpu,cpuacct may be the same), and the unified one of a hybrid. */
function v1Hierarchies(root: string): string[] {
  const seen = new Set<string>();
  const out: string[] = [];
  for (const name of list(root)) {
    const path = join(root, name);
    const { dev, ino } = statSync(path);
    if (seen.has(`${dev}:${ino}`)) continue;
    seen.add(`${dev}:${ino}`);
    out.push(path);
  }
  return out;
}
const list = (dir: string): string[] => {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((e) => e.isDirectory() || e.isSymbolicLink())
      .map((e) => e.name);
  } catch {
    return [];
  }
};

/** In v2 every parent must hand its controllers down. */
function makeV2(root: string, path: string): void {
  let at = root;
  for (const part of path.split('/').filter(Boolean)) {
    const controllers = readFileSync(join(at, 'cgroup.controllers'), 'utf8').trim().split(' ').filter(Boolean);
    for (const c of controllers) tryWrite(join(at, 'cgroup.subtree_control'), `+${c}`);
    at = join(at, part);
    mkdirSync(at, { recursive: true });
  }
}

interface PodLimits {
  shares: number;
  /** µs of CPU time per 100 ms; 0 = no cap */
  quota: number;
  /** Bytes; 0 = no cap */
  memory: number;
}
/** Limits of the whole pod: requests as weight; a cap only when the pod or every container has one. */
function limitsOf(pod: V1Pod): PodLimits {
  const limits = podRequests(pod, 'limits');
  const counted: V1Container[] = [...mainContainers(pod), ...initContainers(pod).filter(isSidecar)];
  const capped = (resource: string): boolean =>
    pod.spec?.resources?.limits?.[resource] !== undefined || counted.every((c) => c.resources?.limits?.[resource] !== undefined);
  return {
    shares: milliToShares(podRequests(pod, 'requests').cpu),
    quota: capped('cpu') ? milliToQuota(limits.cpu) : 0,
    memory: capped('memory') ? limits.memory : 0,
  };
}
const looserCap = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : Math.max(a, b));
const looser = (a: PodLimits, b: PodLimits): PodLimits => ({
  shares: Math.max(a.shares, b.shares),
  quota: looserCap(a.quota, b.quota),
  memory: looserCap(a.memory, b.memory),
});

function limit(dir: string, { shares, quota, memory }: PodLimits, mode: CgroupMode): void {
  if (mode === 'v2') {
    tryWrite(join(dir, 'cpu.weight'), String(sharesToWeight(shares)));
    if (quota > 0) tryWrite(join(dir, 'cpu.max'), `${quota} 100000`);
    if (memory > 0) tryWrite(join(dir, 'memory.max'), String(memory));
    return;
  }
  if (existsSync(join(dir, 'cpu.shares'))) writeFileSync(join(dir, 'cpu.shares'), String(shares));
  if (quota > 0 && existsSync(join(dir, 'cpu.cfs_quota_us'))) {
    writeFileSync(join(dir, 'cpu.cfs_period_us'), '100000');
    writeFileSync(join(dir, 'cpu.cfs_quota_us'), String(quota));
  }
  if (memory > 0 && existsSync(join(dir, 'memory.limit_in_bytes'))) writeFileSync(join(dir, 'memory.limit_in_bytes'), String(memory));
}
/** A controller may be missing or held by someone else: the containers' own limits still hold. */
function tryWrite(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch {
    return;
  }
}

async function removeTree(dir: string, clock: Clock): Promise<void> {
  if (!existsSync(dir)) return;
  for (const name of list(dir)) await removeTree(join(dir, name), clock);
  for (let attempt = 0; ; attempt++) {
    try {
      return rmdirSync(dir);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt >= 20) throw error;
      await sleep(clock, 25);
    }
  }
}
