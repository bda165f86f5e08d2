import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PersistentVolume, PersistentVolumeClaim, Pod, VolumeAttributesClass, type V1PersistentVolumeClaim, type V1Pod } from '#kinds';
import type { Kind, KubeObject } from '#machinery';
import { createWorld, podOf, type World } from '../testing/world.ts';
import { claimProtectionController } from './claims.ts';
import { attributesClassProtectionController, volumeProtectionController } from './volumes.ts';

const start = (): World => createWorld([claimProtectionController, volumeProtectionController, attributesClassProtectionController]);
const claim = (name: string, spec: NonNullable<V1PersistentVolumeClaim['spec']> = {}): V1PersistentVolumeClaim => ({
  metadata: { name, namespace: 'default', finalizers: ['kubernetes.io/pvc-protection'] },
  spec,
});
const user = (name: string, claimName: string, nodeName = 'n'): V1Pod =>
  podOf(name, { spec: { nodeName, containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] } });
const there = <T extends KubeObject>(w: World, kind: Kind<T>): string[] => w.api.all(kind).map((object) => object.metadata?.name ?? '');

test('a claim waits for the pods that use it, and only for those that have a node', async () => {
  const w = start();
  for (const name of ['used', 'free', 'waited-for']) w.api.put(PersistentVolumeClaim, claim(name));
  w.api.put(Pod, user('a', 'used'));
  w.api.put(Pod, user('b', 'waited-for', ''));
  await w.run();
  for (const name of ['used', 'free', 'waited-for']) await w.api.delete(PersistentVolumeClaim, { namespace: 'default', name });
  await w.run();
  assert.deepEqual(there(w, PersistentVolumeClaim), ['used']);
  w.api.edit(Pod, 'default', 'a', (pod) => void (pod.status = { phase: 'Succeeded' }));
  await w.run();
  assert.deepEqual(there(w, PersistentVolumeClaim), ['used']);
  w.api.drop(Pod, 'default', 'a');
  await w.run();
  assert.deepEqual(there(w, PersistentVolumeClaim), []);
  await w.stop();
});

test('the claim of an ephemeral volume waits for its own pod, until that has ended', async () => {
  const w = start();
  w.api.put(Pod, podOf('p', { spec: { nodeName: 'n', containers: [], volumes: [{ name: 'v', ephemeral: {} }] } }));
  const uid = w.api.all(Pod)[0]?.metadata?.uid ?? '';
  const made = claim('p-v');
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid, controller: true };
  w.api.put(PersistentVolumeClaim, { ...made, metadata: { ...made.metadata, ownerReferences: [owner] } });
  await w.run();
  await w.api.delete(PersistentVolumeClaim, { namespace: 'default', name: 'p-v' });
  await w.run();
  assert.deepEqual(there(w, PersistentVolumeClaim), ['p-v']);
  w.api.edit(Pod, 'default', 'p', (pod) => void (pod.status = { phase: 'Failed' }));
  await w.run();
  assert.deepEqual(there(w, PersistentVolumeClaim), []);
  await w.stop();
});

test('a volume waits for its claim; what lost its finalizer gets it again', async () => {
  const w = start();
  w.api.put(PersistentVolume, { metadata: { name: 'v' }, spec: {}, status: { phase: 'Bound' } });
  await w.run();
  assert.deepEqual(w.api.all(PersistentVolume)[0]?.metadata?.finalizers, ['kubernetes.io/pv-protection']);
  await w.api.delete(PersistentVolume, { name: 'v' });
  await w.run();
  assert.deepEqual(there(w, PersistentVolume), ['v']);
  w.api.edit(PersistentVolume, undefined, 'v', (volume) => void (volume.status = { phase: 'Released' }));
  await w.run();
  assert.deepEqual(there(w, PersistentVolume), []);
  await w.stop();
});

test('a VolumeAttributesClass waits for claims and volumes that name it', async () => {
  const w = start();
  w.api.put(VolumeAttributesClass, { metadata: { name: 'fast' }, driverName: 'd' });
  w.api.put(PersistentVolumeClaim, claim('c', { volumeAttributesClassName: 'fast' }));
  w.api.put(PersistentVolume, { metadata: { name: 'v' }, spec: { volumeAttributesClassName: 'fast' } });
  await w.run();
  await w.api.delete(VolumeAttributesClass, { name: 'fast' });
  await w.run();
  w.api.drop(PersistentVolumeClaim, 'default', 'c');
  await w.run();
  assert.deepEqual(there(w, VolumeAttributesClass), ['fast']);
  w.api.drop(PersistentVolume, undefined, 'v');
  await w.run();
  assert.deepEqual(there(w, VolumeAttributesClass), []);
  await w.stop();
});
