import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCluster, destroy, run, type Cluster } from '../test/harness.ts';

/** Figures of a real Kubernetes 1.36.2 (kube-apiserver, etcd 3.6 with fsync, controller-manager, scheduler), measured on the same class of machine in November 2026. */
export const peer = {
  firstAnswerSeconds: 1.4,
  usableSeconds: 8.3,
  residentMB: 503,
  residentAfterConfigMapsMB: 936,
  residentAfterPodsMB: 1529,
  createsPerSecond: 1112,
  getsPerSecond: 2152,
  listMs: 80,
  watchSeconds: 1.03,
  patchesPerSecond: 847,
  podsPerSecond: 220,
  deploymentBoundSeconds: 32.1,
  podStartMs: 506,
} as const;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** One line: the figure, what it is held against, the ratio, the aim. `higherIsBetter` decides which way the ratio reads: above 1 is better than the peer. */
export function report(what: string, figure: number, unit: string, against: { name: string; figure: number }, aim: string, higherIsBetter: boolean): void {
  const ratio = higherIsBetter ? figure / against.figure : against.figure / figure;
  console.log(`${what.padEnd(52)} ${format(figure)} ${unit.padEnd(6)} ${against.name} ${format(against.figure)}  ratio ${ratio.toFixed(2)}×  aim ${aim}`);
}
const format = (n: number): string => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(3)).padStart(8);

export async function withCluster(args: readonly string[], body: (cluster: Cluster) => Promise<void>): Promise<void> {
  const cluster = await createCluster();
  try {
    await cluster.up(...args);
    await body(cluster);
  } finally {
    await destroy(cluster);
  }
}

/** Resident memory of a process in MB. */
export function residentMB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}
/** CPU seconds that a process has used. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
export const pause = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

interface KloadResult {
  [test: string]: unknown;
}
/** Runs the load generator against the cluster's API with the administrator's certificate. */
export async function kload(cluster: Cluster, tests: string, extra: readonly string[] = []): Promise<Record<string, KloadResult>> {
  const config = readFileSync(cluster.kubeconfig, 'utf8');
  const file = async (field: string, name: string): Promise<string> => {
    const data = new RegExp(`${field}: (\\S+)`).exec(config)?.[1] ?? '';
    const path = join(cluster.dir, name);
    await (await import('node:fs/promises')).writeFile(path, Buffer.from(data, 'base64'), { mode: 0o600 });
    return path;
  };
  const out = join(cluster.dir, 'kload.json');
  const result = await run(
    process.execPath,
    [
      join(import.meta.dirname, 'tools/kload.mjs'),
      '--url',
      `https://127.0.0.1:${cluster.kubePort}`,
      '--ca',
      await file('certificate-authority-data', 'k-ca.crt'),
      '--cert',
      await file('client-certificate-data', 'k.crt'),
      '--key',
      await file('client-key-data', 'k.key'),
      '--pids',
      `batuta=${cluster.pid()}`,
      '--tests',
      tests,
      '--out',
      out,
      ...extra,
    ],
    { timeoutMs: 600_000 },
  );
  if (result.code !== 0) throw new Error(`kload: ${result.err}${result.out}`);
  return JSON.parse(readFileSync(out, 'utf8')) as Record<string, KloadResult>;
}
