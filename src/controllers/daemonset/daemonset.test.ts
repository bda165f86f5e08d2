import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerRevision, DaemonSet, Node, Pod, type V1DaemonSet, type V1Node, type V1Pod } from '#kinds';
import { ApiError, cloneObject } from '#machinery';
import { isPodActive, isPodReady } from '../pods.ts';
import { createWorld, daemonSetOf, nodeObject, playKubelet, type World } from '../testing/world.ts';
import { daemonSetController } from './daemonset.ts';
import { nodeOf } from './placement.ts';

function start(nodes = 3): World {
  const w = createWorld([daemonSetController]);
  for (let i = 1; i <= nodes; i++) w.api.put(Node, nodeObject(`node-${i}`));
  return w;
}
const get = (w: World): V1DaemonSet => w.api.all(DaemonSet)[0]!;
const pods = (w: World): V1Pod[] => w.api.all(Pod);
/** `node=image` of all pods that are not ending. */
const where = (w: World): string[] =>
  pods(w)
    .filter((p) => !p.metadata?.deletionTimestamp)
    .map((p) => `${nodeOf(p) ?? ''}=${p.spec?.containers[0]?.image ?? ''}`)
    .sort();
function change(w: World, edit: (set: V1DaemonSet) => void): Promise<unknown> {
  const next = cloneObject(get(w));
  edit(next);
  return w.api.update(DaemonSet, next);
}
const setImage = (w: World, image: string): Promise<unknown> => change(w, (s) => void (s.spec!.template.spec!.containers[0]!.image = image));
const editNode = (w: World, name: string, edit: (node: V1Node) => void): unknown => w.api.edit(Node, undefined, name, edit);

test('every node gets a pod, bound by its name, with the tolerations of daemons; nothing is written once it is settled', async () => {
  const w = start();
  playKubelet(w);
  await w.api.create(DaemonSet, daemonSetOf());
  await w.run(1000);
  assert.deepEqual(where(w), ['node-1=app:1', 'node-2=app:1', 'node-3=app:1']);
  const { metadata, spec } = pods(w)[0]!;
  const revision = w.api.all(ControllerRevision)[0]!;
  assert.deepEqual(metadata?.labels, {
    app: 'web',
    'controller-revision-hash': revision.metadata?.labels?.['controller-revision-hash'],
    'pod-template-generation': '1',
  });
  assert.deepEqual(
    spec?.tolerations?.map((t) => `${t.key ?? ''}:${t.effect ?? ''}`),
    [
      'not-ready:NoExecute',
      'unreachable:NoExecute',
      'disk-pressure:NoSchedule',
      'memory-pressure:NoSchedule',
      'pid-pressure:NoSchedule',
      'unschedulable:NoSchedule',
    ].map((t) => `node.kubernetes.io/${t}`),
  );
  assert.equal(spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]?.matchFields?.[0]?.key, 'metadata.name');
  assert.deepEqual(get(w).status, {
    currentNumberScheduled: 3,
    desiredNumberScheduled: 3,
    numberMisscheduled: 0,
    numberReady: 3,
    observedGeneration: 1,
    numberAvailable: 3,
    updatedNumberScheduled: 3,
  });
  assert.ok(w.events().some((e) => e.startsWith('SuccessfulCreate: Created pod: web-')));
  w.api.writes.length = 0;
  await w.run(5000);
  assert.deepEqual(w.api.writes, []);
  await w.stop();
});

test('nodes come, go, are labelled and tainted', async () => {
  const w = start(2);
  playKubelet(w);
  const set = daemonSetOf();
  set.spec!.template.spec!.nodeSelector = { disk: 'ssd' };
  await w.api.create(DaemonSet, set);
  await w.run(1000);
  assert.deepEqual(where(w), []);
  editNode(w, 'node-1', (n) => void (n.metadata!.labels = { disk: 'ssd' }));
  w.api.put(Node, nodeObject('node-3', { disk: 'ssd' }));
  await w.run(1000);
  assert.deepEqual(where(w), ['node-1=app:1', 'node-3=app:1']);
  editNode(w, 'node-1', (n) => void (n.metadata!.labels = {}));
  await w.run(1000);
  assert.deepEqual(where(w), ['node-3=app:1']);

  editNode(w, 'node-3', (n) => void (n.spec = { taints: [{ key: 'mine', effect: 'NoSchedule' }] }));
  await w.run(1000);
  assert.deepEqual(where(w), ['node-3=app:1'], 'NoSchedule lets it stay');
  assert.deepEqual([get(w).status?.desiredNumberScheduled, get(w).status?.numberMisscheduled], [0, 1]);
  editNode(w, 'node-3', (n) => void (n.spec = { taints: [{ key: 'mine', effect: 'NoExecute' }] }));
  await w.run(1000);
  assert.deepEqual(where(w), []);
  editNode(w, 'node-3', (n) => void (n.spec = { taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }], unschedulable: true }));
  await w.run(1000);
  assert.deepEqual(where(w), ['node-3=app:1'], 'a cordoned node keeps its daemons');
  await w.stop();
});

