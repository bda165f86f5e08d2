import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease, Node, Pod } from '#kinds';
import { createBench } from './testing.ts';
import { createSimRuntime } from './sim/runtime.ts';
import { seededRandom, settle } from '#base';

test('a node registers, is Ready and renews its lease', async () => {
  const b = await createBench();
  const [node] = b.api.all(Node);
  assert.equal(node?.status?.conditions?.find((c) => c.type === 'Ready')?.status, 'True');
  assert.equal(node?.status?.nodeInfo?.kubeletVersion, 'v1.36.2');
  assert.equal(node?.metadata?.labels?.['kubernetes.io/hostname'], 'n1');
  const before = b.api.all(Lease)[0]?.spec?.renewTime;
  await b.clock.advance(25_000);
  assert.notEqual(b.api.all(Lease)[0]?.spec?.renewTime, before);
  await b.agent.stop();
});

test('extended resources that somebody writes into the status of a node stay through its heartbeats', async () => {
  const w = await createBench();
  w.api.edit(Node, undefined, 'n1', (node) => {
    node.status!.capacity!['example.com/foo'] = '5';
    node.status!.allocatable!['example.com/foo'] = '5';
    node.status!.capacity!['cpu'] = '999';
  });
  await w.clock.advance(10 * 60_000);
  const { capacity, allocatable } = w.api.all(Node)[0]?.status ?? {};
  assert.deepEqual([capacity?.['example.com/foo'], allocatable?.['example.com/foo']], ['5', '5']);
  assert.notEqual(capacity?.['cpu'], '999');
  await w.agent.stop();
});

test('a pod runs with one status write', async () => {
  const b = await createBench();
  b.api.writes.length = 0;
  b.pod('web');
  await b.clock.advance(10);
  const pod = b.get('web');
  assert.equal(pod?.status?.phase, 'Running');
  assert.equal(pod?.status?.podIP, '10.244.1.2');
  assert.equal(pod?.status?.containerStatuses?.[0]?.ready, true);
  assert.match(pod?.status?.containerStatuses?.[0]?.containerID ?? '', /^containerd:\/\/[0-9a-f]{32}$/);
  assert.deepEqual(
    pod?.status?.conditions?.map((c) => `${c.type}=${c.status}`),
    ['PodReadyToStartContainers=True', 'Initialized=True', 'Ready=True', 'ContainersReady=True', 'PodScheduled=True'],
  );
  assert.equal(b.api.writes.filter((w) => w.kind === 'Pod').length, 1);
  await b.clock.advance(60_000);
  assert.equal(b.api.writes.filter((w) => w.kind === 'Pod').length, 1, 'an idle pod writes nothing');
  await b.agent.stop();
});

