import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CSIDriver, Node, PersistentVolume, PersistentVolumeClaim, Pod, VolumeAttachment, type V1Pod } from '#kinds';
import { createWorld, podOf, type World } from '../testing/world.ts';
import { attachDetachController } from './attachments.ts';
import { volumeExpandController } from './expand.ts';
import { claimOf, volumeOf } from './testing.ts';

const csi = { driver: 'csi.example.com', volumeHandle: 'vol-1' };
const unique = 'kubernetes.io/csi/csi.example.com^vol-1';
function start(accessModes = ['ReadWriteOnce']): World {
  const w = createWorld([attachDetachController]);
  for (const name of ['a', 'b']) w.api.put(Node, { metadata: { name } });
  const { hostPath: _, ...spec } = volumeOf('v', { accessModes, csi, claimRef: { namespace: 'default', name: 'c', uid: 'u' } }).spec ?? {};
  w.api.put(PersistentVolume, { metadata: { name: 'v' }, spec });
  w.api.put(PersistentVolumeClaim, claimOf('c', { volumeName: 'v' }, { uid: 'u', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }));
  return w;
}
const user = (name: string, nodeName: string): V1Pod =>
  podOf(name, { spec: { nodeName, containers: [], volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'c' } }] } });
const attachments = (w: World): string[] =>
  w.api.all(VolumeAttachment).map(({ spec, status }) => `${spec?.source.persistentVolumeName} on ${spec?.nodeName} ${status?.attached}`);
const attach = (w: World): void => {
  for (const { metadata } of w.api.all(VolumeAttachment))
    w.api.edit(VolumeAttachment, undefined, metadata?.name ?? '', (a) => void (a.status = { attached: true }));
};
const attached = (w: World, node: string): string[] =>
  w.api
    .all(Node)
    .find((n) => n.metadata?.name === node)
    ?.status?.volumesAttached?.map((v) => v.name) ?? [];

test('a CSI volume is attached for the pod on its node, and detached when the pod has gone', async () => {
  const w = start();
  w.api.put(Pod, user('p', 'a'));
  await w.run();
  assert.deepEqual(attachments(w), ['v on a false']);
  assert.match(w.api.all(VolumeAttachment)[0]?.metadata?.name ?? '', /^csi-[0-9a-f]{64}$/);
  assert.deepEqual(attached(w, 'a'), []);
  attach(w);
  await w.run();
  assert.deepEqual(attached(w, 'a'), [unique]);
  assert.deepEqual(w.events(), ['SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "v" ']);
  w.api.writes.length = 0;
  await w.run(60_000);
  assert.deepEqual(w.api.writes, [], 'settled');
  w.api.edit(Node, undefined, 'a', (node) => void (node.status = { ...node.status, volumesInUse: [unique] }));
  w.api.drop(Pod, 'default', 'p');
  await w.run();
  assert.deepEqual(attachments(w), ['v on a true'], 'the node still uses it');
  w.api.edit(Node, undefined, 'a', (node) => void (node.status = { ...node.status, volumesInUse: [] }));
  await w.run();
  assert.deepEqual(attachments(w), []);
  assert.deepEqual(attached(w, 'a'), []);
  await w.stop();
});

test('a node that never lets go loses the volume after six minutes', async () => {
  const w = start();
  w.api.put(Pod, user('p', 'a'));
  await w.run();
  attach(w);
  await w.run();
  w.api.edit(Node, undefined, 'a', (node) => void (node.status = { ...node.status, volumesInUse: [unique] }));
  w.api.drop(Pod, 'default', 'p');
  await w.run(5 * 60_000);
  assert.equal(attachments(w).length, 1);
  await w.run(61_000);
  assert.deepEqual(attachments(w), []);
  await w.stop();
});

test('a volume for one node waits until the other has let go', async () => {
  const w = start();
  w.api.put(Pod, user('p', 'a'));
  await w.run();
  attach(w);
  await w.run();
  w.api.put(Pod, user('q', 'b'));
  await w.run();
  assert.deepEqual(attachments(w), ['v on a true']);
  assert.equal(w.events().at(-1), 'FailedAttachVolume: Multi-Attach error for volume "v" Volume is already used by pod(s) p');
  w.api.drop(Pod, 'default', 'p');
  await w.run();
  assert.deepEqual(attachments(w), ['v on b false']);
  await w.stop();
});

test('a volume for many nodes is attached to each; a driver that needs no attachment has none; errors are told', async () => {
  const w = start(['ReadWriteMany']);
  w.api.put(Pod, user('p', 'a'));
  w.api.put(Pod, user('q', 'b'));
  await w.run();
  assert.deepEqual(attachments(w).sort(), ['v on a false', 'v on b false']);
  const [first] = w.api.all(VolumeAttachment);
  w.api.edit(VolumeAttachment, undefined, first?.metadata?.name ?? '', (a) => void (a.status = { attached: false, attachError: { message: 'no such disk' } }));
  await w.run();
  assert.equal(w.events().at(-1), 'FailedAttachVolume: AttachVolume.Attach failed for volume "v" : no such disk');
  await w.stop();

  const none = start();
  none.api.put(CSIDriver, { metadata: { name: 'csi.example.com' }, spec: { attachRequired: false } });
  await none.run();
  none.api.put(Pod, user('p', 'a'));
  await none.run();
  assert.deepEqual(attachments(none), []);
  await none.stop();
});

test('attachments that others made are left alone', async () => {
  const w = start();
  w.api.put(VolumeAttachment, { metadata: { name: 'mine' }, spec: { attacher: 'csi.example.com', nodeName: 'a', source: { persistentVolumeName: 'v' } } });
  await w.run();
  assert.equal(w.api.all(VolumeAttachment).length, 1);
  await w.stop();
});

test('a claim that wants to grow says for whom it waits', async () => {
  const w = createWorld([volumeExpandController]);
  w.api.put(PersistentVolume, { metadata: { name: 'v' }, spec: { csi } });
  w.api.put(PersistentVolumeClaim, {
    ...claimOf('c', { volumeName: 'v' }, { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }),
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  });
  await w.run();
  w.api.edit(PersistentVolumeClaim, 'default', 'c', (c) => void (c.spec = { ...c.spec, resources: { requests: { storage: '2Gi' } } }));
  await w.run();
  assert.deepEqual(w.events(), ['ExternalExpanding: waiting for an external controller to expand this PVC']);
  await w.stop();
});
