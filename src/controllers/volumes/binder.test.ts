import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, type V1PersistentVolume, type V1PersistentVolumeClaim } from '#kinds';
import { ApiError, conflict } from '#machinery';
import { createWorld, podOf, type World } from '../testing/world.ts';
import { volumeBinderController } from './binder.ts';
import { claimOf, classOf, volumeOf } from './testing.ts';

const start = (): World => createWorld([volumeBinderController]);
const claim = (w: World, name = 'c'): V1PersistentVolumeClaim => w.api.all(PersistentVolumeClaim).find((c) => c.metadata?.name === name) ?? {};
const volume = (w: World, name = 'v'): V1PersistentVolume => w.api.all(PersistentVolume).find((v) => v.metadata?.name === name) ?? {};
const phases = (w: World): string[] =>
  [...w.api.all(PersistentVolumeClaim), ...w.api.all(PersistentVolume)].map((o) => `${o.metadata?.name} ${o.status?.phase}`);

test('a claim is bound to the smallest volume that fits, and both say so', async () => {
  const w = start();
  w.api.put(PersistentVolume, volumeOf('big', { capacity: { storage: '5Gi' } }));
  w.api.put(PersistentVolume, volumeOf('small', { capacity: { storage: '100Mi' } }));
  w.api.put(PersistentVolume, volumeOf('v', { capacity: { storage: '2Gi' } }));
  w.api.put(PersistentVolumeClaim, claimOf('c', { storageClassName: '' }));
  await w.run();
  assert.deepEqual(phases(w), ['c Bound', 'big Available', 'small Available', 'v Bound']);
  const { uid, resourceVersion: _, ...rest } = volume(w).spec?.claimRef ?? {};
  assert.deepEqual(rest, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'default', name: 'c' });
  assert.equal(uid, claim(w).metadata?.uid);
  assert.deepEqual(volume(w).metadata?.annotations, { 'pv.kubernetes.io/bound-by-controller': 'yes' });
  assert.deepEqual(claim(w).metadata?.annotations, { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' });
  assert.equal(claim(w).spec?.volumeName, 'v');
  assert.deepEqual(claim(w).status, { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } });
  w.api.writes.length = 0;
  await w.run(60_000);
  assert.deepEqual(w.api.writes, [], 'settled');
  await w.stop();
});

test('what a claim asks for decides: mode, class, selector, access', async () => {
  const cases: [claim: V1PersistentVolumeClaim['spec'], volume: V1PersistentVolume['spec'], labels: Record<string, string>, fits: boolean][] = [
    [{ volumeMode: 'Block' }, {}, {}, false],
    [{ volumeMode: 'Block' }, { volumeMode: 'Block' }, {}, true],
    [{ storageClassName: 'a' }, { storageClassName: 'b' }, {}, false],
    [{ storageClassName: 'a' }, { storageClassName: 'a' }, {}, true],
    [{ selector: { matchLabels: { tier: 'x' } } }, {}, {}, false],
    [{ selector: { matchLabels: { tier: 'x' } } }, {}, { tier: 'x' }, true],
    [{ accessModes: ['ReadWriteMany'] }, {}, {}, false],
    [{ accessModes: ['ReadWriteMany'] }, { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }, {}, true],
    [{}, { claimRef: { namespace: 'default', name: 'other' } }, {}, false],
    [{}, { claimRef: { namespace: 'default', name: 'c' } }, {}, true],
    [{}, { claimRef: { namespace: 'default', name: 'c', uid: 'another' } }, {}, false],
    [{ volumeAttributesClassName: 'fast' }, {}, {}, false],
  ];
  for (const [spec, volumeSpec, labels, fits] of cases) {
    const w = start();
    w.api.put(PersistentVolume, volumeOf('v', volumeSpec, { labels }));
    w.api.put(PersistentVolumeClaim, claimOf('c', spec));
    await w.run();
    assert.equal(claim(w).status?.phase, fits ? 'Bound' : 'Pending', JSON.stringify([spec, volumeSpec]));
    await w.stop();
  }
});

