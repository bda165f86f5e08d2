import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createCluster, destroy, eventually, root, type Cluster } from './harness.ts';

interface Made {
  id: string;
  objects: number;
  blobs: number;
  sent: { chunks: number; bytes: number };
}

describe('backups', () => {
  const folder = mkdtempSync(join(tmpdir(), 'batuta-backups-'));
  const key = join(folder, 'key');
  const target = ['--to', join(folder, 'target'), '--key-file', key];
  let cluster: Cluster;

  before(async () => {
    writeFileSync(key, randomBytes(32).toString('hex'));
    cluster = await createCluster();
    await cluster.up('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
  });
  after(async () => {
    await destroy(cluster);
    rmSync(folder, { recursive: true, force: true });
  });

  async function backup<T>(...args: string[]): Promise<T> {
    const { code, out, err } = await cluster.batuta('backup', ...args, ...target, '--json');
    assert.equal(code, 0, `backup ${args.join(' ')}: ${err}${out}`);
    return JSON.parse(out) as T;
  }
  async function registry(): Promise<string> {
    const { out } = await cluster.batuta('status', '--json');
    return (JSON.parse(out) as { endpoints: { registry: string } }).endpoints.registry;
  }
  /** Pushes an image of one layer. */
  async function push(repository: string, layer: Buffer): Promise<void> {
    const base = `${await registry()}/v2/${repository}`;
    const config = Buffer.from('{}');
    const described = [];
    for (const content of [config, layer]) {
      const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
      const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
      const location = new URL(begun.headers.get('location') ?? '', base);
      location.searchParams.set('digest', digest);
      const put = await fetch(location, { method: 'PUT', body: new Uint8Array(content), headers: { 'content-type': 'application/octet-stream' } });
      assert.equal(put.status, 201, await put.text());
      described.push({ mediaType: 'application/octet-stream', digest, size: content.length });
    }
    const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config: described[0], layers: [described[1]] };
    const put = await fetch(`${base}/manifests/v1`, { method: 'PUT', body: JSON.stringify(manifest), headers: { 'content-type': manifest.mediaType } });
    assert.equal(put.status, 201, await put.text());
  }
  async function pulls(repository: string, layer: Buffer): Promise<boolean> {
    const digest = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
    const manifest = await fetch(`${await registry()}/v2/${repository}/manifests/v1`, { headers: { accept: '*/*' } });
    await manifest.arrayBuffer();
    if (manifest.status !== 200) return false;
    const blob = await fetch(`${await registry()}/v2/${repository}/blobs/${digest}`);
    return blob.status === 200 && Buffer.from(await blob.arrayBuffer()).equals(layer);
  }

  const layer = randomBytes(3 << 20);
  let first: Made;
  let uid: string;

  test('state and registry go to a folder, encrypted; the second backup sends what changed', async () => {
    await cluster.kubectl('create', 'namespace', 'shop');
    await cluster.kubectl('-n', 'shop', 'create', 'deployment', 'web', '--image=nginx', '--replicas=2');
    await cluster.kubectl('-n', 'shop', 'create', 'secret', 'generic', 'card', '--from-literal=number=4711');
    await cluster.kubectl('-n', 'shop', 'wait', '--for=condition=Available', 'deployment/web', '--timeout=120s');
    await push('team/app', layer);
    uid = await cluster.kubectl('-n', 'shop', 'get', 'deployment', 'web', '-o', 'jsonpath={.metadata.uid}');
    first = await backup<Made>('create');
    assert.equal(first.blobs, 2);
    const second = await backup<Made>('create');
    assert.ok(second.sent.bytes < first.sent.bytes / 10, `${second.sent.bytes} of ${first.sent.bytes}`);
    const listed = await backup<{ backups: { id: string }[] }>('list');
    assert.deepEqual(
      listed.backups.map((b) => b.id),
      [second.id, first.id],
    );
    assert.deepEqual((await backup<{ problems: string[] }>('verify', first.id)).problems, []);
    const refused = await cluster.batuta('backup', 'verify', '--to', join(folder, 'target'));
    assert.equal(refused.code, 1);
    assert.match(refused.err, /are encrypted: give --key-file/);
  });

  test('a running instance goes back to what it was, and watchers see it', async () => {
    await cluster.kubectl('delete', 'namespace', 'shop', '--wait=true');
    await cluster.kubectl('create', 'configmap', 'later', '--from-literal=a=b');
    await push('team/later', Buffer.from('later'));
    const watch = spawn('kubectl', ['get', 'configmaps', '-A', '--watch-only', '--output-watch-events'], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    });
    const closed = new Promise((resolve) => watch.once('close', resolve));
    let seen = '';
    watch.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    try {
      // The watch is open once it has seen something.
      let n = 0;
      await eventually('the watch is open', async () => {
        await cluster.kubectl('annotate', '--overwrite', 'configmap', 'later', `n=${n++}`);
        return seen.includes('later');
      });
      await backup('restore', first.id);
      await eventually('the watcher saw the deletion', async () => /DELETED\s+default\s+later/.test(seen));
    } finally {
      watch.kill();
      await closed;
    }
    assert.equal(await cluster.kubectl('-n', 'shop', 'get', 'deployment', 'web', '-o', 'jsonpath={.metadata.uid}'), uid);
    await cluster.kubectl('-n', 'shop', 'wait', '--for=condition=Available', 'deployment/web', '--timeout=120s');
    assert.equal(await cluster.kubectl('-n', 'shop', 'get', 'secret', 'card', '-o', 'jsonpath={.data.number}'), Buffer.from('4711').toString('base64'));
    assert.equal((await cluster.tryKubectl(['get', 'configmap', 'later'])).code, 1);
    assert.ok(await pulls('team/app', layer));
    assert.equal((await fetch(`${await registry()}/v2/team/later/tags/list`)).status, 404);
    // New writes go on from there.
    await cluster.kubectl('-n', 'shop', 'scale', 'deployment', 'web', '--replicas=1');
    await cluster.kubectl('-n', 'shop', 'wait', '--for=jsonpath={.status.replicas}=1', 'deployment/web', '--timeout=120s');
  });

  test('kill -9 in the middle of a backup and of a restore: the one is not there, the other is brought to its end', async () => {
    await push('team/big', randomBytes(48 << 20));
    const chunks = (): number => (existsSync(join(folder, 'target/chunks')) ? readdirSync(join(folder, 'target/chunks'), { recursive: true }).length : 0);
    const before = chunks();
    const cut = cluster.batuta('backup', 'create', ...target);
    await eventually('the backup has begun', async () => chunks() > before);
    process.kill(cluster.pid(), 'SIGKILL');
    assert.equal((await cut).code, 1);
    const { backups } = await backup<{ backups: { id: string }[] }>('list');
    assert.ok(backups.some((b) => b.id === first.id));
    await cluster.up('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
    const whole = await backup<Made>('create');
    assert.deepEqual((await backup<{ problems: string[] }>('verify', whole.id)).problems, []);

    await cluster.kubectl('delete', 'namespace', 'shop', '--wait=true');
    const plan = join(cluster.dir, 'restore');
    // Told by the system: on a quick machine the plan is there and gone between two looks.
    const watcher = watch(cluster.dir);
    const begun = new Promise<void>((resolve) => watcher.on('change', () => existsSync(plan) && resolve()));
    const restoring = cluster.batuta('backup', 'restore', first.id, ...target);
    await Promise.race([begun, restoring]);
    watcher.close();
    process.kill(cluster.pid(), 'SIGKILL');
    await restoring;
    await cluster.up('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
    // Either it was cut off before anything was decided, or it is done: never half.
    const there = (await cluster.tryKubectl(['-n', 'shop', 'get', 'deployment', 'web'])).code === 0;
    const secret = (await cluster.tryKubectl(['-n', 'shop', 'get', 'secret', 'card'])).code === 0;
    assert.equal(there, secret);
    assert.equal(existsSync(join(plan, 'plan.json')), false);
    await backup('restore', first.id);
    assert.ok(await pulls('team/app', layer));
  });

  test('a data directory that never ran takes a backup, and starts with it', async () => {
    const other = await createCluster();
    try {
      const restored = await other.batuta('backup', 'restore', first.id, ...target);
      assert.equal(restored.code, 0, restored.err);
      await other.up('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
      assert.equal(await other.kubectl('-n', 'shop', 'get', 'deployment', 'web', '-o', 'jsonpath={.metadata.uid}'), uid);
      await other.kubectl('-n', 'shop', 'wait', '--for=condition=Available', 'deployment/web', '--timeout=120s');
    } finally {
      await destroy(other);
    }
  });

  test('a schedule makes backups and prunes them; it keeps no key', async () => {
    const scheduled = await cluster.batuta('backup', 'schedule', '--every', '1h', '--keep-last', '1', ...target);
    assert.equal(scheduled.code, 0, scheduled.err);
    await eventually('the first one is made and the others are pruned', async () => {
      const { backups } = await backup<{ backups: { id: string }[] }>('list');
      return backups.length === 1 && backups[0]?.id !== first.id;
    });
    const file = join(cluster.dir, 'backup-schedule.json');
    assert.equal(statSync(file).mode & 0o077, 0);
    const off = await cluster.batuta('backup', 'schedule', '--off');
    assert.equal(off.code, 0, off.err);
    assert.equal(existsSync(file), false);
  });

  test('what goes wrong is one line', async () => {
    for (const [args, words] of [
      [['restore', 'nothing'], /there is no backup nothing/],
      [['verify', '--to', join(folder, 'empty')], /there are no backups here/],
      [['create', '--key-file', join(root, 'package.json')], /a key has 32 bytes/],
    ] as const) {
      const { code, err } = await cluster.batuta('backup', ...args, ...(args.some((a) => a.startsWith('--')) ? [] : target));
      assert.equal(code, 1);
      assert.match(err, words);
      assert.equal(err.trim().split('\n').length, 1, err);
    }
    assert.equal((await cluster.batuta('backup', 'nonsense')).code, 2);
    assert.equal((await cluster.batuta('backup', 'create', '--to', 'ftp://x')).code, 2);
  });
});
