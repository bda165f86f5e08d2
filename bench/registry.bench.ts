/** A layer pushed and pulled: against `cp` and `sha256sum` of the same bytes, and against Debian's docker-registry with the same client. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, createReadStream, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { background, eventually, freePort, run } from '../test/harness.ts';
import { median, report, residentMB, withCluster } from './lib.ts';

const megabytes = Number(process.env['BENCH_LAYER_MB'] ?? 512);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);

/** A file of random bytes and its digest. */
function layer(file: string, size: number): string {
  const hash = createHash('sha256');
  const fd = openSync(file, 'w');
  for (let i = 0; i < size; i++) {
    const chunk = randomBytes(1 << 20);
    hash.update(chunk);
    writeSync(fd, chunk);
  }
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
async function pull(base: string, repository: string, digest: string): Promise<number> {
  const began = performance.now();
  await new Promise<void>((resolve, reject) => {
    request(`${base}/v2/${repository}/blobs/${digest}`, (answer) => {
      const nowhere = new Writable({ highWaterMark: 1 << 20, write: (_chunk, _encoding, done) => done() });
      pipeline(answer, nowhere).then(resolve, reject);
    })
      .once('error', reject)
      .end();
  });
  return (performance.now() - began) / 1000;
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
      times.copy.push(seconds('cp', [file, join(dir, 'copy')]) + seconds('sync', [join(dir, 'copy')]) + seconds('sha256sum', [join(dir, 'copy')]));
      times.push.push(await push(ours, `bench/r${round}`, file, digest));
      times.pull.push(await pull(ours, `bench/r${round}`, digest));
      if (!peer) continue;
      times.peerPush.push(await push(theirs, `bench/r${round}`, file, digest));
      times.peerPull.push(await pull(theirs, `bench/r${round}`, digest));
    }
    const speed = (all: readonly number[]): number => megabytes / median(all);
    report(`push of ${megabytes} MB`, speed(times.push), 'MB/s', { name: 'cp, sync, sha256sum', figure: speed(times.copy) }, '≥ 0.8×', true);
    report(`pull of ${megabytes} MB`, speed(times.pull), 'MB/s', { name: 'cp, sync, sha256sum', figure: speed(times.copy) }, '≥ 0.8×', true);
    if (peer) {
      report('push', speed(times.push), 'MB/s', { name: 'docker-registry', figure: speed(times.peerPush) }, '> 1×', true);
      report('pull', speed(times.pull), 'MB/s', { name: 'docker-registry', figure: speed(times.peerPull) }, '> 1×', true);
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
