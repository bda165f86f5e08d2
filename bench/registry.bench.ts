/** A layer pushed and pulled: against `cp` and `sha256sum` of the same bytes, and against Debian's docker-registry with the same client. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { background, eventually, freePort, run } from '../test/harness.ts';
import { median, report, residentMB, withCluster } from './lib.ts';

const megabytes = Number(process.env['BENCH_LAYER_MB'] ?? 512);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const SMALL = 400;

/** A file of random bytes and its digest. */
function layer(file: string, size: number): string {
  const hash = createHash('sha256');
  const fd = openSync(file, 'w');
  for (let i = 0; i < size; i++) {
    const chunk = randomBytes(1 << 20);
    hash.update(chunk);
    writeSync(fd, chunk);
  }
  // The disk is idle when the first one begins.
  fsyncSync(fd);
  closeSync(fd);
  return `sha256:${hash.digest('hex')}`;
}
function call(method: string, url: string, body?: string): Promise<{ status: number; location: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: body === undefined ? { 'content-length': 0 } : { 'transfer-encoding': 'chunked' } }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '' }));
    });
    sent.once('error', reject);
    if (body === undefined) sent.end();
    else pipeline(createReadStream(body, { highWaterMark: 1 << 20 }), sent).catch(reject);
  });
}
/** POST, one streamed PATCH, PUT: what docker and skopeo do. Gives seconds. */
async function push(base: string, repository: string, file: string, digest: string): Promise<number> {
  const began = performance.now();
  const at = (location: string): string => new URL(location, base).href;
  const begun = await call('POST', `${base}/v2/${repository}/blobs/uploads/`);
  const written = await call('PATCH', at(begun.location), file);
  const end = new URL(at(written.location));
  end.searchParams.set('digest', digest);
  const done = await call('PUT', end.href);
  if (done.status !== 201) throw new Error(`push: ${begun.status} ${written.status} ${done.status}`);
  return (performance.now() - began) / 1000;
}
/** Reads the answer into one buffer: a client that costs little shows what the server costs. */
async function pull(base: string, repository: string, digest: string): Promise<number> {
  const began = performance.now();
  const { hostname, port, host } = new URL(base);
  await new Promise<void>((resolve, reject) => {
    let head = '';
    let left = -1;
    const take = (count: number, buffer: Uint8Array): boolean => {
      if (left >= 0) left -= count;
      else {
        head += Buffer.from(buffer.buffer, buffer.byteOffset, count).toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return true;
        if (!head.startsWith('HTTP/1.1 200 ')) socket.destroy(new Error(head.slice(0, end)));
        left = Number(/^content-length: (\d+)/im.exec(head)?.[1]) - (head.length - end - 4);
      }
      if (left === 0) socket.destroy();
      return true;
    };
    const socket = connect({ host: hostname, port: Number(port), onread: { buffer: Buffer.allocUnsafeSlow(1 << 20), callback: take } });
    socket.once('error', reject);
    socket.once('close', () => (left === 0 ? resolve() : reject(new Error(`${left} bytes of the layer are missing`))));
    socket.write(`GET /v2/${repository}/blobs/${digest} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  });
  return (performance.now() - began) / 1000;
}
/** Many small blobs, four at a time, as of an image with many configs and attestations: pushes and pulls per second. */
async function small(base: string, repository: string): Promise<{ pushes: number; pulls: number }> {
  const blobs = Array.from({ length: SMALL }, (_v, i) => randomBytes(1024 + ((i * 7919) % 100_000)));
  const digests = blobs.map((blob) => `sha256:${createHash('sha256').update(blob).digest('hex')}`);
  const each = async (work: (i: number) => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < SMALL) await work(next++);
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    return SMALL / ((performance.now() - began) / 1000);
  };
  const agent = new Agent({ keepAlive: true });
  const ask = (method: string, url: string, body?: Buffer): Promise<{ status: number; location: string }> =>
    new Promise((resolve, reject) => {
      const sent = request(url, { method, agent, headers: { 'content-length': body?.length ?? 0 } }, (answer) => {
        answer.resume();
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '' }));
      });
      sent.once('error', reject);
      sent.end(body);
    });
  const pushes = await each(async (i) => {
    const begun = await ask('POST', `${base}/v2/${repository}/blobs/uploads/`);
    const end = new URL(begun.location, base);
    end.searchParams.set('digest', digests[i] as string);
    const done = await ask('PUT', end.href, blobs[i]);
    if (done.status !== 201) throw new Error(`push of a small blob: ${done.status}`);
  });
  const pulls = await each((i) => ask('GET', `${base}/v2/${repository}/blobs/${digests[i]}`));
  agent.destroy();
  return { pushes, pulls };
}
function seconds(program: string, args: readonly string[]): number {
  const began = performance.now();
  const result = spawnSync(program, args);
  if (result.status !== 0) throw new Error(`${program}: ${String(result.stderr)}`);
  return (performance.now() - began) / 1000;
}

await withCluster(['--runtime', 'sim', '--nodes', '0'], async (cluster) => {
  const status = JSON.parse((await cluster.batuta('status', '--json')).out) as { endpoints: { registry: string } };
  const ours = status.endpoints.registry;
  const dir = join(cluster.dir, 'bench');
  mkdirSync(dir);
  const file = join(dir, 'layer');
  const port = await freePort();
  writeFileSync(
    join(dir, 'config.yml'),
    `version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage: { filesystem: { rootdirectory: ${dir}/data } }\nhttp: { addr: "127.0.0.1:${port}" }\n`,
  );
  const theirs = `http://127.0.0.1:${port}`;
  const peer = spawnSync('docker-registry', ['--version']).error ? undefined : background('docker-registry', ['serve', join(dir, 'config.yml')]);
  try {
    if (peer) await eventually('docker-registry answers', async () => (await run('curl', ['-sf', `${theirs}/v2/`])).code === 0);
    const times: Record<'copy' | 'push' | 'pull' | 'peerPush' | 'peerPull', number[]> = { copy: [], push: [], pull: [], peerPush: [], peerPull: [] };
    for (let round = 0; round < rounds; round++) {
      const digest = layer(file, megabytes);
      const copy = join(dir, `copy${round}`);
      // Each of them writes a new file, and every time another one is the first to take memory that nobody had before.
      const turns = [
        async (): Promise<void> => void times.copy.push(seconds('cp', [file, copy]) + seconds('sync', [copy]) + seconds('sha256sum', [copy])),
        async (): Promise<void> => {
          times.push.push(await push(ours, `bench/r${round}`, file, digest));
          times.pull.push(await pull(ours, `bench/r${round}`, digest));
        },
        async (): Promise<void> => {
          if (!peer) return;
          times.peerPush.push(await push(theirs, `bench/r${round}`, file, digest));
          times.peerPull.push(await pull(theirs, `bench/r${round}`, digest));
        },
      ];
      for (let turn = 0; turn < turns.length; turn++) await turns[(round + turn) % turns.length]?.();
      rmSync(copy);
    }
    const speed = (all: readonly number[]): number => megabytes / median(all);
    report(`push of ${megabytes} MB`, speed(times.push), 'MB/s', { name: 'cp, sync, sha256sum', figure: speed(times.copy) }, '≥ 0.8×', true);
    report(`pull of ${megabytes} MB`, speed(times.pull), 'MB/s', { name: 'cp, sync, sha256sum', figure: speed(times.copy) }, '≥ 0.8×', true);
    if (peer) {
      report('push', speed(times.push), 'MB/s', { name: 'docker-registry', figure: speed(times.peerPush) }, '> 1×', true);
      report('pull', speed(times.pull), 'MB/s', { name: 'docker-registry', figure: speed(times.peerPull) }, '> 1×', true);
      const [mine, other] = [await small(ours, 'bench/small'), await small(theirs, 'bench/small')];
      report('pushes of small blobs, each of them flushed', mine.pushes, '/s', { name: 'docker-registry', figure: other.pushes }, '> 1×', true);
      report('pulls of small blobs', mine.pulls, '/s', { name: 'docker-registry', figure: other.pulls }, '> 1×', true);
    } else console.log('docker-registry is not installed: nothing to compare with');

    const before = residentMB(cluster.pid());
    const digest = layer(file, 2048);
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, residentMB(cluster.pid()))), 50);
    await push(ours, 'bench/large', file, digest);
    await pull(ours, 'bench/large', digest);
    clearInterval(watch);
    report('most memory while 2 GB go in and out', most, 'MB', { name: 'before', figure: before }, 'flat', false);
  } finally {
    await peer?.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
