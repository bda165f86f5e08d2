import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, settle, silentLogger } from '#base';
import { RuntimeError } from '../runtime.ts';
import { CriError, decodeTaskEvent, type CriClient, type TaskEvent } from './client.ts';
import { cniConfig, containerdConfig, criPaths, type ConfigOptions } from './config.ts';
import { runtimeError } from './errors.ts';
import { TaskEvents } from './events.ts';
import { normalizeReference } from './images.ts';
import { pauseExecutable, sandboxImageArchive } from './sandbox-image.ts';

const config: ConfigOptions = {
  majorVersion: 1,
  paths: criPaths('/data/containerd', '/run/b'),
  nodes: [
    { name: 'node1', podCIDR: '10.244.1.0/24' },
    { name: 'node2', podCIDR: '10.244.2.0/24' },
  ],
  cniBinDir: '/usr/lib/cni',
  restrictOomScoreAdj: true,
};

test('config.toml: version 2 for containerd 1.x, a runtime handler per node', () => {
  const text = containerdConfig(config);
  assert.match(text, /^version = 2$/m);
  assert.match(
    text,
    /^\[plugins\.'io\.containerd\.grpc\.v1\.cri'\.containerd\.runtimes\."runc-node2"\]\nruntime_type = "io\.containerd\.runc\.v2"\ncni_conf_dir = "\/data\/containerd\/cni\/node2"$/m,
  );
  assert.match(text, /^restrict_oom_score_adj = true$/m);
  assert.match(text, /^Root = "\/run\/b\/runc"$/m);
  assert.match(text, /^netns_mounts_under_state_dir = true$/m);
  assert.match(text, /^config_path = "\/data\/containerd\/certs\.d"$/m);
  assert.match(text, /^sandbox_image = "localhost\/batuta-pause:1"$/m);
});

test('config.toml: version 3 for containerd 2.x', () => {
  const text = containerdConfig({ ...config, majorVersion: 2, restrictOomScoreAdj: false });
  assert.match(text, /^version = 3$/m);
  assert.match(text, /^\[plugins\.'io\.containerd\.cri\.v1\.runtime'\.containerd\.runtimes\."runc-node1"\]$/m);
  assert.match(text, /^\[plugins\.'io\.containerd\.cri\.v1\.images'\.pinned_images\]\nsandbox = "localhost\/batuta-pause:1"$/m);
  assert.match(text, /^restrict_oom_score_adj = false$/m);
  assert.doesNotMatch(text, /sandbox_image/);
});

test('the CNI network of a node has its range and no masquerading', () => {
  const parsed = JSON.parse(cniConfig('ab12', { name: 'node1', podCIDR: '10.244.1.0/24' }, '/data/cni')) as {
    name: string;
    plugins: { type: string; ipMasq: boolean; ipam: unknown }[];
  };
  assert.equal(parsed.name, 'batuta-ab12-node1');
  assert.deepEqual(
    parsed.plugins.map((p) => [p.type, p.ipMasq]),
    [['ptp', false]],
  );
  assert.deepEqual(parsed.plugins[0]?.ipam, {
    type: 'host-local',
    dataDir: '/data/cni/allocations',
    ranges: [[{ subnet: '10.244.1.0/24' }]],
    routes: [{ dst: '0.0.0.0/0' }],
  });
});

test('references are completed as Docker completes them', () => {
  const cases: [string, string][] = [
    ['hello', 'docker.io/library/hello:latest'],
    ['hello:1', 'docker.io/library/hello:1'],
    ['team/hello:1', 'docker.io/team/hello:1'],
    ['localhost/hello', 'localhost/hello:latest'],
    ['localhost:5000/a/b:2', 'localhost:5000/a/b:2'],
    ['index.docker.io/hello:1', 'docker.io/library/hello:1'],
    ['registry.example.com/a:1', 'registry.example.com/a:1'],
    [`a@sha256:${'0'.repeat(64)}`, `docker.io/library/a@sha256:${'0'.repeat(64)}`],
  ];
  for (const [given, full] of cases) assert.equal(normalizeReference(given), full);
  for (const bad of ['', 'Hello:1', 'a b', 'a:', '-a', 'a//b', 'a@sha256:12']) assert.throws(() => normalizeReference(bad), RuntimeError, bad);
});

test('task events: container and process, fields in any order, unknown ones skipped', () => {
  const text = (field: number, value: string): Buffer => Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);
  const exit = Buffer.concat([text(2, 'exec1'), text(1, 'c1'), Buffer.from([0x18, 0xe7, 0x07, 0x20, 0x00]), text(5, 'xx')]);
  assert.deepEqual(decodeTaskEvent({ topic: '/tasks/exit', event: { value: exit } }), { topic: '/tasks/exit', containerId: 'c1', processId: 'exec1' });
  assert.deepEqual(decodeTaskEvent({ topic: '/tasks/oom', event: { value: text(1, 'c1') } }), { topic: '/tasks/oom', containerId: 'c1', processId: 'c1' });
  assert.equal(decodeTaskEvent({ topic: '/tasks/exit', event: null }).containerId, '');
});