test('a volume that comes later, and a class that comes later, are taken up', async () => {
  const w = start();
  w.api.put(PersistentVolumeClaim, claimOf('c'));
  w.api.put(PersistentVolumeClaim, claimOf('d', { storageClassName: 'slow' }));
  await w.run();
  assert.deepEqual(w.events(), [
    'FailedBinding: no persistent volumes available for this claim and no storage class is set',
    'ProvisioningFailed: storageclass.storage.k8s.io "slow" not found',
  ]);
  w.api.put(PersistentVolume, volumeOf('v'));
  w.api.put(StorageClass, classOf('slow'));
  await w.run();
  assert.equal(claim(w).status?.phase, 'Bound');
  assert.equal(claim(w, 'd').metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'], 'example.com/p');
  assert.match(w.events().at(-1) ?? '', /^ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'example.com\/p'/);
  await w.stop();
});

test('a claim without class gets the default one when there is one at last', async () => {
  const w = start();
  w.api.put(PersistentVolumeClaim, claimOf('c'));
  w.api.put(PersistentVolumeClaim, claimOf('none', { storageClassName: '' }));
  await w.run();
  w.api.put(StorageClass, classOf('std', { metadata: { name: 'std', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } }));
  await w.run();
  assert.equal(claim(w).spec?.storageClassName, 'std');
  assert.equal(claim(w).metadata?.annotations?.['volume.beta.kubernetes.io/storage-provisioner'], 'example.com/p');
  assert.equal(claim(w, 'none').spec?.storageClassName, '');
  await w.stop();
});

test('a class that waits for the first consumer is provisioned only for a chosen node', async () => {
  const w = start();
  w.api.put(StorageClass, classOf('local', { volumeBindingMode: 'WaitForFirstConsumer' }));
  w.api.put(PersistentVolume, volumeOf('v', { storageClassName: 'local' }));
  w.api.put(PersistentVolumeClaim, claimOf('c', { storageClassName: 'local' }));
  await w.run();
  assert.deepEqual(phases(w), ['c Pending', 'v Available']);
  w.api.put(Pod, podOf('p', { spec: { containers: [], volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'c' } }] } }));
  w.api.edit(PersistentVolumeClaim, 'default', 'c', (c) => void (c.metadata = { ...c.metadata, labels: { touched: 'yes' } }));
  await w.run();
  w.api.edit(PersistentVolumeClaim, 'default', 'c', (c) => void (c.metadata = { ...c.metadata, annotations: { 'volume.kubernetes.io/selected-node': 'n' } }));
  await w.run();
  assert.deepEqual(
    w.events().map((e) => e.split(' ').slice(0, 5).join(' ')),
    ['WaitForFirstConsumer: waiting for first consumer', 'WaitForPodScheduled: waiting for pod p', 'ExternalProvisioning: Waiting for a volume'],
  );
  assert.equal(claim(w).metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'], 'example.com/p');
  await w.stop();
});

test('a claim that names its volume gets that one or waits for it', async () => {
  const w = start();
  w.api.put(PersistentVolumeClaim, claimOf('c', { volumeName: 'v' }));
  await w.run();
  assert.deepEqual(phases(w), ['c Pending']);
  w.api.put(PersistentVolume, volumeOf('v', { capacity: { storage: '1Mi' } }));
  await w.run();
  assert.match(w.events()[0] ?? '', /^VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small/);
  w.api.edit(PersistentVolume, undefined, 'v', (v) => void (v.spec = { ...v.spec, capacity: { storage: '1Gi' } }));
  await w.run();
  assert.deepEqual(phases(w), ['c Bound', 'v Bound']);
  assert.equal(claim(w).metadata?.annotations?.['pv.kubernetes.io/bound-by-controller'], undefined, 'the user chose');
  w.api.put(PersistentVolumeClaim, claimOf('d', { volumeName: 'v' }));
  await w.run();
  assert.equal(w.events().at(-1), 'FailedBinding: volume "v" already bound to a different claim.');
  await w.stop();
});

test('a volume that names its claim keeps its reference as the user wrote it', async () => {
  const w = start();
  w.api.put(PersistentVolume, volumeOf('v', { claimRef: { namespace: 'default', name: 'c' } }));
  await w.run();
  assert.deepEqual(phases(w), ['v Available']);
  w.api.put(PersistentVolumeClaim, claimOf('c'));
  await w.run();
  assert.deepEqual(phases(w), ['c Bound', 'v Bound']);
  assert.equal(volume(w).metadata?.annotations, undefined);
  await w.stop();
});

