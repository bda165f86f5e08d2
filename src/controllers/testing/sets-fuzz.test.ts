import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base';
import { DaemonSet, Node, Pod, StatefulSet, type V1Pod } from '#kinds';
import { ApiError, cloneObject, type Kind } from '#machinery';
import { daemonSetController } from '../daemonset/daemonset.ts';
import { nodeOf } from '../daemonset/placement.ts';
import { isPodReady, isTerminating } from '../pods.ts';
import { createWorld, daemonSetOf, nodeObject, playKubelet, statefulSetOf, type World } from './world.ts';
import { statefulSetController } from '../statefulset/statefulset.ts';

const steps = 40;
const nodes = ['node-1', 'node-2', 'node-3', 'node-4'];
type Template = { spec?: { template: { spec?: { containers: { image?: string }[] } } } };

/** What may happen at any moment, in any order, to a set and its pods. */
async function live(w: World, seed: number, own: (pick: (n: number) => number) => (() => unknown)[], check: () => void): Promise<void> {
  const random = seededRandom(seed);
  const pick = (n: number): number => Math.floor(random.next() * n);
  const someone = (act: (pod: V1Pod) => unknown): unknown => {
    const pods = w.api.all(Pod);
    return pods.length > 0 ? act(pods[pick(pods.length)]!) : undefined;
  };
  const name = (pod: V1Pod): string => pod.metadata?.name ?? '';
  const actions: (() => unknown)[] = [
    ...own(pick),
    () => someone((pod) => w.api.drop(Pod, 'default', name(pod))),
    () => someone((pod) => w.api.delete(Pod, { namespace: 'default', name: name(pod) })),
    () => someone((pod) => pod.status?.phase === 'Running' && w.api.edit(Pod, 'default', name(pod), (p) => void (p.status!.phase = 'Failed'))),
    () => w.api.pause(),
    () => w.api.pause(Pod),
    () => w.api.resume(),
    () => w.api.resume(),
    () => w.restart(),
    () => void (w.api.refuse = () => (pick(4) === 0 ? new ApiError('InternalError', 'not now') : undefined)),
    () => void (w.api.refuse = undefined),
  ];
  for (let i = 0; i < steps; i++) {
    try {
      await actions[pick(actions.length)]!();
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
    }
    await w.run(pick(40));
    check();
  }
  w.api.refuse = undefined;
  w.api.resume();
  await w.run(3_000_000);
}
async function change<T extends Parameters<Kind['validate'] & object>[0]>(w: World, kind: Kind<T>, edit: (object: T) => void): Promise<void> {
  const next = cloneObject(w.api.all(kind)[0]!);
  edit(next);
  await w.api.update(kind, next);
}
const setImage = (object: Template, version: number): void => void (object.spec!.template.spec!.containers[0]!.image = `app:${version}`);
async function settled(w: World): Promise<void> {
  w.api.writes.length = 0;
  await w.run(60_000);
  assert.deepEqual(w.api.writes, [], 'settled means no more writes');
}

for (const policy of ['OrderedReady', 'Parallel'])
  for (const seed of [1, 2, 3, 4, 5])
    test(`a StatefulSet (${policy}) lives through anything, seed ${seed}`, async () => {
      const w = createWorld([statefulSetController]);
      playKubelet(w, { latencyMs: 7 });
      await w.api.create(StatefulSet, statefulSetOf({ podManagementPolicy: policy, revisionHistoryLimit: 2 }));
      const own = (pick: (n: number) => number): (() => unknown)[] => [
        () => change(w, StatefulSet, (set) => setImage(set, pick(4))),
        () => change(w, StatefulSet, (set) => void (set.spec!.replicas = pick(6))),
        () => change(w, StatefulSet, (set) => void (set.spec!.updateStrategy!.rollingUpdate!.partition = pick(3))),
      ];
      await live(w, seed, own, () => {
        const created = w.api.writes.filter((x) => x.kind === 'Pod' && x.verb === 'create').map((x) => x.name);
        assert.ok(created.every((pod) => /^web-[0-5]$/.test(pod)));
      });
      await change(w, StatefulSet, (set) => void (set.spec!.updateStrategy!.rollingUpdate!.partition = 0));
      await w.run(60_000);
      const set = w.api.all(StatefulSet)[0]!;
      const pods = w.api.all(Pod);
      assert.deepEqual(
        pods.map((p) => p.metadata?.name),
        Array.from({ length: set.spec?.replicas ?? 0 }, (_, i) => `web-${i}`),
      );
      assert.ok(pods.every((p) => isPodReady(p) && !isTerminating(p) && p.spec?.containers[0]?.image === set.spec?.template.spec?.containers[0]?.image));
      assert.equal(set.status?.currentRevision, set.status?.updateRevision);
      await settled(w);
      await w.stop();
    });

for (const maxSurge of [0, 1])
  for (const seed of [1, 2, 3, 4, 5])
    test(`a DaemonSet (maxSurge ${maxSurge}) lives through anything, seed ${seed}`, async () => {
      const w = createWorld([daemonSetController]);
      playKubelet(w, { latencyMs: 7 });
      for (const node of nodes) w.api.put(Node, nodeObject(node));
      const rollingUpdate = maxSurge > 0 ? { maxSurge, maxUnavailable: 0 } : { maxUnavailable: 2 };
      await w.api.create(DaemonSet, daemonSetOf({ updateStrategy: { type: 'RollingUpdate', rollingUpdate }, revisionHistoryLimit: 2 }));
      const own = (pick: (n: number) => number): (() => unknown)[] => [
        () => change(w, DaemonSet, (set) => setImage(set, pick(4))),
        () =>
          w.api.edit(Node, undefined, nodes[pick(4)]!, (node) => void (node.spec = pick(2) === 0 ? {} : { taints: [{ key: 'closed', effect: 'NoExecute' }] })),
      ];
      await live(w, seed, own, () => {
        for (const node of nodes)
          assert.ok(w.api.all(Pod).filter((p) => nodeOf(p) === node && !isTerminating(p)).length <= 1 + maxSurge, `${node} has too many`);
      });
      for (const node of nodes) w.api.edit(Node, undefined, node, (n) => void (n.spec = {}));
      await w.run(3_000_000);
      const set = w.api.all(DaemonSet)[0]!;
      const pods = w.api.all(Pod);
      assert.deepEqual(pods.map(nodeOf).sort(), nodes);
      assert.ok(pods.every((p) => isPodReady(p) && p.spec?.containers[0]?.image === set.spec?.template.spec?.containers[0]?.image));
      assert.equal(set.status?.updatedNumberScheduled, 4);
      await settled(w);
      await w.stop();
    });