test('a slow start shows ContainerCreating first', async () => {
  const b = await createBench();
  b.pod('slow', (p) => (p.metadata = { ...p.metadata, annotations: { 'batuta.dev/sim-start-delay': '2s' } }));
  await b.clock.advance(1000);
  assert.equal(b.get('slow')?.status?.phase, 'Pending');
  assert.equal(b.get('slow')?.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating');
  await b.clock.advance(1500);
  assert.equal(b.get('slow')?.status?.phase, 'Running');
  await b.agent.stop();
});

test('crash loop: 10 s, 20 s, 40 s …, with restart counts and last state', async () => {
  const b = await createBench({ events: true });
  b.pod('crash', (p) => (p.metadata = { ...p.metadata, annotations: { 'batuta.dev/sim-exit-code': '3', 'batuta.dev/sim-exit-after': '1s' } }));
  await b.clock.advance(1_100);
  assert.equal(b.get('crash')?.status?.containerStatuses?.[0]?.restartCount, 1, 'the first restart is immediate');
  await b.clock.advance(1_500);
  const status = b.get('crash')?.status?.containerStatuses?.[0];
  assert.equal(status?.state?.waiting?.reason, 'CrashLoopBackOff');
  assert.match(status?.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=main pod=crash_default\(/);
  assert.equal(status?.lastState?.terminated?.exitCode, 3);
  assert.equal(b.get('crash')?.status?.phase, 'Running');
  await b.clock.advance(9_500);
  assert.equal(b.get('crash')?.status?.containerStatuses?.[0]?.restartCount, 2);
  await b.clock.advance(15_000);
  assert.match(b.get('crash')?.status?.containerStatuses?.[0]?.state?.waiting?.message ?? '', /^back-off 20s/);
  assert.ok(b.events().some((e) => e.startsWith('BackOff: Back-off restarting failed container main in pod crash_default(')));
  await b.agent.stop();
});

test('restartPolicy Never ends in Succeeded or Failed and keeps the exit code', async () => {
  const b = await createBench();
  for (const [name, code] of [
    ['ok', '0'],
    ['bad', '7'],
  ] as const) {
    b.pod(name, (p) => {
      p.metadata = { ...p.metadata, annotations: { 'batuta.dev/sim-exit-code': code } };
      p.spec = { ...p.spec, restartPolicy: 'Never', containers: p.spec?.containers ?? [] };
    });
  }
  await b.clock.advance(100);
  assert.equal(b.get('ok')?.status?.phase, 'Succeeded');
  assert.equal(b.get('bad')?.status?.phase, 'Failed');
  assert.equal(b.get('bad')?.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 7);
  assert.equal(b.get('ok')?.status?.conditions?.find((c) => c.type === 'Ready')?.reason, 'PodCompleted');
  await b.agent.stop();
});

test('init containers run in order, a sidecar first stays', async () => {
  const b = await createBench();
  b.pod('staged', (p) => {
    p.metadata = { ...p.metadata, annotations: { 'batuta.dev/sim-exit-after.one': '1s', 'batuta.dev/sim-exit-after.two': '1s' } };
    p.spec = {
      ...p.spec,
      containers: p.spec?.containers ?? [],
      initContainers: [
        { name: 'side', image: 's:1', restartPolicy: 'Always' },
        { name: 'one', image: 'i:1' },
        { name: 'two', image: 'i:2' },
      ],
    };
  });
  await b.clock.advance(500);
  assert.equal(b.get('staged')?.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
  assert.deepEqual(
    b.get('staged')?.status?.initContainerStatuses?.map((s) => Object.keys(s.state ?? {})[0]),
    ['running', 'running', 'waiting'],
  );
  assert.equal(b.get('staged')?.status?.conditions?.find((c) => c.type === 'Initialized')?.message, 'containers with incomplete status: [one two]');
  await b.clock.advance(2000);
  assert.equal(b.get('staged')?.status?.phase, 'Running');
  assert.deepEqual(
    b.get('staged')?.status?.initContainerStatuses?.map((s) => s.ready),
    [true, true, true],
  );
  assert.equal(b.get('staged')?.status?.containerStatuses?.[0]?.ready, true);
  await b.agent.stop();
});

test('an image that cannot be pulled: ErrImagePull, then ImagePullBackOff', async () => {
  const b = await createBench({ events: true });
  b.pod('noimage', (p) => (p.spec = { nodeName: 'n1', containers: [{ name: 'main', image: 'does-not-exist:1' }] }));
  await b.clock.advance(300);
  assert.equal(b.get('noimage')?.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'ErrImagePull');
  await b.clock.advance(25_000);
  assert.equal(b.get('noimage')?.status?.phase, 'Pending');
  assert.ok(b.events().some((e) => e.startsWith('Failed: Failed to pull image "does-not-exist:1": ')));
  b.pod('badname', (p) => (p.spec = { nodeName: 'n1', containers: [{ name: 'main', image: 'Bad Image' }] }));
  await b.clock.advance(300);
  assert.equal(b.get('badname')?.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'InvalidImageName');
  await b.agent.stop();
});

test('missing ConfigMap and Secret keys are CreateContainerConfigError', async () => {
  const b = await createBench();
  b.pod(
    'noconfig',
    (p) =>
      (p.spec = {
        nodeName: 'n1',
        containers: [{ name: 'main', image: 'app:1', env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'k' } } }] }],
      }),
  );
  await b.clock.advance(300);
  assert.deepEqual(b.get('noconfig')?.status?.containerStatuses?.[0]?.state?.waiting, {
    reason: 'CreateContainerConfigError',
    message: 'configmap "cfg" not found',
  });
  await b.agent.stop();
});

test('deletion: not ready at once, endpoints first, then gone with its uid', async () => {
  const order: string[] = [];
  const b = await createBench({ beforeStop: async () => void order.push('withdrawn') });
  b.pod('web', (p) => (p.metadata = { ...p.metadata, annotations: { 'batuta.dev/sim-stop-delay': '3s' } }));
  await b.clock.advance(10);
  const stop = b.runtime.containers.stop;
  b.runtime.containers.stop = async (id, grace) => (order.push('stop'), stop(id, grace));
  await b.api.delete(Pod, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 30 });
  await b.clock.advance(100);
  assert.equal(b.get('web')?.status?.conditions?.find((c) => c.type === 'Ready')?.status, 'False');
  assert.deepEqual(order, ['withdrawn', 'stop']);
  await b.clock.advance(3000);
  assert.equal(b.get('web'), undefined);
  assert.deepEqual(await b.runtime.list(), []);
  await b.agent.stop();
});

test('a pod deleted by force is stopped; finalizers do not make the agent spin', async () => {
  const b = await createBench();
  b.pod('forced');
  b.pod('held', (p) => (p.metadata = { ...p.metadata, finalizers: ['example.com/hold'] }));
  await b.clock.advance(10);
  b.api.drop(Pod, 'default', 'forced');
  await b.api.delete(Pod, { namespace: 'default', name: 'held' }, { gracePeriodSeconds: 1 });
  await b.clock.advance(5000);
  assert.deepEqual(await b.runtime.list(), []);
  const writes = b.api.writes.length;
  await b.clock.advance(5000);
  assert.equal(b.api.writes.filter((w) => w.kind === 'Pod').length, b.api.writes.slice(0, writes).filter((w) => w.kind === 'Pod').length);
  await b.agent.stop();
});