test('a claim that goes leaves its volume released; who made the volume deletes it', async () => {
  const w = start();
  const outcomes: Record<string, [string, Record<string, string>]> = {
    kept: ['Retain', {}],
    made: ['Delete', { 'pv.kubernetes.io/provisioned-by': 'p' }],
    byhand: ['Delete', {}],
    emptied: ['Recycle', {}],
  };
  for (const [name, [policy, annotations]] of Object.entries(outcomes)) {
    w.api.put(PersistentVolume, volumeOf(name, { persistentVolumeReclaimPolicy: policy, storageClassName: name }, { annotations }));
    w.api.put(PersistentVolumeClaim, claimOf(name, { storageClassName: name }));
  }
  await w.run();
  for (const name of Object.keys(outcomes)) w.api.drop(PersistentVolumeClaim, 'default', name);
  await w.run();
  assert.deepEqual(phases(w), ['byhand Failed', 'emptied Failed', 'kept Released', 'made Released']);
  assert.deepEqual(w.events().sort(), [
    'VolumeFailedDelete: error getting deleter volume plugin for volume "byhand": no deletable volume plugin matched',
    'VolumeFailedRecycle: No recycler plugin found for the volume!',
  ]);
  w.api.put(PersistentVolumeClaim, claimOf('kept', { storageClassName: 'kept' }));
  await w.run();
  assert.equal(claim(w, 'kept').status?.phase, 'Pending', 'a released volume is not given to a claim of the same name');
  await w.stop();
});

test('a bound claim whose volume goes is lost, and found again when the volume comes back', async () => {
  const w = start();
  w.api.put(PersistentVolume, volumeOf('v'));
  w.api.put(PersistentVolumeClaim, claimOf('c'));
  await w.run();
  w.api.drop(PersistentVolume, undefined, 'v');
  await w.run();
  assert.deepEqual(claim(w).status, { phase: 'Lost' });
  assert.deepEqual(w.events(), ['ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!']);
  w.api.put(PersistentVolume, volumeOf('v'));
  await w.run();
  assert.deepEqual(phases(w), ['c Bound', 'v Bound']);
  await w.stop();
});

test('a volume whose claim is bound elsewhere becomes free again', async () => {
  const w = start();
  w.api.put(PersistentVolume, volumeOf('a'));
  w.api.put(PersistentVolumeClaim, claimOf('c'));
  await w.run();
  w.api.put(PersistentVolume, volumeOf('b', { claimRef: { namespace: 'default', name: 'c', uid: claim(w).metadata?.uid ?? '' } }));
  await w.run();
  assert.deepEqual(volume(w, 'b').spec?.claimRef, { namespace: 'default', name: 'c' });
  assert.equal(volume(w, 'b').status?.phase, 'Available');
  assert.equal(claim(w).spec?.volumeName, 'a');
  await w.stop();
});

test('many claims for few volumes: each volume has one claim', async () => {
  const w = start();
  for (let i = 0; i < 20; i++) w.api.put(PersistentVolumeClaim, claimOf(`c${i}`));
  for (let i = 0; i < 12; i++) w.api.put(PersistentVolume, volumeOf(`v${i}`));
  await w.run(2000);
  const bound = w.api.all(PersistentVolumeClaim).filter((c) => c.status?.phase === 'Bound');
  assert.equal(bound.length, 12);
  assert.equal(new Set(bound.map((c) => c.spec?.volumeName)).size, 12);
  await w.stop();
});

test('a binding that is interrupted anywhere is completed', async () => {
  for (let at = 0; at < 4; at++) {
    const w = start();
    let count = 0;
    w.api.refuse = (write) =>
      write.kind !== 'Event' && count++ === at ? (at % 2 ? new ApiError('InternalError', 'refused') : conflict(PersistentVolume, 'v')) : undefined;
    w.api.put(PersistentVolume, volumeOf('v'));
    w.api.put(PersistentVolumeClaim, claimOf('c'));
    await w.run(2000);
    assert.deepEqual(phases(w), ['c Bound', 'v Bound'], `interrupted at ${at}`);
    await w.stop();
  }
});

test('caches that lag bind nothing twice', async () => {
  const w = start();
  await w.run();
  w.api.put(PersistentVolume, volumeOf('v'));
  w.api.put(PersistentVolume, volumeOf('w'));
  await w.run();
  w.api.pause(PersistentVolume);
  w.api.put(PersistentVolumeClaim, claimOf('c'));
  w.api.put(PersistentVolumeClaim, claimOf('d'));
  await w.run(1000);
  w.api.resume();
  await w.run(2000);
  assert.deepEqual(phases(w), ['c Bound', 'd Bound', 'v Bound', 'w Bound']);
  assert.notEqual(claim(w).spec?.volumeName, claim(w, 'd').spec?.volumeName);
  await w.stop();
});
