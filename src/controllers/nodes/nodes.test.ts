import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMicroTime, formatTime } from '#base';
import { Lease, Node, Pod, tolerates, type V1Node, type V1Pod } from '#kinds';
import { createWorld, podOf, type World } from '../testing/world.ts';
import { nodeLifecycleController } from './node-lifecycle.ts';
import { podGcController } from './pod-gc.ts';
import { taintEvictionController } from './taint-eviction.ts';
import { evictionTime } from './taints.ts';

const start = (): World => createWorld([nodeLifecycleController, taintEvictionController, podGcController]);
function addNode(w: World, name: string, ready: 'True' | 'False' = 'True'): V1Node {
  const time = formatTime(w.clock.now());
  return w.api.put(Node, {
    metadata: { name },
    status: { conditions: [{ type: 'Ready', status: ready, reason: 'KubeletReady', message: '', lastHeartbeatTime: time, lastTransitionTime: time }] },
  });
}
const renew = (w: World, name: string): void => {
  const renewTime = formatMicroTime(w.clock.now());
  if (w.api.all(Lease).some((l) => l.metadata?.name === name)) w.api.edit(Lease, 'kube-node-lease', name, (l) => void (l.spec!.renewTime = renewTime));
  else w.api.put(Lease, { metadata: { name, namespace: 'kube-node-lease' }, spec: { holderIdentity: name, renewTime } });
};
const node = (w: World, name: string): V1Node | undefined => w.api.all(Node).find((n) => n.metadata?.name === name);
const ready = (w: World, name: string): string => {
  const c = node(w, name)?.status?.conditions?.find((x) => x.type === 'Ready');
  return `${c?.status ?? ''} ${c?.reason ?? ''}`;
};
const taints = (w: World, name: string): string[] => (node(w, name)?.spec?.taints ?? []).map((t) => `${t.key}:${t.effect}`).sort();
const running = (name: string, nodeName: string, tolerationSeconds?: number): V1Pod =>
  podOf(name, {
    spec: {
      nodeName,
      containers: [],
      ...(tolerationSeconds === undefined
        ? {}
        : {
            tolerations: ['not-ready', 'unreachable'].map((k) => ({
              key: `node.kubernetes.io/${k}`,
              operator: 'Exists',
              effect: 'NoExecute',
              tolerationSeconds,
            })),
          }),
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
async function live(w: World, names: readonly string[], seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 10) {
    for (const name of names) renew(w, name);
    await w.run(10_000);
  }
}

test('a node that renews its lease stays Ready; one that falls silent becomes Unknown after 40 s and is tainted', async () => {
  const w = start();
  addNode(w, 'a');
  addNode(w, 'b');
  w.api.put(Pod, running('p', 'b', 300));
  await live(w, ['a', 'b'], 60);
  assert.equal(ready(w, 'b'), 'True KubeletReady');
  await live(w, ['a'], 20);
  assert.equal(ready(w, 'b'), 'True KubeletReady');
  await live(w, ['a'], 30);
  assert.equal(ready(w, 'b'), 'Unknown NodeStatusUnknown');
  assert.equal(node(w, 'b')?.status?.conditions?.find((c) => c.type === 'Ready')?.message, 'Kubelet stopped posting node status.');
  assert.equal(node(w, 'b')?.status?.conditions?.find((c) => c.type === 'MemoryPressure')?.reason, 'NodeStatusNeverUpdated');
  assert.deepEqual(taints(w, 'b'), ['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule']);
  assert.equal(w.api.all(Pod)[0]?.status?.conditions?.[0]?.status, 'False');
  assert.ok(w.events().includes('NodeNotReady: Node b status is now: NodeNotReady'));
  assert.equal(ready(w, 'a'), 'True KubeletReady');

  await live(w, ['a'], 260);
  assert.equal(w.api.all(Pod)[0]?.metadata?.deletionTimestamp, undefined);
  await live(w, ['a'], 40);
  assert.ok(w.api.all(Pod)[0]?.metadata?.deletionTimestamp);
  assert.equal(w.api.all(Pod)[0]?.status?.conditions?.find((c) => c.type === 'DisruptionTarget')?.reason, 'DeletionByTaintManager');
  assert.ok(w.events().includes('TaintManagerEviction: Marking for deletion Pod default/p'));
  await w.stop();
});

test('a node that comes back loses its taints, and its pods stay', async () => {
  const w = start();
  addNode(w, 'a');
  addNode(w, 'b');
  w.api.put(Pod, running('p', 'b', 300));
  await live(w, ['a'], 60);
  assert.equal(ready(w, 'b'), 'Unknown NodeStatusUnknown');
  w.api.edit(Node, undefined, 'b', (n) =>
    Object.assign(
      n.status!.conditions!.find((c) => c.type === 'Ready')!,
      { status: 'True', reason: 'KubeletReady', lastHeartbeatTime: formatTime(w.clock.now()) },
    ),
  );
  await live(w, ['a', 'b'], 20);
  assert.deepEqual(taints(w, 'b'), []);
  await live(w, ['a', 'b'], 400);
  assert.equal(w.api.all(Pod)[0]?.metadata?.deletionTimestamp, undefined);
  assert.ok(w.events().includes('TaintManagerEviction: Cancelling deletion of Pod default/p'));
  await w.stop();
});

test('a node that was the only one, and silent, is watched again when it comes back', async () => {
  const w = start();
  addNode(w, 'a');
  await live(w, ['a'], 30);
  await w.run(120_000);
  assert.equal(ready(w, 'a'), 'Unknown NodeStatusUnknown');
  const back = (): void =>
    void w.api.edit(Node, undefined, 'a', (n) =>
      Object.assign(
        n.status!.conditions!.find((c) => c.type === 'Ready')!,
        { status: 'True', reason: 'KubeletReady' },
      ),
    );
  back();
  await live(w, ['a'], 60);
  assert.equal(ready(w, 'a'), 'True KubeletReady');
  await w.run(29_000);
  assert.equal(ready(w, 'a'), 'True KubeletReady');
  await w.run(2_000);
  assert.equal(ready(w, 'a'), 'Unknown NodeStatusUnknown');
  await w.stop();
});

test('status heartbeats alone keep a node alive', async () => {
  const w = start();
  addNode(w, 'a');
  for (let i = 0; i < 10; i++) {
    await w.run(20_000);
    w.api.edit(Node, undefined, 'a', (n) => void (n.status!.conditions![0]!.lastHeartbeatTime = formatTime(w.clock.now())));
  }
  assert.equal(ready(w, 'a'), 'True KubeletReady');
  await w.stop();
});

test('when every node is silent, nothing is evicted', async () => {
  const w = start();
  addNode(w, 'a');
  w.api.put(Pod, running('p', 'a'));
  await w.run(600_000);
  assert.deepEqual(taints(w, 'a'), ['node.kubernetes.io/unreachable:NoSchedule']);
  assert.equal(w.api.all(Pod)[0]?.metadata?.deletionTimestamp, undefined);
  await w.stop();
});

test('not ready, pressure and cordon are taints; the taints of others stay', async () => {
  const w = start();
  addNode(w, 'a');
  addNode(w, 'b', 'False');
  w.api.edit(Node, undefined, 'b', (n) => {
    n.spec = { unschedulable: true, taints: [{ key: 'gpu', effect: 'NoSchedule' }] };
    n.status!.conditions!.push({ type: 'DiskPressure', status: 'True' });
  });
  await w.run(1000);
  assert.deepEqual(taints(w, 'b'), [
    'gpu:NoSchedule',
    'node.kubernetes.io/disk-pressure:NoSchedule',
    'node.kubernetes.io/not-ready:NoExecute',
    'node.kubernetes.io/not-ready:NoSchedule',
    'node.kubernetes.io/unschedulable:NoSchedule',
  ]);
  await w.stop();
});

test('a pod without toleration leaves at once, one that tolerates for ever stays', async () => {
  const w = start();
  addNode(w, 'a');
  w.api.put(Pod, running('leaves', 'a'));
  const stays = running('stays', 'a');
  stays.spec!.tolerations = [{ operator: 'Exists' }];
  w.api.put(Pod, stays);
  await w.run();
  w.api.edit(Node, undefined, 'a', (n) => void (n.spec = { taints: [{ key: 'out', value: 'x', effect: 'NoExecute' }] }));
  await w.run();
  assert.deepEqual(
    w.api.all(Pod).map((p) => Boolean(p.metadata?.deletionTimestamp)),
    [true, false],
  );
  await w.stop();
});

test('tolerations match by key, value, effect and operator; the shortest time counts', () => {
  const taint = { key: 'k', value: 'v', effect: 'NoExecute' };
  assert.ok(tolerates({ key: 'k', operator: 'Equal', value: 'v' }, taint));
  assert.ok(tolerates({ operator: 'Exists' }, taint));
  assert.ok(!tolerates({ key: 'k', value: 'w' }, taint));
  assert.ok(!tolerates({ key: 'k', operator: 'Exists', effect: 'NoSchedule' }, taint));
  const at = '2026-01-01T00:00:00Z';
  const n: V1Node = { spec: { taints: [{ ...taint, timeAdded: at }] } };
  const pod = podOf('p', {
    spec: {
      containers: [],
      tolerations: [
        { key: 'k', operator: 'Exists', tolerationSeconds: 60 },
        { operator: 'Exists', tolerationSeconds: 5 },
      ],
    },
  });
  assert.equal(
    evictionTime(pod, n, () => 0),
    Date.parse(at) + 5000,
  );
});

test('pods of a vanished node are removed after the quarantine', async () => {
  const w = start();
  addNode(w, 'a');
  w.api.put(Pod, running('p', 'gone'));
  w.api.put(Pod, podOf('unbound', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 } }));
  await live(w, ['a'], 30);
  assert.deepEqual(
    w.api.all(Pod).map((p) => p.metadata?.name),
    ['p'],
  );
  await live(w, ['a'], 50);
  assert.deepEqual(w.api.all(Pod), []);
  const write = w.api.writes.find((x) => x.verb === 'update' && x.kind === 'Pod' && x.name === 'p')?.body as V1Pod | undefined;
  assert.deepEqual([write?.status?.phase, write?.status?.conditions?.at(-1)?.message], ['Failed', 'PodGC: node no longer exists']);
  await w.stop();
});