test('a pod that waits for a node that is gone is removed', async () => {
  const w = start(1);
  await w.api.create(DaemonSet, daemonSetOf());
  await w.run(1000);
  w.api.drop(Node, undefined, 'node-1');
  await w.run(1000);
  assert.deepEqual(where(w), []);
  assert.equal(get(w).status?.desiredNumberScheduled, 0);
  await w.stop();
});

test('a rolling update deletes no more than maxUnavailable, and stops at pods that do not come up; then it is undone', async () => {
  const w = start(5);
  playKubelet(w, { ready: (pod) => pod.spec?.containers[0]?.image !== 'bad:1' });
  await w.api.create(DaemonSet, daemonSetOf({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '40%' } } }));
  await w.run(1000);
  await setImage(w, 'app:2');
  let least = 5;
  for (let i = 0; i < 200; i++) {
    await w.run(5);
    least = Math.min(least, pods(w).filter((p) => isPodActive(p) && isPodReady(p)).length);
  }
  assert.equal(least, 3);
  assert.deepEqual(new Set(where(w).map((x) => x.split('=')[1])), new Set(['app:2']));
  assert.equal(get(w).status?.updatedNumberScheduled, 5);
  const before = pods(w).map((p) => p.metadata?.uid);
  await setImage(w, 'bad:1');
  await w.run(5000);
  assert.equal(where(w).filter((x) => x.endsWith('bad:1')).length, 2);
  await setImage(w, 'app:2');
  await w.run(5000);
  assert.deepEqual(new Set(where(w).map((x) => x.split('=')[1])), new Set(['app:2']));
  assert.equal(pods(w).filter((p) => before.includes(p.metadata?.uid)).length, 3, 'what was not updated was not restarted');
  assert.deepEqual(
    w.api
      .all(ControllerRevision)
      .map((r) => r.revision)
      .sort(),
    [1, 3, 4],
  );
  await w.stop();
});

test('maxSurge: the old pod goes when the new one beside it is available', async () => {
  const w = start(4);
  playKubelet(w);
  await w.api.create(DaemonSet, daemonSetOf({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } }));
  await w.run(1000);
  await setImage(w, 'app:2');
  let most = 0;
  for (let i = 0; i < 400; i++) {
    await w.run(5);
    const active = pods(w).filter(isPodActive);
    most = Math.max(most, active.length);
    for (const node of ['node-1', 'node-2', 'node-3', 'node-4'])
      assert.ok(
        active.some((p) => nodeOf(p) === node && isPodReady(p)),
        `${node} is never without`,
      );
  }
  assert.equal(most, 5);
  assert.deepEqual(where(w), ['node-1=app:2', 'node-2=app:2', 'node-3=app:2', 'node-4=app:2']);
  await w.stop();
});

test('OnDelete replaces only what is deleted by hand', async () => {
  const w = start(2);
  playKubelet(w);
  await w.api.create(DaemonSet, daemonSetOf({ updateStrategy: { type: 'OnDelete' } }));
  await w.run(1000);
  await setImage(w, 'app:2');
  await w.run(1000);
  assert.deepEqual(where(w), ['node-1=app:1', 'node-2=app:1']);
  const name = pods(w).find((p) => nodeOf(p) === 'node-2')?.metadata?.name ?? '';
  await w.api.delete(Pod, { namespace: 'default', name });
  await w.run(1000);
  assert.deepEqual(where(w), ['node-1=app:1', 'node-2=app:2']);
  assert.equal(get(w).status?.updatedNumberScheduled, 1);
  await w.stop();
});

