import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FakeClock, seededRandom } from '#base';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from '#kinds';
import type { Api } from '#machinery';
import type { PodFacts } from '../env.ts';
import type { ObjectSource } from '../objects.ts';
import { createVolumeManager, type VolumeManager } from './manager.ts';

const facts: PodFacts = { podIPs: [], hostIPs: [], nodeName: 'n', allocatable: { cpu: 1, memory: 1, 'ephemeral-storage': 1 } };

interface Bench {
  dir: string;
  manager: VolumeManager;
  claims: Map<string, V1PersistentVolumeClaim>;
  volumes: Map<string, V1PersistentVolume>;
}
function bench(t: TestContext): Bench {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-claim-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const claims: Bench['claims'] = new Map();
  const volumes: Bench['volumes'] = new Map();
  const none = async (): Promise<undefined> => undefined;
  const objects: ObjectSource = {
    configMap: none,
    secret: none,
    serviceAccount: none,
    resourceClaim: none,
    runtimeClass: async () => undefined,
    services: async () => [],
    claim: async (_namespace, name) => claims.get(name),
    volume: async (name) => volumes.get(name),
  };
  const mounts = { tmpfs: async () => {}, unmount: async () => {}, below: async () => [] };
  const manager = createVolumeManager({ dataDir: dir, clock: new FakeClock(), random: seededRandom(1), api: {} as Api, objects, mounts });
  return { dir, manager, claims, volumes };
}
function bind(b: Bench, spec: V1PersistentVolume['spec'], metadata: V1PersistentVolumeClaim['metadata'] = {}): void {
  b.claims.set('c', { metadata: { name: 'c', namespace: 'default', uid: 'u', ...metadata }, spec: { volumeName: 'v' }, status: { phase: 'Bound' } });
  b.volumes.set('v', { metadata: { name: 'v' }, spec: { claimRef: { namespace: 'default', name: 'c', uid: 'u' }, ...spec } });
}
const pod = (more: Partial<NonNullable<V1Pod['spec']>> = {}): V1Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'pod-uid' },
  spec: {
    containers: [{ name: 'c', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }],
    ...more,
  },
});
const failed = (b: Bench, p = pod()): Promise<string> =>
  b.manager.setup(p, facts).then(
    () => 'it was made',
    (error: Error) => error.message,
  );
const processing =
  'Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: error processing PVC default/c: ';

test('a claim that is not ready says what it waits for, as kubelet does', async (t) => {
  const b = bench(t);
  assert.equal(await failed(b), `${processing}failed to fetch PVC from API server: persistentvolumeclaim "c" not found`);
  b.claims.set('c', { metadata: { name: 'c', uid: 'u' }, status: { phase: 'Pending' } });
  assert.equal(await failed(b), `${processing}PVC is not bound`);
  bind(b, { claimRef: { namespace: 'default', name: 'c', uid: 'another' }, local: { path: '/' } });
  assert.equal(await failed(b), `${processing}found PV object v but its pv.Spec.ClaimRef.UID another does not point to claim.UID u`);
  bind(b, { local: { path: '/' } }, { deletionTimestamp: '2026-01-01T00:00:00Z' });
  assert.equal(await failed(b), `${processing}can't start pod because PVC default/c is being deleted`);
  bind(b, { local: { path: '/dev/null' }, volumeMode: 'Block' });
  assert.equal(await failed(b), `${processing}volume data has volumeMode Block, but is specified in volumeMounts`);
});

test('directories of the node are handed to containers; a local one has to be there', async (t) => {
  const b = bench(t);
  const path = join(b.dir, 'local');
  bind(b, { local: { path } });
  assert.equal(await failed(b), `MountVolume.NewMounter initialization failed for volume "v" : path "${path}" does not exist`);
  mkdirSync(path);
  const { paths } = await b.manager.setup(pod(), facts);
  assert.deepEqual([...paths], [['data', path]]);
  b.claims.get('c')!.metadata!.deletionTimestamp = '2026-01-01T00:00:00Z';
  assert.equal(await failed(b), 'it was made', 'a pod that has its volume keeps it');
  await b.manager.teardown('pod-uid');
  assert.ok(statSync(path).isDirectory(), 'the data outlives the pod');
  assert.match(await failed(b), /is being deleted/);
});

