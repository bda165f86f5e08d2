import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi, type FakeApi } from '#client';
import { Event, Node, PersistentVolume, PersistentVolumeClaim, StorageClass, type V1PersistentVolume, type V1PersistentVolumeClaim } from '#kinds';
import type { Directories } from './directories.ts';
import { startLocalPath } from './provisioner.ts';

interface Bench {
  api: FakeApi;
  clock: FakeClock;
  /** Paths that are there. */
  made: Set<string>;
  /** What the next file operation fails with. */
  broken: { error: Error | undefined };
  events(): string[];
  volume(): V1PersistentVolume | undefined;
}
function bench(t: TestContext): Bench {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  const client = createClient(api, clock, silentLogger);
  const made = new Set<string>();
  const broken: Bench['broken'] = { error: undefined };
  const directories: Directories = {
    async make(node, name) {
      if (broken.error) throw broken.error;
      made.add(`${node}/${name}`);
      return `/data/${node}/${name}`;
    },
    async remove(node, name) {
      if (broken.error) throw broken.error;
      made.delete(`${node}/${name}`);
    },
  };
  const running = startLocalPath({ client, clock, random: seededRandom(1), log: silentLogger, directories: () => directories });
  t.after(async () => {
    await running.stop();
    client.close();
  });
  api.put(StorageClass, { metadata: { name: 'local-path' }, provisioner: 'batuta.dev/local-path', volumeBindingMode: 'WaitForFirstConsumer' });
  api.put(Node, { metadata: { name: 'a' } });
  return {
    api,
    clock,
    made,
    broken,
    events: () => api.all(Event).map((event) => `${event.reason}: ${event.message}`),
    volume: () => api.all(PersistentVolume)[0],
  };
}
const claim = (node: string): V1PersistentVolumeClaim => ({
  metadata: {
    name: 'c',
    namespace: 'default',
    uid: 'u',
    annotations: { 'volume.kubernetes.io/storage-provisioner': 'batuta.dev/local-path', 'volume.kubernetes.io/selected-node': node },
  },
  spec: { storageClassName: 'local-path', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  status: { phase: 'Pending' },
});
const release = (b: Bench): void => void b.api.edit(PersistentVolume, undefined, 'pvc-u', (volume) => void (volume.status = { phase: 'Released' }));

test('a node that is gone is given back to the scheduler', async (t) => {
  const b = bench(t);
  b.api.put(PersistentVolumeClaim, claim('gone'));
  await b.clock.advance(100);
  assert.equal(b.api.all(PersistentVolumeClaim)[0]?.metadata?.annotations?.['volume.kubernetes.io/selected-node'], undefined);
  assert.deepEqual(b.events(), [
    'ProvisioningFailed: failed to provision volume with StorageClass "local-path": failed to get target node: node "gone" not found',
  ]);
  assert.equal(b.volume(), undefined);
});

test('a directory that cannot be made is tried again, and there is no volume before it', async (t) => {
  const b = bench(t);
  b.broken.error = new Error('ENOSPC: no space left on device');
  b.api.put(PersistentVolumeClaim, claim('a'));
  await b.clock.advance(100);
  assert.equal(b.volume(), undefined);
  assert.match(b.events().join(), /ProvisioningFailed: .*ENOSPC/);
  b.broken.error = undefined;
  await b.clock.advance(60_000);
  assert.equal(b.volume()?.spec?.local?.path, '/data/a/pvc-u_default_c');
  b.api.writes.length = 0;
  await b.clock.advance(600_000);
  assert.deepEqual(b.api.writes, [], 'settled');
});

test('a directory that cannot be deleted holds the volume', async (t) => {
  const b = bench(t);
  b.api.put(PersistentVolumeClaim, claim('a'));
  await b.clock.advance(100);
  b.broken.error = new Error('EBUSY: resource busy');
  release(b);
  await b.clock.advance(100);
  assert.ok(b.volume()?.metadata?.deletionTimestamp);
  assert.match(b.events().join(), /VolumeFailedDelete: EBUSY: resource busy/);
  b.broken.error = undefined;
  await b.clock.advance(60_000);
  assert.equal(b.volume(), undefined);
  assert.deepEqual([...b.made], []);
});

test('a policy that changes to Retain in the last moment keeps the data', async (t) => {
  const b = bench(t);
  b.api.put(PersistentVolumeClaim, claim('a'));
  await b.clock.advance(100);
  b.api.refuse = ({ verb, kind }) => {
    if (verb === 'delete' && kind === 'PersistentVolume')
      b.api.edit(PersistentVolume, undefined, 'pvc-u', (volume) => void (volume.spec = { ...volume.spec, persistentVolumeReclaimPolicy: 'Retain' }));
    return undefined;
  };
  release(b);
  await b.clock.advance(60_000);
  assert.deepEqual([...b.made], ['a/pvc-u_default_c']);
  assert.equal(b.volume()?.metadata?.deletionTimestamp, undefined);
  await b.api.delete(PersistentVolume, { name: 'pvc-u' });
  await b.clock.advance(60_000);
  assert.equal(b.volume(), undefined, 'it goes when the user says so');
  assert.deepEqual([...b.made], ['a/pvc-u_default_c'], 'and its data stays');
});
