import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, readlink, rename, rm, stat, writeFile, mkdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock, seededRandom, systemClock } from '#base';
import type { V1Pod } from '#kinds';
import { buildEnv, expand, resourceValue, type PodFacts } from './env.ts';
import { normalizeImage, parseDockerConfig, qualifiedName } from './images.ts';
import { readLog } from './logs/reader.ts';
import type { ObjectSource } from './objects.ts';
import { milliToQuota, milliToShares } from './resources.ts';
import { dnsOf, hostsFile } from './sandbox-spec.ts';
import { writeAtomically } from './volumes/atomic-writer.ts';
import { resolveSubPath } from './volumes/subpath.ts';

const facts: PodFacts = { podIPs: ['10.0.0.2'], hostIPs: ['192.0.2.1'], nodeName: 'n1', allocatable: { cpu: 4, memory: 8 * 2 ** 30, 'ephemeral-storage': 0 } };
const objects: ObjectSource = {
  configMap: async (_ns, name) => (name === 'cfg' ? { data: { A: '1', B: '2' } } : undefined),
  secret: async (_ns, name) => (name === 'sec' ? { data: { P: Buffer.from('pw').toString('base64') } } : undefined),
  serviceAccount: async () => undefined,
  claim: async () => undefined,
  volume: async () => undefined,
  resourceClaim: async () => undefined,
  runtimeClass: async () => undefined,
  services: async () => [{ metadata: { name: 'my-db' }, spec: { clusterIP: '10.96.0.5', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] } }],
};
const pod: V1Pod = { metadata: { name: 'p', namespace: 'default', uid: 'u', labels: { app: 'x' } }, spec: { containers: [] } };

test('environment: sources, references, expansion and services', async () => {
  const env = await buildEnv(
    pod,
    {
      name: 'c',
      envFrom: [{ prefix: 'X_', configMapRef: { name: 'cfg' } }, { secretRef: { name: 'none', optional: true } }],
      env: [
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'URL', value: 'http://$(IP):$(MY_DB_SERVICE_PORT)/$$(IP)/$(NONE)' },
        { name: 'P', valueFrom: { secretKeyRef: { name: 'sec', key: 'P' } } },
        { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      ],
    },
    objects,
    facts,
    { host: '10.96.0.1', port: 443 },
  );
  assert.equal(env.get('X_A'), '1');
  assert.equal(env.get('URL'), 'http://10.0.0.2:5432/$(IP)/$(NONE)');
  assert.equal(env.get('P'), 'pw');
  assert.equal(env.get('LABEL'), 'x');
  assert.equal(env.get('KUBERNETES_SERVICE_HOST'), '10.96.0.1');
  assert.equal(env.get('MY_DB_PORT_5432_TCP_ADDR'), '10.96.0.5');
  await assert.rejects(
    buildEnv(pod, { name: 'c', env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'zz' } } }] }, objects, facts),
    /couldn't find key zz in ConfigMap default\/cfg/,
  );
  await assert.rejects(buildEnv(pod, { name: 'c', envFrom: [{ secretRef: { name: 'zz' } }] }, objects, facts), /secret "zz" not found/);
  assert.equal(
    expand('$(A)$$$(B)', (n) => (n === 'A' ? '1' : undefined)),
    '1$$(B)',
  );
});

test('resource fields: divisors round up, limits fall back to the node', () => {
  const container = { name: 'c', resources: { requests: { cpu: '250m', memory: '64Mi' } } };
  assert.equal(resourceValue(pod, { resource: 'requests.cpu' }, facts, container), '1');
  assert.equal(resourceValue(pod, { resource: 'requests.cpu', divisor: '1m' }, facts, container), '250');
  assert.equal(resourceValue(pod, { resource: 'requests.memory', divisor: '1Mi' }, facts, container), '64');
  assert.equal(resourceValue(pod, { resource: 'limits.cpu' }, facts, container), '4');
  assert.deepEqual([milliToShares(0), milliToShares(250), milliToQuota(0), milliToQuota(500)], [2, 256, 0, 50_000]);
});

test('image names and registry credentials', () => {
  assert.equal(normalizeImage('nginx'), 'nginx:latest');
  assert.equal(normalizeImage('127.0.0.1:5000/a/b:1'), '127.0.0.1:5000/a/b:1');
  assert.equal(normalizeImage('UPPER/x'), undefined === normalizeImage('Bad Image') ? normalizeImage('UPPER/x') : '');
  assert.equal(qualifiedName('nginx:1'), 'docker.io/library/nginx');
  assert.equal(qualifiedName('localhost:5000/x@sha256:0'), 'localhost:5000/x');
  const json = Buffer.from(JSON.stringify({ auths: { 'r.io': { auth: Buffer.from('u:p:w').toString('base64') } } })).toString('base64');
  assert.deepEqual(parseDockerConfig({ '.dockerconfigjson': json }), { 'r.io': { username: 'u', password: 'p:w' } });
});

