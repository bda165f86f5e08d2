import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync, existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Backoff, sleep, type Clock, type Logger } from '#base';
import { RuntimeError } from '../runtime.ts';
import { connectCri, CriError, grpcCode, type CriClient } from './client.ts';
import { cniConfig, containerdConfig, criPaths, networkName, type CriNode, type CriPaths } from './config.ts';
import { cleanup, type InstanceRecord } from './cleanup.ts';
import { hasCapSysResource, isAlive, processInfo, signalProcess } from './processes.ts';
import { containerdMajorVersion, daemonEnvironment, findBinaries } from './programs.ts';
import { sandboxImage, sandboxImageArchive } from './sandbox-image.ts';
import { runCtrImport } from './images.ts';

export interface ContainerdOptions {
  /** Of this containerd alone: images, snapshots, configuration, log. */
  dataDir: string;
  /** Short (its sockets' paths may have 107 bytes): sockets, mounts, state of running containers. */
  runDir: string;
  /** Short id, part of every name on the host: networks, cgroups. */
  instance: string;
  nodes: readonly CriNode[];
  clock: Clock;
  log: Logger;
}

export interface Containerd {
  readonly socket: string;
  readonly paths: CriPaths;
  /** A connection that outlives restarts of the daemon. */
  readonly client: CriClient;
  /** Version as the daemon says it. */
  readonly version: string;
  /** The parent of the cgroups of pods that name none, for example /batuta-ab12. */
  readonly cgroupRoot: string;
  readonly pid: number;
  /** True when it already ran before this process. */
  readonly adopted: boolean;
  /** Told each time the daemon dies without being asked to; it is started again by itself. */
  onExit(listener: (reason: string) => void): void;
  /** Stops watching over it and leaves it and its containers running. */
  detach(): void;
  /** Stops every sandbox and the daemon, and removes all they left on the host. Images stay unless `purge`. */
  shutdown(options?: { purge?: boolean }): Promise<void>;
}

interface PidRecord {
  pid: number;
  startTime: number;
}
const readyTimeoutMs = 20_000;

/** Starts, or adopts, a private containerd that survives this process. Rejects with RuntimeError 'unavailable' and what to do. */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const paths = criPaths(options.dataDir, options.runDir);
  if (Buffer.byteLength(`${paths.socket}.ttrpc`) > 107)
    throw new RuntimeError('unavailable', `the directory for sockets has too long a path for a UNIX socket: ${options.runDir}`);
  const binaries = findBinaries();
  const majorVersion = await containerdMajorVersion(binaries.containerd);
  const configChanged = writeConfiguration(options, paths, majorVersion, binaries.cniBinDir);
  const client = await connectCri(paths.socket, () => options.clock.now());
  const daemon = new Daemon(options, paths, binaries.containerd, client);
  try {
    await daemon.start(configChanged);
    await ensureSandboxImage(client, paths.socket);
  } catch (error) {
    daemon.detach();
    throw error;
  }
  return daemon;
}

class Daemon implements Containerd {
  readonly #options: ContainerdOptions;
  readonly #binary: string;
  readonly #backoff = new Backoff<'containerd'>(200, 30_000);
  readonly #listeners: ((reason: string) => void)[] = [];
  readonly #watching = new AbortController();
  #process: PidRecord = { pid: 0, startTime: 0 };
  #startedAt = 0;
  readonly paths: CriPaths;
  readonly client: CriClient;
  readonly cgroupRoot: string;
  version = '';
  adopted = false;

  constructor(options: ContainerdOptions, paths: CriPaths, binary: string, client: CriClient) {
    this.#options = options;
    this.#binary = binary;
    this.paths = paths;
    this.client = client;
    this.cgroupRoot = cgroupRootOf(options.instance);
  }
  get socket(): string {
    return this.paths.socket;
  }
  get pid(): number {
    return this.#process.pid;
  }
  onExit(listener: (reason: string) => void): void {
    this.#listeners.push(listener);
  }

