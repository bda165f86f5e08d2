import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from './errors.ts';

/** Where an instance keeps what it owns. `run` is short because unix socket paths end at 107 bytes. */
export interface Paths {
  /** Short id derived from the data directory: names interfaces, tables and cgroups. */
  readonly id: string;
  readonly data: string;
  readonly run: string;
  readonly instanceFile: string;
  readonly database: string;
  /** The EncryptionConfiguration of an instance that was given none: holds the key. */
  readonly encryption: string;
  readonly pki: string;
  readonly kubeconfig: string;
  readonly log: string;
  /** AWS calls, a JSON line each. */
  readonly awsAudit: string;
  readonly awsEvents: string;
  readonly control: string;
  readonly containerd: string;
  readonly pods: string;
  readonly podLogs: string;
}

export interface PathOptions {
  dataDir?: string | undefined;
  name?: string | undefined;
}

export function resolvePaths(options: PathOptions): Paths {
  if (options.name !== undefined && !/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(options.name)) {
    throw new UsageError(`--name ${options.name}: use lower-case letters, digits and '-', at most 32`);
  }
  const wanted = resolve(options.dataDir ?? join(homedir(), '.batuta', options.name ?? 'default'));
  const data = existsSync(wanted) ? realpathSync(wanted) : wanted;
  const id = createHash('sha256').update(data).digest('hex').slice(0, 6);
  const root = process.getuid?.() === 0;
  const run = root ? `/run/batuta/${id}` : join(tmpdir(), `batuta-${process.getuid?.() ?? 0}-${id}`);
  return {
    id,
    data,
    run,
    instanceFile: join(data, 'instance.json'),
    database: join(data, 'state.db'),
    encryption: join(data, 'encryption.json'),
    pki: join(data, 'pki'),
    kubeconfig: join(data, 'kubeconfig'),
    log: join(data, 'batuta.log'),
    awsAudit: join(data, 'aws-audit.log'),
    awsEvents: join(data, 'aws-events.log'),
    control: join(run, 'control.sock'),
    containerd: join(data, 'containerd'),
    pods: join(data, 'pods'),
    podLogs: join(data, 'logs'),
  };
}

/** What is remembered of an instance between runs, so that commands find it and addresses stay. */
export interface InstanceRecord {
  id: string;
  /** Address slot: pods 10.(64+slot).0.0/16, services 10.(96+slot).0.0/16. */
  slot: number;
  pid?: number;
  /** Start time of the process in clock ticks since boot (/proc/PID/stat): a reused pid is not us. */
  startTicks?: string;
  kubePort: number;
  awsPort: number;
  /** Of the AWS APIs; records of older versions lack it. */
  account?: string;
  listen: string;
  runtime: 'containerd' | 'sim';
  nodes: number;
  simNodes: number;
  version: string;
}

export function readRecord(paths: Paths): InstanceRecord | undefined {
  if (!existsSync(paths.instanceFile)) return undefined;
  return JSON.parse(readFileSync(paths.instanceFile, 'utf8')) as InstanceRecord;
}

export function writeRecord(paths: Paths, record: InstanceRecord): void {
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  writeFileSync(paths.instanceFile + '.tmp', JSON.stringify(record, null, 2) + '\n', { mode: 0o600 });
  renameSync(paths.instanceFile + '.tmp', paths.instanceFile);
}

/** Start time in clock ticks of a living process; undefined when there is none. */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A dead leader whose other threads are still leaving holds its files open: it is not gone yet.
    return fields[0] === 'Z' && readdirSync(`/proc/${pid}/task`).length <= 1 ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The pid of the running process of this instance, if it runs. */
export function runningPid(record: InstanceRecord | undefined): number | undefined {
  if (!record?.pid) return undefined;
  const ticks = startTicks(record.pid);
  if (ticks === undefined) return undefined;
  return record.startTicks === undefined || ticks === record.startTicks ? record.pid : undefined;
}
