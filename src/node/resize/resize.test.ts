import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '#base';
import { Pod, type V1Pod, type V1ResourceRequirements } from '#kinds';
import { createBench, type Bench } from '../testing.ts';

type List = Record<string, string>;
const both = (list: List): V1ResourceRequirements => ({ requests: list, limits: list });

async function running(b: Bench, name: string, resources: V1ResourceRequirements, change?: (pod: V1Pod) => void): Promise<void> {
  b.pod(name, (pod) => {
    pod.metadata = { ...pod.metadata, generation: 1 };
    pod.spec!.containers[0]!.resources = resources;
    change?.(pod);
  });
  await b.clock.advance(10);
  assert.equal(b.get(name)?.status?.phase, 'Running');
}
async function wish(b: Bench, name: string, resources: V1ResourceRequirements): Promise<void> {
  b.api.edit(Pod, 'default', name, (pod) => {
    pod.metadata!.generation = (pod.metadata?.generation ?? 0) + 1;
    pod.spec!.containers[0]!.resources = resources;
  });
  await b.clock.advance(10);
  await settle();
}
const container = (b: Bench, name: string) => b.get(name)?.status?.containerStatuses?.[0];
const resizing = (b: Bench, name: string): string[] =>
  (b.get(name)?.status?.conditions ?? [])
    .filter((c) => c.type.startsWith('PodResize'))
    .map((c) => [c.type, c.status, c.reason, c.message, c.observedGeneration].filter((part) => part !== undefined).join(' '));

test('a resize in place: the runtime is told, the status follows, nothing restarts', async () => {
  const b = await createBench({ events: true });
  const updates: unknown[] = [];
  const update = b.runtime.containers.update;
  b.runtime.containers.update = async (id, resources) => {
    updates.push(resources);
    await update(id, resources);
  };
  await running(b, 'web', both({ cpu: '500m', memory: '64Mi' }));
  await wish(b, 'web', both({ cpu: '1', memory: '128Mi' }));
  assert.deepEqual(updates, [{ cpuShares: 1024, cpuQuotaUs: 100_000, cpuPeriodUs: 100_000, memoryLimitBytes: 128 * 2 ** 20, oomScoreAdj: -997 }]);
  assert.deepEqual(container(b, 'web')?.resources, both({ cpu: '1', memory: '128Mi' }));
  assert.deepEqual(container(b, 'web')?.allocatedResources, { cpu: '1', memory: '128Mi' });
  assert.equal(container(b, 'web')?.restartCount, 0);
  assert.deepEqual(resizing(b, 'web'), []);
  const told = '{"containers":[{"name":"main","resources":{"limits":{"cpu":"1","memory":"128Mi"},"requests":{"cpu":"1","memory":"128Mi"}}}],"generation":2}';
  assert.deepEqual(
    b.events().filter((e) => e.startsWith('Resize')),
    [`ResizeStarted: Pod resize started: ${told}`, `ResizeCompleted: Pod resize completed: ${told}`],
  );
  await b.agent.stop();
});

test('more than the node has is infeasible: what was granted stays, and taking the wish back clears the condition', async () => {
  const b = await createBench({ events: true });
  await running(b, 'web', both({ cpu: '1', memory: '64Mi' }));
  await wish(b, 'web', both({ cpu: '5', memory: '64Mi' }));
  assert.deepEqual(resizing(b, 'web'), ["PodResizePending True Infeasible Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000 2"]);
  assert.deepEqual(container(b, 'web')?.resources, both({ cpu: '1', memory: '64Mi' }));
  assert.equal(b.events().filter((e) => e.startsWith('ResizeInfeasible: Pod resize Infeasible: {')).length, 1);
  await wish(b, 'web', both({ cpu: '1', memory: '64Mi' }));
  assert.deepEqual(resizing(b, 'web'), []);
  await b.agent.stop();
});

