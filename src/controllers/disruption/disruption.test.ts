import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deployment, Pod, PodDisruptionBudget, ReplicaSet, type V1Pod, type V1PodDisruptionBudget, type V1PodDisruptionBudgetStatus } from '#kinds';
import type { OwnerReference } from '#machinery';
import { createWorld, podOf, type World } from '../testing/world.ts';
import { disruptionController } from './disruption.ts';

const labels = { app: 'web' };
const budget = (spec: V1PodDisruptionBudget['spec']): V1PodDisruptionBudget => ({
  metadata: { name: 'b', namespace: 'default', generation: 1 },
  spec: { selector: { matchLabels: labels }, ...spec },
});
const ready = (name: string, owner?: OwnerReference, status: 'True' | 'False' = 'True'): V1Pod => ({
  ...podOf(name, { metadata: { labels, ...(owner ? { ownerReferences: [owner] } : {}) } }),
  status: { phase: 'Running', conditions: [{ type: 'Ready', status }] },
});
const key = { namespace: 'default', name: 'b' };
async function statusOf(w: World): Promise<V1PodDisruptionBudgetStatus> {
  await w.run();
  return (await w.api.get(PodDisruptionBudget, key)).status ?? {};
}
/** [allowed, healthy, desired, expected, reason] */
const figures = ({ disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods, conditions }: V1PodDisruptionBudgetStatus): unknown[] => [
  disruptionsAllowed,
  currentHealthy,
  desiredHealthy,
  expectedPods,
  conditions?.[0]?.reason,
];
/** A Deployment of `replicas` with its ReplicaSet; gives the reference of its pods. */
function deployment(w: World, replicas: number): OwnerReference {
  const owner = w.api.put(Deployment, {
    metadata: { name: 'web', namespace: 'default', generation: 1 },
    spec: { replicas, selector: { matchLabels: labels }, template: {} },
  });
  const ref = (kind: string, name: string, uid = ''): OwnerReference => ({ apiVersion: 'apps/v1', kind, name, uid, controller: true });
  const set = w.api.put(ReplicaSet, {
    metadata: { name: 'web-1', namespace: 'default', ownerReferences: [ref('Deployment', 'web', owner.metadata?.uid)] },
    spec: { replicas: 1, selector: { matchLabels: labels } },
  });
  return ref('ReplicaSet', 'web-1', set.metadata?.uid);
}

describe('disruption budgets', () => {
  it('count healthy pods against a minimum', async () => {
    const w = createWorld([disruptionController]);
    w.api.put(PodDisruptionBudget, budget({ minAvailable: 1 }));
    assert.deepEqual(figures(await statusOf(w)), [0, 0, 1, 0, 'InsufficientPods']);
    for (const name of ['a', 'b']) w.api.put(Pod, ready(name));
    w.api.put(Pod, ready('c', undefined, 'False'));
    const status = await statusOf(w);
    assert.deepEqual(figures(status), [1, 2, 1, 3, 'SufficientPods']);
    assert.equal(status.observedGeneration, 1);
    await w.stop();
  });
  it('count against the scale of the Deployment where the budget is a share, or a maximum', async () => {
    const cases: [V1PodDisruptionBudget['spec'], unknown[]][] = [
      [{ maxUnavailable: 1 }, [1, 3, 2, 3, 'SufficientPods']],
      [{ maxUnavailable: '50%' }, [2, 3, 1, 3, 'SufficientPods']],
      [{ minAvailable: '50%' }, [1, 3, 2, 3, 'SufficientPods']],
      [{ minAvailable: '100%' }, [0, 3, 3, 3, 'InsufficientPods']],
    ];
    for (const [spec, expected] of cases) {
      const w = createWorld([disruptionController]);
      const owner = deployment(w, 3);
      for (const name of ['a', 'b', 'c']) w.api.put(Pod, ready(name, owner));
      w.api.put(PodDisruptionBudget, budget(spec));
      assert.deepEqual(figures(await statusOf(w)), expected, JSON.stringify(spec));
      await w.stop();
    }
  });
  it('follow the Deployment when it is scaled', async () => {
    const w = createWorld([disruptionController]);
    const owner = deployment(w, 2);
    for (const name of ['a', 'b']) w.api.put(Pod, ready(name, owner));
    w.api.put(PodDisruptionBudget, budget({ maxUnavailable: 1 }));
    assert.equal((await statusOf(w)).disruptionsAllowed, 1);
    w.api.edit(Deployment, 'default', 'web', (d) => {
      d.metadata!.generation = 2;
      d.spec!.replicas = 5;
    });
    assert.deepEqual(figures(await statusOf(w)), [0, 2, 4, 5, 'InsufficientPods']);
    await w.stop();
  });
  it('count a granted eviction until its pod goes, or two minutes have passed', async () => {
    const w = createWorld([disruptionController]);
    for (const name of ['a', 'b']) w.api.put(Pod, ready(name));
    const since = new Date(w.clock.now()).toISOString().replace(/\.\d+Z/, 'Z');
    w.api.put(PodDisruptionBudget, { ...budget({ minAvailable: 1 }), status: { disruptedPods: { a: since, gone: since } } });
    const status = await statusOf(w);
    assert.deepEqual([status.disruptionsAllowed, Object.keys(status.disruptedPods ?? {})], [0, ['a']]);
    await w.run(2 * 60_000);
    const later = await statusOf(w);
    assert.deepEqual([later.disruptionsAllowed, later.disruptedPods], [1, undefined]);
    await w.stop();
  });
  it('allow nothing when it cannot be told how many pods there should be', async () => {
    const w = createWorld([disruptionController]);
    w.api.put(Pod, ready('a', { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u', controller: true }));
    w.api.put(PodDisruptionBudget, budget({ maxUnavailable: 1 }));
    const status = await statusOf(w);
    assert.deepEqual([status.disruptionsAllowed, status.conditions?.[0]?.reason], [0, 'SyncFailed']);
    assert.match(status.conditions?.[0]?.message ?? '', /does not implement the scale subresource/);
    assert.ok(w.events().some((event) => event.startsWith('CalculateExpectedPodCountFailed')));
    await w.stop();
  });
  it('write nothing when nothing changed', async () => {
    const w = createWorld([disruptionController]);
    w.api.put(Pod, ready('a'));
    w.api.put(PodDisruptionBudget, budget({ minAvailable: 1 }));
    await statusOf(w);
    const writes = w.api.writes.length;
    w.api.edit(Pod, 'default', 'a', (pod) => void (pod.metadata!.annotations = { x: 'y' }));
    await w.run();
    assert.equal(w.api.writes.filter((write) => write.kind === 'PodDisruptionBudget').length, writes);
    await w.stop();
  });
});