test('failed pods are replaced, more and more slowly', async () => {
  const w = start(1);
  let made = 0;
  w.client.informer(Pod).onChange((pod, old) => {
    const { namespace, name = '', uid } = pod?.metadata ?? {};
    if (!pod) return;
    if (!old) made++;
    w.clock.after(1, () => {
      if (!w.api.all(Pod).some((p) => p.metadata?.uid === uid)) return;
      if (pod.metadata?.deletionTimestamp) w.api.drop(Pod, namespace, name);
      else if (pod.status?.phase !== 'Failed') w.api.edit(Pod, namespace, name, (p) => void (p.status = { phase: 'Failed', reason: 'NodeAffinity' }));
    });
  });
  await w.api.create(DaemonSet, daemonSetOf());
  await w.run(60_000);
  assert.ok(made >= 5 && made <= 8, `${made} in a minute`);
  assert.ok(w.events().some((e) => /^FailedDaemonPod: Found failed daemon pod default\/web-\w+ on node node-1, will try to kill it/.test(e)));
  await w.stop();
});

test('minReadySeconds counts for availability', async () => {
  const w = start(2);
  playKubelet(w);
  await w.api.create(DaemonSet, daemonSetOf({ minReadySeconds: 5 }));
  await w.run(2000);
  assert.deepEqual([get(w).status?.numberReady, get(w).status?.numberAvailable, get(w).status?.numberUnavailable], [2, undefined, 2]);
  await w.run(10_000);
  assert.deepEqual([get(w).status?.numberReady, get(w).status?.numberAvailable, get(w).status?.numberUnavailable], [2, 2, undefined]);
  await w.stop();
});

test('a lagging cache makes no pod twice and deletes none too many', async () => {
  const w = start(3);
  w.api.pause(Pod);
  await w.api.create(DaemonSet, daemonSetOf());
  await w.run(1000);
  await change(w, (s) => void (s.metadata!.labels = { a: 'b' }));
  await w.run(30_000);
  assert.equal(pods(w).length, 3);
  w.api.resume();
  playKubelet(w);
  await w.run(1000);
  w.api.pause(Pod);
  await setImage(w, 'app:2');
  await w.run(30_000);
  assert.equal(pods(w).filter((p) => p.metadata?.deletionTimestamp).length, 1);
  assert.equal(pods(w).length, 3);
  await w.stop();
});

test('what is refused is told and tried again', async () => {
  const w = start(3);
  playKubelet(w);
  w.api.refuse = (write) => (write.kind === 'Pod' && write.verb === 'create' ? new ApiError('Forbidden', 'exceeded quota') : undefined);
  await w.api.create(DaemonSet, daemonSetOf());
  await w.run(1000);
  assert.ok(w.events().some((e) => e.startsWith('FailedCreate: Error creating: exceeded quota')));
  assert.deepEqual([get(w).status?.observedGeneration, get(w).status?.desiredNumberScheduled], [1, 3]);
  w.api.refuse = undefined;
  await w.run(60_000);
  assert.equal(where(w).length, 3);
  await w.stop();
});

test('doubled revisions become one, and history is kept up to its limit', async () => {
  const w = start(1);
  playKubelet(w);
  await w.api.create(DaemonSet, daemonSetOf({ revisionHistoryLimit: 1 }));
  await w.run(1000);
  const first = w.api.all(ControllerRevision)[0]!;
  const uid = pods(w)[0]?.metadata?.uid;
  w.api.put(ControllerRevision, {
    ...cloneObject(first),
    metadata: { ...cloneObject(first.metadata!), name: 'copy', uid: 'copy', labels: { ...first.metadata?.labels, 'controller-revision-hash': 'copy' } },
    revision: 7,
  });
  await change(w, (s) => void (s.metadata!.labels = { a: 'b' }));
  await w.run(1000);
  assert.deepEqual(
    w.api.all(ControllerRevision).map((r) => r.metadata?.name),
    ['copy'],
  );
  assert.equal(pods(w)[0]?.metadata?.labels?.['controller-revision-hash'], 'copy');
  assert.equal(pods(w)[0]?.metadata?.uid, uid, 'no pod is restarted for it');
  for (const image of ['app:2', 'app:3', 'app:4']) {
    await setImage(w, image);
    await w.run(1000);
  }
  assert.deepEqual(
    w.api
      .all(ControllerRevision)
      .map((r) => r.revision)
      .sort((a, b) => a - b),
    [9, 10],
  );
  await w.stop();
});