test('a hostPath volume is made where its type says so', async (t) => {
  const b = bench(t);
  const path = join(b.dir, 'made');
  bind(b, { hostPath: { path, type: 'Directory' } });
  assert.equal(await failed(b), `MountVolume.SetUp failed for volume "v" : hostPath type check failed: ${path} is not a directory`);
  bind(b, { hostPath: { path, type: 'DirectoryOrCreate' } });
  assert.deepEqual([...(await b.manager.setup(pod(), facts)).paths], [['data', path]]);
});

test('a volume for one pod at a time is for one pod of the node', async (t) => {
  const b = bench(t);
  bind(b, { local: { path: b.dir }, accessModes: ['ReadWriteOncePod'] });
  const other = { ...pod(), metadata: { ...pod().metadata, name: 'q', uid: 'other-uid' } };
  await b.manager.setup(pod(), facts);
  await b.manager.setup(pod(), facts);
  assert.equal(await failed(b, other), `${processing}volume uses the ReadWriteOncePod access mode and is already in use by another pod`);
  await b.manager.teardown('pod-uid');
  assert.equal(await failed(b, other), 'it was made');
});

test('what this node cannot mount is refused by name', async (t) => {
  const b = bench(t);
  bind(b, { csi: { driver: 'ebs.csi.aws.com', volumeHandle: 'vol-1' } });
  assert.equal(
    await failed(b),
    'MountVolume.SetUp failed for volume "v" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name ebs.csi.aws.com not found in the list of registered CSI drivers',
  );
  bind(b, { nfs: { server: 's', path: '/' }, accessModes: ['ReadWriteMany'] });
  assert.equal(
    await failed(b),
    'MountVolume.SetUp failed for volume "v" : persistent volumes of type "nfs" are not supported on this node; supported are hostPath, local',
  );
  const file = join(b.dir, 'file');
  writeFileSync(file, '');
  bind(b, { local: { path: file }, volumeMode: 'Block' });
  const device = pod({ containers: [{ name: 'c', volumeDevices: [{ name: 'data', devicePath: '/dev/x' }] }] });
  assert.match(await failed(b, device), /is not a block device/);
});

test('fsGroup: always, or only where the root differs; never for hostPath or read-only use', { skip: process.getuid?.() !== 0 }, async (t) => {
  const b = bench(t);
  const path = join(b.dir, 'local');
  mkdirSync(path);
  writeFileSync(join(path, 'file'), 'x');
  const groupOf = (name: string): number => statSync(join(path, name)).gid;
  const securityContext = { fsGroup: 2000, fsGroupChangePolicy: 'OnRootMismatch' };
  bind(b, { local: { path } });
  const readOnly = [{ name: 'data', persistentVolumeClaim: { claimName: 'c', readOnly: true } }];
  await b.manager.setup(pod({ securityContext, volumes: readOnly }), facts);
  assert.equal(groupOf('file'), 0);
  assert.deepEqual([...b.manager.readOnly(pod({ volumes: readOnly }))], ['data']);
  await b.manager.teardown('pod-uid');
  await b.manager.setup(pod({ securityContext }), facts);
  assert.equal(groupOf('file'), 2000);
  writeFileSync(join(path, 'new'), 'x');
  const { chownSync } = await import('node:fs');
  chownSync(join(path, 'new'), 0, 0);
  await b.manager.teardown('pod-uid');
  await b.manager.setup(pod({ securityContext }), facts);
  assert.equal(groupOf('new'), 0, 'the root is right: nothing is looked at');
  await b.manager.teardown('pod-uid');
  await b.manager.setup(pod({ securityContext: { fsGroup: 2000 } }), facts);
  assert.equal(groupOf('new'), 2000);
  await b.manager.teardown('pod-uid');
  bind(b, { hostPath: { path } });
  await b.manager.setup(pod({ securityContext: { fsGroup: 3000 } }), facts);
  assert.equal(groupOf('file'), 2000);
});

test('the claim of an ephemeral volume has to be the pod’s own', async (t) => {
  const b = bench(t);
  const p = pod({ volumes: [{ name: 'data', ephemeral: {} }] });
  b.claims.set('p-data', { metadata: { name: 'p-data', uid: 'u' }, spec: { volumeName: 'v' }, status: { phase: 'Bound' } });
  assert.match(await failed(b, p), /PVC default\/p-data was not created for pod default\/p \(pod is not owner\)/);
  assert.deepEqual(b.manager.references(p), ['PersistentVolumeClaim/p-data']);
});