test('a resize that lacks room is deferred until another pod is gone; what a pod of more importance waits for comes first', async () => {
  const b = await createBench({ events: true });
  await running(b, 'low', both({ cpu: '1' }));
  await running(b, 'high', both({ cpu: '1' }), (pod) => (pod.spec!.priority = 10));
  await running(b, 'other', both({ cpu: '2' }));
  await wish(b, 'low', both({ cpu: '2' }));
  await wish(b, 'high', both({ cpu: '2' }));
  assert.deepEqual(resizing(b, 'low'), ["PodResizePending True Deferred Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000 2"]);
  b.pod('refused', (pod) => (pod.spec!.containers[0]!.resources = both({ cpu: '1' })));
  await b.clock.advance(10);
  assert.equal(b.get('refused')?.status?.reason, 'OutOfcpu', 'deferred wishes hold nothing, granted ones do');
  await wish(b, 'other', both({ cpu: '1' }));
  await b.clock.advance(10);
  assert.deepEqual(resizing(b, 'high'), []);
  assert.deepEqual(container(b, 'high')?.allocatedResources, { cpu: '2' });
  assert.equal(resizing(b, 'low').length, 1);
  await b.api.delete(Pod, { namespace: 'default', name: 'other' }, { gracePeriodSeconds: 0 });
  await b.clock.advance(10);
  assert.deepEqual(resizing(b, 'low'), []);
  assert.deepEqual(container(b, 'low')?.resources, both({ cpu: '2' }));
  await b.agent.stop();
});

test('RestartContainer: the container ends and comes back with its new resources, whatever the restart policy', async () => {
  const b = await createBench({ events: true });
  await running(b, 'web', both({ cpu: '1', memory: '64Mi' }), (pod) => {
    pod.spec!.restartPolicy = 'OnFailure';
    pod.spec!.containers[0]!.resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  });
  const before = container(b, 'web')?.containerID;
  await wish(b, 'web', both({ cpu: '2', memory: '64Mi' }));
  assert.equal(container(b, 'web')?.containerID, before, 'CPU is not in the policy');
  await wish(b, 'web', both({ cpu: '2', memory: '96Mi' }));
  await b.clock.advance(10);
  assert.notEqual(container(b, 'web')?.containerID, before);
  assert.equal(container(b, 'web')?.restartCount, 1);
  assert.deepEqual(container(b, 'web')?.resources, both({ cpu: '2', memory: '96Mi' }));
  assert.deepEqual(resizing(b, 'web'), []);
  assert.ok(b.events().includes('Killing: Container main resize requires restart'));
  assert.equal(b.events().filter((e) => e.startsWith('ResizeCompleted')).length, 2);
  await b.agent.stop();
});

test('a memory limit below what is used is refused until less is used', async () => {
  const b = await createBench({ events: true });
  await running(b, 'web', both({ memory: '200Mi' }), (pod) => {
    pod.metadata!.annotations = { 'batuta.dev/sim-usage': 'memory=steps(0s=150Mi,30s=50Mi)' };
  });
  await wish(b, 'web', both({ memory: '100Mi' }));
  const error =
    'cannot decrease memory limits: [attempting to set pod memory limit (104857600) below current usage (157286400), ' +
    'attempting to set container "main" memory limit (104857600) below current usage (157286400)]';
  assert.deepEqual(resizing(b, 'web'), [`PodResizeInProgress True Error ${error} 2`]);
  assert.deepEqual(container(b, 'web')?.resources, both({ memory: '200Mi' }));
  assert.deepEqual(container(b, 'web')?.allocatedResources, { memory: '100Mi' });
  await b.clock.advance(60_000);
  assert.deepEqual(resizing(b, 'web'), []);
  assert.deepEqual(container(b, 'web')?.resources, both({ memory: '100Mi' }));
  assert.equal(b.events().filter((e) => e.startsWith('ResizeError')).length, 1);
  await b.agent.stop();
});

test('an agent that starts again in the middle of a resize goes on with it', async () => {
  const b = await createBench();
  await running(b, 'web', both({ cpu: '1' }));
  b.runtime.containers.update = () => Promise.reject(new Error('containerd is busy'));
  await wish(b, 'web', both({ cpu: '2' }));
  assert.deepEqual(resizing(b, 'web'), ['PodResizeInProgress True Error containerd is busy 2']);
  const done: number[] = [];
  b.runtime.containers.update = async (_id, { cpuQuotaUs }) => void done.push(cpuQuotaUs);
  await b.restart();
  await b.clock.advance(10);
  assert.deepEqual(done, [200_000]);
  assert.deepEqual(resizing(b, 'web'), []);
  assert.deepEqual(container(b, 'web')?.resources, both({ cpu: '2' }));
  await b.agent.stop();
});

test('a wish that came while no agent was there is judged', async () => {
  const b = await createBench();
  await running(b, 'web', both({ cpu: '1' }));
  await b.agent.stop();
  await wish(b, 'web', both({ cpu: '9' }));
  await b.restart();
  await b.clock.advance(10);
  assert.match(resizing(b, 'web')[0] ?? '', /^PodResizePending True Infeasible/);
  assert.deepEqual(container(b, 'web')?.resources, both({ cpu: '1' }));
  await b.agent.stop();
});
