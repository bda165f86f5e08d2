import { createReadStream, existsSync, readFileSync, statSync, watch } from 'node:fs';
import { resolve } from 'node:path';
import type { ChaosAnswer, ChaosRequest, Experiment } from './chaos.ts';
import { callControl } from './control.ts';
import { UserError } from './errors.ts';
import { readRecord, resolvePaths, runningPid, type PathOptions, type Paths } from './paths.ts';
import type { WhyReport, WhyTarget } from './why.ts';
import { hostChecks, portCheck, type Check } from './preflight.ts';

/** `status --json`. Endpoints that this version does not serve are null. */
export interface Status {
  pid: number;
  ready: boolean;
  version: string;
  dataDir: string;
  endpoints: { kubernetes: string; aws: string | null; registry: string | null; dashboard: string | null; loadBalancers: Record<string, string> };
  nodes: { name: string; ready: boolean; runtime: string }[];
  components: { name: string; ready: boolean; message?: string }[];
}

function running(options: PathOptions): Paths {
  const paths = resolvePaths(options);
  if (runningPid(readRecord(paths)) === undefined) throw new UserError(`no instance runs in ${paths.data}: start one with bin/batuta up`);
  return paths;
}

async function ask<T>(paths: Paths, command: string, body?: unknown): Promise<T> {
  const answer = await callControl<T>(paths.control, command, body);
  if (answer === undefined) throw new UserError('the instance is starting or stopping: try again in a moment');
  return answer;
}

export async function fetchStatus(options: PathOptions): Promise<Status> {
  return ask<Status>(running(options), 'status');
}

export function readKubeconfig(options: PathOptions): string {
  const paths = resolvePaths(options);
  if (!existsSync(paths.kubeconfig)) throw new UserError(`no instance has run in ${paths.data}: start one with bin/batuta up`);
  return readFileSync(paths.kubeconfig, 'utf8');
}

/** The variables that `env` exports. */
export async function instanceEnvironment(options: PathOptions): Promise<Record<string, string>> {
  const paths = resolvePaths(options);
  readKubeconfig(options);
  const record = readRecord(paths);
  return {
    KUBECONFIG: paths.kubeconfig,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${record?.awsPort ?? 4566}`,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    // What boto3 and the first version of the aws CLI read.
    AWS_DEFAULT_REGION: 'us-east-1',
  };
}

export async function importImages(options: PathOptions, file: string): Promise<string[]> {
  const path = resolve(file);
  if (!existsSync(path) || !statSync(path).isFile()) throw new UserError(`${file}: no such file`);
  const answer = await ask<{ images: string[] }>(running(options), 'image-import', { path });
  return answer.images;
}

export function chaosStart(options: PathOptions, request: ChaosRequest): Promise<ChaosAnswer> {
  return ask<ChaosAnswer>(running(options), 'chaos-start', request);
}
/** Heals one node, or ends all experiments and heals everything. */
export async function chaosHeal(options: PathOptions, node: string | undefined): Promise<string[]> {
  const { healed } = await ask<{ healed: string[] }>(running(options), 'chaos-heal', { node });
  return healed;
}
export function chaosList(options: PathOptions): Promise<{ experiments: Experiment[]; broken: { node: string; state: string }[] }> {
  return ask(running(options), 'chaos-list');
}

export interface ListedImage {
  id: string;
  tags: string[];
  sizeBytes: number;
}
export function listImages(options: PathOptions): Promise<ListedImage[]> {
  return ask<ListedImage[]>(running(options), 'image-list');
}

export interface AwsCoverage {
  service: string;
  implemented: string[];
  missing: string[];
}
/** Which AWS actions a running instance has. */
export function awsCoverage(options: PathOptions): Promise<AwsCoverage[]> {
  return ask<AwsCoverage[]>(running(options), 'aws-coverage');
}
/** The lines of ~/.aws/config and ~/.aws/credentials that make a profile of an instance. */
export async function awsProfile(options: PathOptions, name: string): Promise<string> {
  const { AWS_ENDPOINT_URL: url, AWS_REGION: region, AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = await instanceEnvironment(options);
  return `[profile ${name}]\nregion = ${region}\nendpoint_url = ${url}\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`;
}

export interface GivenBack {
  uploads: number;
  links: number;
  blobs: number;
}
/** Takes away what the registry keeps and nothing has needed for so long, ms; default a day. */
export function collectRegistry(options: PathOptions, unusedMs?: number): Promise<GivenBack> {
  return ask<GivenBack>(running(options), 'registry-collect', { unusedMs });
}

/** Deletes all state of the AWS APIs. */
export async function resetAws(options: PathOptions): Promise<void> {
  await ask(running(options), 'aws-reset');
}

/** Says what keeps an object from being what it should be. */
export function fetchWhy(options: PathOptions, target: WhyTarget): Promise<WhyReport> {
  return ask<WhyReport>(running(options), 'why', target);
}

/** Checks of the host and of this instance's port. */
export async function diagnose(options: PathOptions): Promise<Check[]> {
  const record = readRecord(resolvePaths(options));
  const ours = runningPid(record) !== undefined;
  const port = record?.kubePort ?? 6443;
  return [
    ...hostChecks(),
    ours
      ? { name: `port ${port}`, ok: true, level: 'fatal', detail: 'held by this instance' }
      : await portCheck(port, record?.listen ?? '127.0.0.1', '--kube-port'),
  ];
}

/** Prints the last lines of the log of a detached instance, or of its AWS calls or events, and, with `follow`, what is added until interrupted. */
export async function followLog(
  options: PathOptions,
  how: { follow: boolean; tail: number; what?: 'log' | 'audit' | 'events'; write: (chunk: Buffer | string) => void },
): Promise<void> {
  const paths = resolvePaths(options);
  const { what = 'log' } = how;
  const log = { log: paths.log, audit: paths.awsAudit, events: paths.awsEvents }[what];
  if (what !== 'log' && !existsSync(log))
    throw new UserError(`${log} does not exist: no AWS ${what === 'audit' ? 'call was made' : 'service told of anything'} yet`);
  if (!existsSync(log)) throw new UserError(`${log} does not exist: only detached instances write it (bin/batuta up --detach)`);
  const whole = readFileSync(log, 'utf8');
  const lines = whole.split('\n');
  how.write(lines.slice(Math.max(0, lines.length - 1 - how.tail)).join('\n'));
  if (!how.follow) return;
  let at = Buffer.byteLength(whole);
  await new Promise<void>((done) => {
    const watcher = watch(log, () => {
      const size = statSync(log).size;
      if (size <= at) return;
      const stream = createReadStream(log, { start: at, end: size - 1 });
      at = size;
      stream.on('data', how.write);
    });
    process.once('SIGINT', () => {
      watcher.close();
      done();
    });
  });
}
