import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, seededRandom } from '#base';
import { Pod } from '#kinds';
import type { NodeHttpResponse } from '#machinery';
import { RuntimeError, type Measured, type Runtime } from '../runtime.ts';
import { createSimRuntime } from '../sim/runtime.ts';
import { createBench, type Bench } from '../testing.ts';
import { createMeter } from './meter.ts';
import type { PodWorker } from '../worker.ts';

const ask = async (bench: Bench, path: string): Promise<NodeHttpResponse & { body: string }> =>
  (await bench.agent.streams.http?.({ method: 'GET', path, query: new URLSearchParams(), signal: new AbortController().signal })) as NodeHttpResponse & {
    body: string;
  };

test('a simulated node tells usage as a kubelet does', async () => {
  const bench = await createBench();
  bench.pod('a', (pod) => (pod.metadata!.annotations = { 'batuta.dev/sim-usage': 'cpu=500m,memory=64Mi' }));
  await bench.clock.advance(20_000);
  const time = bench.clock.now();
  const { code, body } = await ask(bench, '/metrics/resource');
  assert.equal(code, 200);
  const lines = body.split('\n');
  assert.ok(lines.includes(`container_cpu_usage_seconds_total{container="main",namespace="default",pod="a"} 10 ${time}`), body);
  assert.ok(lines.includes(`pod_memory_working_set_bytes{namespace="default",pod="a"} ${64 * 2 ** 20} ${time}`), body);
  assert.ok(lines.includes(`node_cpu_usage_seconds_total 10 ${time}`), body);
  assert.ok((await ask(bench, '/metrics/cadvisor')).body.includes('machine_cpu_cores 4\n'));
  assert.ok((await ask(bench, '/metrics')).body.includes('kubelet_running_pods 1\n'));
  assert.equal((await ask(bench, '/metrics/none')).code, 404);
  const { node, pods } = JSON.parse((await ask(bench, '/stats/summary')).body) as {
    node: { cpu: object };
    pods: { podRef: { name: string }; containers: { cpu: { usageNanoCores: number } }[] }[];
  };
  assert.deepEqual(
    pods.map(({ podRef, containers }) => [podRef.name, containers[0]?.cpu.usageNanoCores]),
    [['a', 5e8]],
  );
  assert.ok('usageNanoCores' in node.cpu);
  // What the annotations say now is what counts.
  bench.api.edit(
    Pod,
    'default',
    'a',
    (pod) => (pod.metadata!.annotations = { 'batuta.dev/sim-usage': 'cpu=1', 'batuta.dev/sim-metric.rps': 'ramp(0,42,21s)' }),
  );
  await bench.clock.advance(1000);
  const usage = await bench.agent.streams.usage?.measure();
  assert.equal(usage?.pods[0]?.containers[0]?.cpuSeconds, 21);
  assert.deepEqual(usage?.pods[0]?.metrics, { rps: 42 });
  await bench.agent.stop();
  assert.deepEqual((await bench.agent.streams.usage?.measure())?.pods, [], 'nobody is there to tell');
});

test('a container that cannot be measured does not hide the others, and the counter of a node never goes back', async () => {
  const clock = new FakeClock();
  const state = (id: string): object => ({ id, name: id, attempt: 0, state: 'running', createdAt: 1, startedAt: 1 });
  const worker = (names: string[]): PodWorker =>
    ({
      pod: { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: names.map((name) => ({ name, image: 'i' })) } },
      sandboxes: [{ containers: names.map(state) }],
    }) as unknown as PodWorker;
  let workers = [worker(['a', 'b']), worker(['c'])];
  const runtime: Runtime & Measured = {
    ...createSimRuntime({ clock, random: seededRandom(1), node: { name: 'n', podCIDR: '10.0.0.0/24' } }),
    stats: async (id) => {
      if (id === 'b') throw new RuntimeError('not-found', 'gone');
      return { cpuNanoseconds: 2e9, memoryWorkingSetBytes: 10 };
    },
  };
  const meter = createMeter({ clock, runtime, simulated: false, workers: () => workers, worker: () => undefined });
  const first = await meter?.measure();
  assert.deepEqual(
    first?.pods.map(({ containers }) => containers.map(({ name }) => name)),
    [['a'], ['c']],
  );
  assert.equal(first?.node.cpuSeconds, 4);
  workers = [worker(['c'])];
  const second = await meter?.measure();
  assert.equal(second?.node.cpuSeconds, 4);
  assert.equal(second?.node.memoryBytes, 10);
});