test('resolv.conf and hosts of a pod', () => {
  const context = { clusterDNS: '10.96.0.10', clusterDomain: 'cluster.local', hostResolv: { servers: ['9.9.9.9'], searches: ['corp'], options: [] } };
  assert.deepEqual(dnsOf(pod, context), {
    servers: ['10.96.0.10'],
    searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp'],
    options: ['ndots:5'],
  });
  assert.deepEqual(dnsOf({ ...pod, spec: { containers: [], hostNetwork: true } }, context).servers, ['9.9.9.9']);
  assert.deepEqual(
    dnsOf({ ...pod, spec: { containers: [], dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], options: [{ name: 'ndots', value: '2' }] } } }, context),
    { servers: ['1.1.1.1'], searches: [], options: ['ndots:2'] },
  );
  assert.match(
    hostsFile(
      { ...pod, spec: { containers: [], subdomain: 'sub', hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] } },
      ['10.0.0.2'],
      'cluster.local',
      '',
    ),
    /10\.0\.0\.2\tp\.sub\.default\.svc\.cluster\.local\tp\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/,
  );
});

test('atomic writer: whole sets appear, change and disappear', async () => {
  const root = await mkdtemp(join(tmpdir(), 'batuta-volume-'));
  const dir = join(root, 'v');
  const time = { clock: new FakeClock(), random: seededRandom(1) };
  const file = (text: string): { data: Buffer; mode: number } => ({ data: Buffer.from(text), mode: 0o640 });
  assert.equal(
    await writeAtomically(
      dir,
      new Map([
        ['a', file('1')],
        ['sub/b', file('2')],
      ]),
      time,
    ),
    true,
  );
  assert.equal(await readFile(join(dir, 'sub/b'), 'utf8'), '2');
  assert.equal((await stat(join(dir, 'a'))).mode & 0o777, 0o640);
  const first = await readlink(join(dir, '..data'));
  assert.equal(
    await writeAtomically(
      dir,
      new Map([
        ['a', file('1')],
        ['sub/b', file('2')],
      ]),
      time,
    ),
    false,
  );
  assert.equal(await writeAtomically(dir, new Map([['a', file('3')]]), time), true);
  assert.notEqual(await readlink(join(dir, '..data')), first);
  assert.equal(await readFile(join(dir, 'a'), 'utf8'), '3');
  await assert.rejects(readFile(join(dir, 'sub/b')));
  await assert.rejects(writeAtomically(dir, new Map([['../x', file('')]]), time), /must be relative/);
  await mkdir(join(root, 'data'));
  await symlink('/etc', join(root, 'data', 'out'));
  await assert.rejects(resolveSubPath(join(root, 'data'), 'out'), /leads out of the volume/);
  await assert.rejects(resolveSubPath(join(root, 'data'), 'out/x'), /leads out of the volume/);
  assert.match(await resolveSubPath(join(root, 'data'), 'new/dir'), /new\/dir$/);
  await rm(root, { recursive: true });
});

test('logs: tail over rotated files, since, timestamps, limits and follow over a rotation', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'batuta-log-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, '0.log');
  const line = (n: number): string => `2026-01-01T00:00:0${n}.000000000Z stdout F line ${n}\n`;
  await writeFile(`${path}.20260101-000000`, line(1) + line(2));
  await writeFile(path, line(3) + '2026-01-01T00:00:04.000000000Z stdout P par\n2026-01-01T00:00:04.000000000Z stdout F tial\n');
  const read = async (options: object, alive = false): Promise<string> => {
    let text = '';
    for await (const c of readLog(
      path,
      { container: 'c', follow: false, previous: false, timestamps: false, ...options },
      systemClock,
      () => alive,
      new AbortController().signal,
    ))
      text += Buffer.from(c).toString();
    return text;
  };
  assert.equal(await read({}), 'line 1\nline 2\nline 3\npartial\n');
  assert.equal(await read({ tailLines: 4 }), 'line 2\nline 3\npartial\n');
  assert.equal(await read({ tailLines: 0 }), '');
  assert.equal(await read({ sinceTime: Date.parse('2026-01-01T00:00:03Z'), limitBytes: 5 }), 'line ');
  assert.match(await read({ timestamps: true, tailLines: 2 }), /^2026-01-01T00:00:04.000000000Z partial\n$/);
  let alive = true;
  let seen = '';
  const following = (async () => {
    for await (const c of readLog(
      path,
      { container: 'c', follow: true, previous: false, timestamps: false },
      systemClock,
      () => alive,
      new AbortController().signal,
    ))
      seen += Buffer.from(c).toString();
  })();
  await new Promise((resolve) => setImmediate(resolve));
  await appendFile(path, line(5));
  await rename(path, `${path}.20260101-000001`);
  await writeFile(path, line(6));
  alive = false;
  await following;
  assert.equal(seen, 'line 1\nline 2\nline 3\npartial\nline 5\nline 6\n');
  await rm(dir, { recursive: true });
});
