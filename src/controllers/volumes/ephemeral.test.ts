import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PersistentVolumeClaim, Pod } from '#kinds';
import { createWorld, podOf } from '../testing/world.ts';
import { ephemeralVolumeController } from './ephemeral.ts';
import { claimOf } from './testing.ts';

const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const pod = podOf('p', {
  spec: { containers: [], volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { metadata: { labels: { app: 'x' } }, spec } } }] },
});

test('a pod gets the claims of its ephemeral volumes, as its owner', async () => {
  const w = createWorld([ephemeralVolumeController]);
  const { metadata } = w.api.put(Pod, pod);
  await w.run();
  const [claim] = w.api.all(PersistentVolumeClaim);
  assert.equal(claim?.metadata?.name, 'p-scratch');
  assert.deepEqual(claim?.metadata?.labels, { app: 'x' });
  assert.deepEqual(claim?.metadata?.ownerReferences, [
    { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: metadata?.uid, controller: true, blockOwnerDeletion: true },
  ]);
  w.api.drop(PersistentVolumeClaim, 'default', 'p-scratch');
  await w.run();
  assert.equal(w.api.all(PersistentVolumeClaim).length, 1, 'it is made again as long as the pod is there');
  await w.stop();
});

test("a claim that is someone else's is not used", async () => {
  const w = createWorld([ephemeralVolumeController]);
  w.api.put(PersistentVolumeClaim, claimOf('p-scratch'));
  w.api.put(Pod, pod);
  await w.run();
  assert.match(w.events()[0] ?? '', /^FailedBinding: ephemeral volume scratch: PVC default\/p-scratch was not created for pod default\/p \(pod is not owner\)/);
  await w.stop();
});

test('pods that are over or going get none', async () => {
  const w = createWorld([ephemeralVolumeController]);
  w.api.put(Pod, { ...pod, status: { phase: 'Succeeded' } });
  await w.run();
  assert.deepEqual(w.api.all(PersistentVolumeClaim), []);
  await w.stop();
});