test('an agent that comes back adopts: same containers, same counts, no writes', async () => {
  const b = await createBench();
  b.pod('web');
  await b.clock.advance(10);
  const id = b.get('web')?.status?.containerStatuses?.[0]?.containerID;
  b.api.writes.length = 0;
  await b.restart();
  await b.clock.advance(1000);
  assert.equal(b.get('web')?.status?.containerStatuses?.[0]?.containerID, id);
  assert.deepEqual(
    b.api.writes.filter((w) => w.kind === 'Pod'),
    [],
  );
  const other = createSimRuntime({ clock: b.clock, random: seededRandom(9), node: { name: 'n1', podCIDR: '10.244.1.0/24' } });
  await b.restart(other);
  await b.clock.advance(1000);
  assert.equal(b.get('web')?.status?.containerStatuses?.[0]?.containerID, id, 'a runtime without memory is told');
  assert.equal(b.get('web')?.status?.containerStatuses?.[0]?.restartCount, 0);
  await b.agent.stop();
});

test('probes: startup holds readiness, readiness gates Ready, liveness restarts', async () => {
  const b = await createBench();
  const probe = { exec: { command: ['true'] }, periodSeconds: 1, failureThreshold: 2 };
  b.pod('live', (p) => {
    p.metadata = { ...p.metadata, annotations: { 'batuta.dev/sim-fail': 'liveness' } };
    p.spec = {
      nodeName: 'n1',
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: 'app:1', livenessProbe: probe, readinessProbe: { ...probe, initialDelaySeconds: 2 } }],
    };
  });
  await b.clock.advance(500);
  assert.equal(b.get('live')?.status?.containerStatuses?.[0]?.ready, false);
  assert.equal(b.get('live')?.status?.conditions?.find((c) => c.type === 'Ready')?.reason, 'ContainersNotReady');
  await b.clock.advance(3000);
  assert.ok((b.get('live')?.status?.containerStatuses?.[0]?.restartCount ?? 0) >= 1);
  b.pod(
    'start',
    (p) =>
      (p.spec = { nodeName: 'n1', containers: [{ name: 'main', image: 'app:1', startupProbe: { ...probe, initialDelaySeconds: 2 }, readinessProbe: probe }] }),
  );
  await b.clock.advance(500);
  assert.equal(b.get('start')?.status?.containerStatuses?.[0]?.started, false);
  await b.clock.advance(3000);
  assert.equal(b.get('start')?.status?.containerStatuses?.[0]?.started, true);
  assert.equal(b.get('start')?.status?.containerStatuses?.[0]?.ready, true);
  await b.agent.stop();
});

test('activeDeadlineSeconds and admission fail the pod as a whole', async () => {
  const b = await createBench();
  b.pod('late', (p) => (p.spec = { ...p.spec, activeDeadlineSeconds: 5, containers: p.spec?.containers ?? [] }));
  b.pod('big', (p) => (p.spec = { nodeName: 'n1', containers: [{ name: 'main', image: 'app:1', resources: { requests: { cpu: '64' } } }] }));
  await b.clock.advance(6000);
  assert.equal(b.get('late')?.status?.reason, 'DeadlineExceeded');
  assert.equal(b.get('late')?.status?.phase, 'Failed');
  assert.equal(b.get('big')?.status?.reason, 'OutOfcpu');
  await b.agent.stop();
});

test('preStop runs before the signal, within the grace period', async () => {
  const b = await createBench();
  b.pod(
    'hooked',
    (p) =>
      (p.spec = {
        nodeName: 'n1',
        terminationGracePeriodSeconds: 10,
        containers: [{ name: 'main', image: 'app:1', lifecycle: { preStop: { sleep: { seconds: 4 } } } }],
      }),
  );
  await b.clock.advance(10);
  await b.api.delete(Pod, { namespace: 'default', name: 'hooked' }, { gracePeriodSeconds: 10 });
  await b.clock.advance(3000);
  assert.equal((await b.runtime.list())[0]?.containers[0]?.state, 'running');
  await b.clock.advance(2000);
  assert.equal(b.get('hooked'), undefined);
  await b.agent.stop();
});

test("logs of a simulated container say so; errors are kubelet's", async () => {
  const b = await createBench();
  b.pod('web');
  await b.clock.advance(10);
  const target = { namespace: 'default', name: 'web', uid: b.get('web')?.metadata?.uid ?? '', container: 'main' };
  const options = { container: 'main', follow: false, previous: false, timestamps: false };
  let text = '';
  for await (const chunk of await b.agent.streams.logs(target, options, new AbortController().signal)) text += Buffer.from(chunk).toString();
  assert.match(text, /^simulated container main of pod default\/web/);
  await assert.rejects(
    b.agent.streams.logs(target, { ...options, previous: true }, new AbortController().signal),
    /previous terminated container "main" in pod "web" not found/,
  );
  await assert.rejects(
    b.agent.streams.exec(
      target,
      { command: ['sh'], stdin: false, stdout: true, stderr: true, tty: false },
      undefined as never,
      undefined as never,
      Buffer.alloc(0),
    ),
    /runs no processes/,
  );
  await settle();
  await b.agent.stop();
});
