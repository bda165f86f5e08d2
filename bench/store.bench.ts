/**
 * The durable store: writes/s at several concurrencies with 3 KB values against a plain loop of one
 * transaction per write on the same disk, the stall of writers during a compaction, and the time to open.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { aesGcm, encryptedStore, openSqliteStore, type EmbeddedStore } from '#store';

const VALUE = new Uint8Array(3_072).fill(0x61);
const openMode = process.argv[2] === '--open';
const directory = openMode ? '' : mkdtempSync(join(process.env['BATUTA_BENCH_DIR'] ?? tmpdir(), 'batuta-store-'));
const line = (text: string): void => void process.stdout.write(`${text}\n`);
const percentile = (sorted: Float64Array, p: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;

/** One transaction per write, in this thread: what a program without group commit gets. */
function naive(seconds: number): number {
  const db = new DatabaseSync(join(directory, 'naive.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB, revision INTEGER)');
  const insert = db.prepare('INSERT INTO kv VALUES (?, ?, ?)');
  const start = performance.now();
  let writes = 0;
  while (performance.now() - start < seconds * 1_000) {
    writes++;
    db.exec('BEGIN IMMEDIATE');
    insert.run(`/registry/pods/default/pod-${writes}`, VALUE, writes);
    db.exec('COMMIT');
  }
  const rate = writes / ((performance.now() - start) / 1_000);
  db.close();
  return rate;
}

interface Load {
  rate: number;
  latencies: Float64Array;
  cpuMicros: number;
  delayMs: number;
}

/** `concurrency` clients commit one after the other until the time is over. `key` names the n-th write. */
async function load(store: EmbeddedStore, concurrency: number, seconds: number, key: (n: number) => string): Promise<Load> {
  const latencies: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.threadCpuUsage();
  const start = performance.now();
  const end = start + seconds * 1_000;
  let next = 0;
  const client = async (): Promise<void> => {
    for (let now = performance.now(); now < end;) {
      await store.commit([{ key: key(next++), value: VALUE }]);
      const after = performance.now();
      latencies.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  const rate = latencies.length / ((performance.now() - start) / 1_000);
  const used = process.threadCpuUsage(cpu);
  delay.disable();
  return { rate, latencies: Float64Array.from(latencies).sort(), cpuMicros: (used.user + used.system) / latencies.length, delayMs: delay.percentile(99) / 1e6 };
}

async function writes(): Promise<void> {
  const base = naive(1.5);
  line(`naive: one transaction per write, FULL       ${base.toFixed(0).padStart(7)} writes/s`);
  for (const concurrency of [1, 32, 256]) {
    const store = await openSqliteStore({ file: join(directory, `writes-${concurrency}.db`) });
    const { rate, latencies, cpuMicros, delayMs } = await load(store, concurrency, 2, (n) => `/registry/pods/default/pod-${n}`);
    const p99 = percentile(latencies, 0.99).toFixed(1);
    line(
      `store, concurrency ${String(concurrency).padStart(3)}                       ${rate.toFixed(0).padStart(7)} writes/s  ${(rate / base).toFixed(1)} × naive  p99 ${p99} ms  loop delay p99 ${delayMs.toFixed(1)} ms  main thread ${cpuMicros.toFixed(0)} µs/write`,
    );
    await store.close();
    rmSync(join(directory, `writes-${concurrency}.db`));
  }
  const plain = await openSqliteStore({ file: join(directory, 'encrypted.db') });
  const aes = aesGcm({ name: 'key1', secret: Buffer.alloc(32, 1) });
  const store = encryptedStore(plain, [{ prefix: '/', transformers: [aes] }]);
  const { rate, latencies, cpuMicros } = await load(store, 32, 2, (n) => `/registry/core/secrets/default/s-${n}`);
  line(
    `store, concurrency  32, AES-256-GCM          ${rate.toFixed(0).padStart(7)} writes/s  ${(rate / base).toFixed(1)} × naive  p99 ${percentile(latencies, 0.99).toFixed(1)} ms  main thread ${cpuMicros.toFixed(0)} µs/write`,
  );
  await store.close();
  rmSync(join(directory, 'encrypted.db'));
}

async function compaction(): Promise<void> {
  const file = join(directory, 'compaction.db');
  const store = await openSqliteStore({ file });
  await load(store, 256, 1.5, (n) => `/registry/leases/kube-node-lease/node-${n % 1_000}`);
  const { revision, historyEvents } = store.figures();
  const quiet = await load(store, 8, 1, (n) => `/registry/leases/kube-node-lease/node-${n % 1_000}`);
  const before = statSync(file).size;
  const start = performance.now();
  let took = 0;
  const compacting = store.compact(revision).then(() => void (took = performance.now() - start));
  const during = await load(store, 8, 1, (n) => `/registry/leases/kube-node-lease/node-${n % 1_000}`);
  await compacting;
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  line(`compaction of ${historyEvents} events under writes: took ${took.toFixed(0)} ms, file ${mib(before)} → ${mib(statSync(file).size)}`);
  line(
    `  writers' p99 / max: quiet ${percentile(quiet.latencies, 0.99).toFixed(1)} / ${percentile(quiet.latencies, 1).toFixed(1)} ms, during ${percentile(during.latencies, 0.99).toFixed(1)} / ${percentile(during.latencies, 1).toFixed(1)} ms (aim: p99 < 20)`,
  );
  await store.close();
}

async function opening(): Promise<void> {
  const file = join(directory, 'open.db');
  const store = await openSqliteStore({ file });
  for (let i = 0; i < 100_000; i += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => store.commit([{ key: `/registry/pods/ns-${(i + n) % 100}/pod-${i + n}`, value: VALUE }])));
  }
  await store.compact(store.figures().revision);
  await store.close();
  // In a process of its own, as a start is: without the garbage of the runs above.
  const child = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), '--open', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (child.status !== 0) throw new Error('opening failed');
}

async function openOnly(file: string): Promise<void> {
  const start = performance.now();
  const store = await openSqliteStore({ file });
  const opened = performance.now() - start;
  const list = performance.now();
  const { entries } = await store.list('/registry/pods/');
  const listed = performance.now() - list;
  line(`open with ${entries.length} objects of 3 KB              ${opened.toFixed(0).padStart(7)} ms (aim: < 1,000), list all ${listed.toFixed(1)} ms`);
  await store.close();
}

const argument = process.argv[3];
if (openMode && argument !== undefined) await openOnly(argument);
else await all();

async function all(): Promise<void> {
  const steps = [writes, compaction, opening];
  try {
    for (const step of steps) await step();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
