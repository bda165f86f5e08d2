import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';
import { idle, isReady, pod, sh, watchPods, type PodObject, type PodWatch } from './pod-kit.ts';

type List = Record<string, string>;
interface Resized extends PodObject {
  status: PodObject['status'] & { containerStatuses?: { restartCount: number; resources?: { requests?: List; limits?: List }; allocatedResources?: List }[] };
}
const both = (list: List): Record<string, unknown> => ({ requests: list, limits: list });
const limits =
  'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null';

/** CPU and memory of containers that run, as `kubectl patch --subresource resize` changes them: seen in the container's own cgroup. */
describe('resizing pods in place', { skip: cannotRunContainers() ?? false, concurrency: 3 }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  let pods: PodWatch;
  before(() => {
    pods = watchPods(my.cluster);
  });
  after(() => pods.stop());
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const start = async (name: string, resources: List, more: Record<string, unknown> = {}): Promise<PodObject> => {
    await my.cluster.apply(JSON.stringify(pod(name, [sh(idle, { resources: both(resources), ...more })])));
    return pods.until('is ready', name, isReady);
  };
  const patch = (name: string, resources: List): Promise<string> =>
    k('patch', 'pod', name, '--subresource', 'resize', '--patch', JSON.stringify({ spec: { containers: [{ name: 'main', resources: both(resources) }] } }));
  const inForce = (object: PodObject, resources: List): boolean =>
    JSON.stringify((object as Resized).status.containerStatuses?.[0]?.resources?.limits) === JSON.stringify(resources);
  const resizing = (object: PodObject): string =>
    (object.status.conditions ?? [])
      .filter((c) => c.type.startsWith('PodResize'))
      .map((c) => `${c.type} ${c.reason ?? ''}: ${c.message ?? ''}`)
      .join('\n');
  const cgroup = async (name: string): Promise<string> => (await k('exec', name, '--', 'sh', '-c', `${limits}; true`)).trim().replaceAll('\n', ' ');

  test('more and less, without a restart', async () => {
    const first = await start('web', { cpu: '100m', memory: '32Mi' });
    assert.match(await cgroup('web'), /^33554432 10000( 100000)?$/);
    await patch('web', { cpu: '250m', memory: '64Mi' });
    const grown = await pods.until('has grown', 'web', (p) => inForce(p, { cpu: '250m', memory: '64Mi' }) && resizing(p) === '');
    assert.match(await cgroup('web'), /^67108864 25000( 100000)?$/);
    assert.equal(grown.status.containerStatuses?.[0]?.restartCount, 0);
    assert.equal(grown.status.containerStatuses?.[0]?.containerID, first.status.containerStatuses?.[0]?.containerID);
    await patch('web', { cpu: '50m', memory: '48Mi' });
    await pods.until('has shrunk', 'web', (p) => inForce(p, { cpu: '50m', memory: '48Mi' }) && resizing(p) === '');
    assert.match(await cgroup('web'), /^50331648 5000( 100000)?$/);
    await eventually('the events', async () => {
      const reasons = await k('get', 'events', '--field-selector', 'involvedObject.name=web', '-o', 'custom-columns=R:.reason,M:.message', '--no-headers');
      return /ResizeStarted\s+Pod resize started: \{/.test(reasons) && /ResizeCompleted\s+Pod resize completed: \{/.test(reasons);
    });
  });

  test('RestartContainer: the container comes back with what it was given', async () => {
    await start('again', { cpu: '50m', memory: '32Mi' }, { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] });
    await patch('again', { cpu: '50m', memory: '64Mi' });
    await pods.until(
      'came back',
      'again',
      (p) => isReady(p) && p.status.containerStatuses?.[0]?.restartCount === 1 && inForce(p, { cpu: '50m', memory: '64Mi' }) && resizing(p) === '',
    );
    assert.match(await cgroup('again'), /^67108864 5000( 100000)?$/);
  });

  test('more than the node has: Infeasible, and nothing changes until the wish is taken back', async () => {
    await start('greedy', { cpu: '50m', memory: '32Mi' });
    await patch('greedy', { cpu: '1000', memory: '32Mi' });
    const refused = await pods.until('is refused', 'greedy', (p) => resizing(p) !== '');
    assert.match(resizing(refused), /^PodResizePending Infeasible: Node didn't have enough capacity: cpu, requested: 1000000, capacity: \d+$/);
    assert.ok(inForce(refused, { cpu: '50m', memory: '32Mi' }));
    assert.match(await cgroup('greedy'), /^33554432 5000( 100000)?$/);
    await patch('greedy', { cpu: '50m', memory: '32Mi' });
    await pods.until('is at peace', 'greedy', (p) => resizing(p) === '');
  });
});