test('refusals become codes', () => {
  const code = (method: string, grpc: number, message: string, fallback: 'create' | 'image-pull' | 'start'): string =>
    (runtimeError(new CriError(method, grpc, message), fallback) as RuntimeError).code;
  assert.equal(code('StartContainer', 14, 'Connection dropped', 'start'), 'unavailable');
  assert.equal(code('CreateContainer', 5, 'failed to resolve image "x": not found', 'create'), 'image-not-found');
  assert.equal(code('CreateContainer', 5, 'failed to find sandbox id "x": not found', 'create'), 'not-found');
  assert.equal(code('PullImage', 5, 'x: not found', 'image-pull'), 'image-pull');
  assert.equal(code('PullImage', 2, 'failed to parse image reference "B": invalid reference format', 'image-pull'), 'invalid-image-name');
});

test('the sandbox program is a small static executable for both processors', async () => {
  for (const [arch, machine] of [
    ['x64', 62],
    ['arm64', 183],
  ] as const) {
    const elf = pauseExecutable(arch);
    assert.equal(elf.readUInt32BE(0), 0x7f454c46);
    assert.equal(elf.readUInt16LE(0x12), machine);
    assert.equal(elf.readBigUInt64LE(0x60), BigInt(elf.length));
    assert.ok(elf.length < 512);
    assert.ok((await sandboxImageArchive(arch)).includes('manifest.json'));
  }
});

/** A client whose statuses and events the test makes. */
function fakeClient(): { client: CriClient; statuses: Map<string, unknown>; emit(event: TaskEvent): void; breakStream(): void; subscriptions(): number } {
  let onEvent: (event: TaskEvent) => void = () => undefined;
  let onEnd: (error: Error | undefined) => void = () => undefined;
  let subscriptions = 0;
  const statuses = new Map<string, unknown>();
  const call = (method: string, request: object): Promise<unknown> => {
    const id = (request as { container_id?: string; pod_sandbox_id?: string }).container_id ?? (request as { pod_sandbox_id?: string }).pod_sandbox_id ?? '';
    if (method === 'Status') return Promise.resolve({ status: null });
    return statuses.has(id) ? Promise.resolve({ status: statuses.get(id) }) : Promise.reject(new CriError(method, 5, 'not found'));
  };
  const client: CriClient = {
    socket: '',
    closed: false,
    call: call as CriClient['call'],
    taskEvents: (_filters, event, ended) => {
      subscriptions++;
      [onEvent, onEnd] = [event, ended];
      return { close: () => undefined };
    },
    close: () => undefined,
  };
  return { client, statuses, emit: (event) => onEvent(event), breakStream: () => onEnd(new Error('broken')), subscriptions: () => subscriptions };
}

test("an exit is told when CRI agrees, only to its node, and an exec's end to no one", async () => {
  const clock = new FakeClock();
  const fake = fakeClient();
  const events = new TaskEvents(fake.client, clock, silentLogger);
  const told: [string, string | undefined][] = [];
  events.subscribe('node1', (uid) => told.push(['node1', uid]));
  events.subscribe('node2', (uid) => told.push(['node2', uid]));
  assert.equal(fake.subscriptions(), 1);
  events.learn('c1', { node: 'node1', podUid: 'pod1' }, false);
  fake.statuses.set('c1', { state: 'CONTAINER_RUNNING', reason: '' });
  fake.emit({ topic: '/tasks/exit', containerId: 'c1', processId: 'exec9' });
  fake.emit({ topic: '/tasks/exit', containerId: 'c1', processId: 'c1' });
  await clock.advance(20);
  assert.deepEqual(told, [], 'CRI still says running');
  fake.statuses.set('c1', { state: 'CONTAINER_EXITED', reason: 'Error' });
  await clock.advance(200);
  assert.deepEqual(told, [['node1', 'pod1']]);
  fake.emit({ topic: '/tasks/exit', containerId: 'unknown', processId: 'unknown' });
  await settle();
  assert.deepEqual(told.slice(1), [
    ['node1', undefined],
    ['node2', undefined],
  ]);
});

test('a broken stream is opened again and everyone looks at everything', async () => {
  const clock = new FakeClock();
  const fake = fakeClient();
  const events = new TaskEvents(fake.client, clock, silentLogger);
  const told: (string | undefined)[] = [];
  const subscription = events.subscribe('node1', (uid) => told.push(uid));
  fake.breakStream();
  assert.deepEqual(told, []);
  await clock.advance(100);
  assert.equal(fake.subscriptions(), 2);
  assert.deepEqual(told, [undefined]);
  subscription.close();
  fake.breakStream();
  await clock.advance(5000);
  assert.equal(fake.subscriptions(), 2);
});