  async start(configChanged: boolean): Promise<void> {
    const running = readPidFile(this.paths);
    if (running && !configChanged && (await this.#answers(running))) {
      this.adopted = true;
      this.#process = running;
      this.#startedAt = this.#options.clock.now();
      this.#watchAdopted(running);
    } else {
      if (running) await endProcess(running, this.#options.clock);
      await this.#launch();
    }
    this.version = (await this.client.call('Version', {})).runtime_version;
  }

  async #answers(running: PidRecord): Promise<boolean> {
    try {
      await this.#ready(running, 5000);
      return true;
    } catch (error) {
      this.#options.log.warn('the running containerd does not answer: it is replaced', { pid: running.pid, error });
      return false;
    }
  }

  async #launch(): Promise<void> {
    const { log } = this.paths;
    rotate(log);
    const fd = openSync(log, 'a');
    const from = statSync(log).size;
    // A socket that nobody listens on would be taken for a daemon that is starting.
    for (const socket of [this.paths.socket, `${this.paths.socket}.ttrpc`]) rmSync(socket, { force: true });
    const child = spawn(this.#binary, ['--config', this.paths.config], { detached: true, stdio: ['ignore', fd, fd], env: daemonEnvironment() });
    closeSync(fd);
    child.unref();
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`));
    });
    const record = recordOf(child);
    if (record) {
      this.#process = record;
      this.#startedAt = this.#options.clock.now();
      writeFileSync(this.paths.pidFile, JSON.stringify(record));
    }
    let early = '';
    void ended.then((reason) => (early = reason));
    try {
      await this.#ready(record ?? { pid: -1, startTime: 0 }, readyTimeoutMs, () => early);
    } catch (error) {
      if (record) await endProcess(record, this.#options.clock);
      throw new RuntimeError('unavailable', `containerd could not start: ${(error as Error).message}\n${lastLines(log, from)}(its log: ${log})`);
    }
    void ended.then((reason) => this.#died(reason));
  }

  /** Waits until the CRI service answers. */
  async #ready(record: PidRecord, timeoutMs: number, failed: () => string = () => ''): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.now() + timeoutMs;
    let last = 'it does not listen';
    while (clock.now() < deadline) {
      if (failed() || !isAlive(record)) throw new Error(failed() || 'it ended at once');
      if (await listens(this.paths.socket)) {
        try {
          await this.client.call('Status', {}, 2000);
          return;
        } catch (error) {
          last = (error as Error).message;
          if (error instanceof CriError && error.code === grpcCode.unimplemented) throw new Error(`its CRI service did not load: ${last}`, { cause: error });
        }
      }
      await sleep(clock, 5);
    }
    throw new Error(`no answer in ${timeoutMs / 1000} s: ${last}`);
  }

  /** A process that is not our child has no exit event: look once a second. */
  #watchAdopted(record: PidRecord): void {
    const look = (): void => {
      if (this.#watching.signal.aborted || this.#process !== record) return;
      if (isAlive(record)) this.#options.clock.after(1000, look);
      else this.#died('it is gone');
    };
    this.#options.clock.after(1000, look);
  }

  #died(reason: string): void {
    if (this.#watching.signal.aborted) return;
    const { clock, log } = this.#options;
    if (clock.now() - this.#startedAt > 60_000) this.#backoff.forget('containerd');
    const waitMs = this.#backoff.next('containerd');
    log.error('containerd died; containers keep running; starting it again', { reason, waitMs, log: this.paths.log });
    for (const listener of this.#listeners) listener(reason);
    clock.after(waitMs, () => void this.#relaunch());
  }

  async #relaunch(): Promise<void> {
    if (this.#watching.signal.aborted) return;
    try {
      await this.#launch();
      this.adopted = false;
      this.#options.log.info('containerd runs again', { pid: this.pid });
    } catch (error) {
      this.#died((error as Error).message);
    }
  }

  detach(): void {
    this.#watching.abort();
    this.client.close();
  }

  async shutdown(options: { purge?: boolean } = {}): Promise<void> {
    this.#watching.abort();
    await stopSandboxes(this.client, this.#options.log);
    this.client.close();
    await cleanup({ dataDir: this.paths.dataDir, clock: this.#options.clock, ...options });
  }
}

/** The cgroup below which every container of an instance lives. */
export function cgroupRootOf(instance: string): string {
  return `/batuta-${instance}`;
}

/** Stops and removes all sandboxes, a few at a time; what refuses is left to `cleanup`. */
async function stopSandboxes(client: CriClient, log: Logger): Promise<void> {
  try {
    const { items } = await client.call('ListPodSandbox', { filter: {} }, 5000);
    const queue = items.map((item) => item.id);
    const worker = async (): Promise<void> => {
      for (let id = queue.pop(); id; id = queue.pop()) {
        await client.call('StopPodSandbox', { pod_sandbox_id: id }, 30_000);
        await client.call('RemovePodSandbox', { pod_sandbox_id: id }, 30_000);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
  } catch (error) {
    log.warn('could not stop every sandbox in order; they are killed', { error });
  }
}

function writeConfiguration(options: ContainerdOptions, paths: CriPaths, majorVersion: number, cniBinDir: string): boolean {
  for (const dir of [paths.root, paths.cni, paths.certs]) mkdirSync(dir, { recursive: true });
  mkdirSync(paths.runDir, { recursive: true, mode: 0o711 });
  const record: InstanceRecord = {
    instance: options.instance,
    runDir: paths.runDir,
    cgroupRoot: cgroupRootOf(options.instance),
    networks: options.nodes.map((node) => networkName(options.instance, node.name)),
  };
  writeFileSync(paths.instanceFile, JSON.stringify(record));
  for (const node of options.nodes) {
    const dir = join(paths.cni, node.name);
    mkdirSync(dir, { recursive: true });
    writeIfChanged(join(dir, '10-batuta.conflist'), cniConfig(options.instance, node, paths.cni));
  }
  const config = containerdConfig({ majorVersion, paths, nodes: options.nodes, cniBinDir, restrictOomScoreAdj: !hasCapSysResource() });
  return writeIfChanged(paths.config, config);
}
/** True when it was not the same before. */
function writeIfChanged(path: string, text: string): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return true;
}

async function ensureSandboxImage(client: CriClient, socket: string): Promise<void> {
  const { image } = await client.call('ImageStatus', { image: { image: sandboxImage } });
  if (image) return;
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    throw new RuntimeError('unavailable', `no sandbox image for the processor ${process.arch}: x64 and arm64 are supported`);
  await runCtrImport(socket, await sandboxImageArchive(process.arch));
}

/** The running daemon that the pid file names, if it is still that process. */
function readPidFile(paths: CriPaths): PidRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(paths.pidFile, 'utf8')) as PidRecord;
    const info = processInfo(record.pid);
    return info?.startTime === record.startTime && info.args.includes(paths.config) ? record : undefined;
  } catch {
    return undefined;
  }
}
function recordOf(child: ChildProcess): PidRecord | undefined {
  const info = child.pid === undefined ? undefined : processInfo(child.pid);
  return info && { pid: info.pid, startTime: info.startTime };
}
/** SIGTERM, then SIGKILL after ten seconds. */
export async function endProcess(target: PidRecord, clock: Clock): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!signalProcess(target, signal)) return;
    for (const end = clock.now() + 10_000; isAlive(target) && clock.now() < end;) await sleep(clock, 5);
  }
}

function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

const maxLogBytes = 16 << 20;
/** Keeps one old log file, so that logs do not grow for ever. */
function rotate(log: string): void {
  if (existsSync(log) && statSync(log).size > maxLogBytes) renameSync(log, `${log}.1`);
}
/** The last complaints written after `from`; without any, the last lines. */
function lastLines(log: string, from: number): string {
  const size = Math.min(statSync(log).size - from, 16_384);
  if (size <= 0) return '';
  const fd = openSync(log, 'r');
  try {
    const buffer = Buffer.alloc(size);
    readSync(fd, buffer, 0, size, statSync(log).size - size);
    const lines = buffer.toString('utf8').trimEnd().split('\n');
    const complaints = lines.filter((line) => /level=(?:warning|error|fatal)|^containerd: |panic/.test(line));
    return (complaints.length > 0 ? complaints : lines).slice(-8).join('\n') + '\n';
  } finally {
    closeSync(fd);
  }
}