test('pods that end on a node that is out of service are not waited for', async () => {
  const w = start();
  addNode(w, 'a');
  addNode(w, 'b', 'False');
  for (const name of ['a', 'b'])
    w.api.put(Pod, {
      ...running(`on-${name}`, name),
      metadata: { name: `on-${name}`, namespace: 'default', deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 },
    });
  await live(w, ['a', 'b'], 30);
  assert.equal(w.api.all(Pod).length, 2);
  for (const name of ['a', 'b'])
    w.api.edit(Node, undefined, name, (n) => {
      n.spec = { taints: [...(n.spec?.taints ?? []), { key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }] };
    });
  await live(w, ['a', 'b'], 30);
  assert.deepEqual(
    w.api.all(Pod).map((p) => p.metadata?.name),
    ['on-a'],
    'only where the node is really not ready',
  );
  await w.stop();
});

test('nodes that come and go are told', async () => {
  const w = start();
  addNode(w, 'a');
  await w.run();
  w.api.drop(Node, undefined, 'a');
  await w.run();
  assert.deepEqual(w.events(), [
    'RegisteredNode: Node a event: Registered Node a in Controller',
    'RemovingNode: Node a event: Removing Node a from Controller',
  ]);
  await w.stop();
});

test('nodes that are lost together are emptied one after the other', async () => {
  const w = start();
  for (const name of ['a', 'b', 'c', 'd', 'e']) addNode(w, name);
  for (const name of ['d', 'e']) w.api.edit(Node, undefined, name, (n) => Object.assign(n.status!.conditions![0]!, { status: 'False' }));
  const evicting = (): number => ['d', 'e'].filter((name) => taints(w, name).includes('node.kubernetes.io/not-ready:NoExecute')).length;
  await w.run(1000);
  assert.equal(evicting(), 1);
  await live(w, ['a', 'b', 'c', 'd', 'e'], 10);
  assert.equal(evicting(), 2);
  await w.stop();
});

test('of the pods that ended, the oldest beyond the threshold go', async () => {
  const w = createWorld([podGcController], { terminatedPodThreshold: 2 });
  for (let i = 0; i < 5; i++) w.api.put(Pod, podOf(`p${i}`, { metadata: { creationTimestamp: `2026-01-01T00:00:0${i}Z` }, status: { phase: 'Succeeded' } }));
  await w.run(1000);
  assert.deepEqual(
    w.api.all(Pod).map((p) => p.metadata?.name),
    ['p3', 'p4'],
  );
  await w.stop();
});
