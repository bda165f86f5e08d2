/**
 * A quiet client beside a flood: p50 and p99 of its gets and creates without a flood, beside one with fairness, and
 * beside the same one with fairness off (--max-requests-inflight 0). The flood is another user's creates and lists,
 * 400 of them outstanding at any time.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { withCluster } from './lib.ts';
import type { Cluster } from '../test/harness.ts';

const seconds = 6;
const outstanding = 400;

interface Access {
  readonly token: string;
  readonly ca: string;
  readonly port: number;
}
interface Client extends Access {
  readonly agent: Agent;
}
interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  readonly flood: number;
  readonly refused: number;
}

async function account(cluster: Cluster, name: string): Promise<Access> {
  await cluster.kubectl('create', 'serviceaccount', name);
  await cluster.kubectl('create', 'clusterrolebinding', name, '--clusterrole=cluster-admin', `--serviceaccount=default:${name}`);
  const token = (await cluster.kubectl('create', 'token', name)).trim();
  const config = readFileSync(join(cluster.dir, 'kubeconfig'), 'utf8');
  const ca = Buffer.from(/certificate-authority-data: (\S+)/.exec(config)?.[1] ?? '', 'base64').toString();
  return { token, ca, port: cluster.kubePort };
}
function call({ agent, token, ca, port }: Client, method: string, path: string, body?: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { authorization: `Bearer ${token}`, ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': text.length }) };
    const sent = request({ host: '127.0.0.1', port, method, path, ca, agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(text);
  });
}
const configMap = (name: string): unknown => ({ metadata: { name }, data: { text: 'x'.repeat(1000) } });

/** In a thread of its own, so that the quiet client's figures are the server's. */
async function flood(access: Access): Promise<void> {
  const client = { ...access, agent: new Agent({ keepAlive: true, maxSockets: outstanding }) };
  const state = { over: false };
  let sent = 0;
  let refused = 0;
  parentPort?.once('message', () => (state.over = true));
  const streams = Array.from({ length: outstanding }, async (_, stream) => {
    for (let n = 0; !state.over; n++) {
      const list = stream % 10 === 0;
      const path = '/api/v1/namespaces/default/configmaps';
      const code = await call(client, list ? 'GET' : 'POST', list ? `${path}?limit=100` : path, list ? undefined : configMap(`flood-${stream}-${n}`));
      sent++;
      if (code !== 429) continue;
      refused++;
      await new Promise((resolve) => setTimeout(resolve, 1000)); // as it was told
    }
  });
  await Promise.all(streams);
  client.agent.destroy();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
  parentPort?.postMessage({ sent, refused });
}

async function measure(quiet: Client, floods: Access | undefined, run: string): Promise<Figures> {
  const worker = floods && new Worker(new URL(import.meta.url), { workerData: floods });
  if (worker) await new Promise((resolve) => setTimeout(resolve, 2000));
  const latencies: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let n = 0; performance.now() < end; n++) {
    const began = performance.now();
    if (n % 2 === 0) await call(quiet, 'GET', '/api/v1/namespaces/default/configmaps/kube-root-ca.crt');
    else await call(quiet, 'POST', '/api/v1/namespaces/default/configmaps', configMap(`quiet-${run}-${n}`));
    latencies.push(performance.now() - began);
  }
  const result = await new Promise<{ sent: number; refused: number }>((resolve, reject) => {
    if (!worker) return resolve({ sent: 0, refused: 0 });
    worker.once('message', resolve);
    worker.once('error', reject);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
    worker.postMessage('over');
  });
  latencies.sort((a, b) => a - b);
  const at = (p: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * p))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), requests: latencies.length, flood: result.sent, refused: result.refused };
}

async function both(seats: string): Promise<{ alone: Figures; beside: Figures }> {
  let result: { alone: Figures; beside: Figures } | undefined;
  await withCluster(['--runtime', 'sim', '--nodes', '0', '--max-requests-inflight', seats], async (cluster) => {
    const quiet = { ...(await account(cluster, 'quiet')), agent: new Agent({ keepAlive: true }) };
    const other = await account(cluster, 'flood');
    await measure(quiet, undefined, 'warm');
    const alone = await measure(quiet, undefined, 'alone');
    result = { alone, beside: await measure(quiet, other, 'beside') };
    quiet.agent.destroy();
  });
  return result as { alone: Figures; beside: Figures };
}

if (!isMainThread) await flood(workerData as Access);
else await compare();

async function compare(): Promise<void> {
  for (const seats of ['600', '0']) {
    const { alone, beside } = await both(seats);
    const show = (name: string, { p50, p99, requests, flood, refused }: Figures): void =>
      console.log(
        `${name.padEnd(34)} p50 ${p50.toFixed(1).padStart(7)} ms  p99 ${p99.toFixed(1).padStart(7)} ms  ${requests} requests; the flood ${flood}, refused ${refused}`,
      );
    console.log(seats === '0' ? 'without fairness' : 'with fairness');
    show('  quiet client alone', alone);
    show(`  beside ${outstanding} outstanding requests`, beside);
    console.log(`  ratio of p99: ${(beside.p99 / alone.p99).toFixed(1)}`);
  }
}
