/** Volumes from claim to directory and back: API server, controllers, scheduler and provisioner together. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { claimResize, createApiServer, podBinding, storageProtection } from '#apiserver';
import { createClient, type Client } from '#client';
import { startControllers } from '#controllers';
import {
  allKinds,
  Event,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  schemas,
  StorageClass,
  VolumeAttachment,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1Pod,
  type V1StorageClass,
} from '#kinds';
import { isApiError, type Api, type Kind, type KubeObject } from '#machinery';
import { startLocalPath, type Directories } from '#node';
import { startScheduler } from '#scheduler';
import { createMemoryStore } from '#store';

interface World {
  api: Api;
  /** Directories that are there, as `node/claim`. */
  directories(): string[];
  run(ms?: number): Promise<void>;
  claim(name: string): Promise<V1PersistentVolumeClaim | undefined>;
  volumes(): Promise<readonly V1PersistentVolume[]>;
  pod(name: string): Promise<V1Pod | undefined>;
  events(reason: string): Promise<string[]>;
  restart(): Promise<void>;
}

const ready = { conditions: [{ type: 'Ready', status: 'True' }], allocatable: { cpu: '4', memory: '8Gi', pods: '110' } };

async function world(t: TestContext, nodes: readonly string[] = ['a', 'b']): Promise<World> {
  const clock = new FakeClock();
  const made = new Set<string>();
  const server = createApiServer({
    store: createMemoryStore(),
    clock,
    random: seededRandom(1),
    log: silentLogger,
    kinds: allKinds,
    schemas,
    admission: [storageProtection(), claimResize()],
    subresources: [podBinding()],
  });
  await server.ready();
  const api = server.api({ username: 'admin', groups: ['system:masters'] });
  for (const name of nodes) {
    const node = await api.create(Node, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
    await api.update(Node, { ...node, status: ready }, { subresource: 'status' });
  }
  let running = start(api, clock, made);
  t.after(async () => {
    await running.stop();
    await server.close();
  });
  const one = async <T extends KubeObject>(kind: Kind<T>, name: string): Promise<T | undefined> =>
    (await api.list(kind)).items.find(({ metadata }) => metadata?.name === name);
  return {
    api,
    directories: () => [...made].map((path) => path.replace(/pvc-.*_/, '')).sort(),
    run: (ms = 500) => clock.advance(ms),
    claim: (name) => one(PersistentVolumeClaim, name),
    volumes: async () => (await api.list(PersistentVolume)).items,
    pod: (name) => one(Pod, name),
    events: async (reason) => (await api.list(Event)).items.filter((event) => event.reason === reason).map((event) => event.message ?? ''),
    async restart() {
      await running.stop();
      running = start(api, clock, made);
    },
  };
}
/** No files: they take their own time, which no fake clock passes. */
const inMemory = (made: Set<string>): Directories => ({
  async make(node, name) {
    made.add(`${node}/${name}`);
    return `/data/${node}/${name}`;
  },
  remove: async (node, name) => void made.delete(`${node}/${name}`),
});
function start(api: Api, clock: FakeClock, made: Set<string>): { stop(): Promise<void> } {
  const client: Client = createClient(api, clock, silentLogger);
  const deps = { client, clock, random: seededRandom(2), log: silentLogger };
  const controllers = startControllers({ ...deps, options: { nodeMonitorGraceMs: 3_600_000, nodeStartupGraceMs: 3_600_000 } });
  const scheduler = startScheduler(deps);
  const directories = inMemory(made);
  const localPath = startLocalPath({ ...deps, directories: () => directories });
  return {
    async stop() {
      await Promise.all([controllers.stop(), scheduler.stop(), localPath.stop()]);
      client.close();
    },
  };
}

const localPath = (more: Partial<V1StorageClass> = {}): V1StorageClass => ({
  metadata: { name: 'local-path' },
  provisioner: 'batuta.dev/local-path',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
  ...more,
});
const claimOf = (name: string, spec: V1PersistentVolumeClaim['spec'] = {}): V1PersistentVolumeClaim => ({
  metadata: { name, namespace: 'default' },
  spec: { storageClassName: 'local-path', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});
const podOf = (name: string, claims: string[], spec: Partial<NonNullable<V1Pod['spec']>> = {}): V1Pod => ({
  metadata: { name, namespace: 'default' },
  spec: {
    containers: [{ name: 'c', image: 'i:1', volumeMounts: claims.map((claimName) => ({ name: claimName, mountPath: `/${claimName}` })) }],
    volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
    ...spec,
  },
});
const endPod = (w: World, name: string): Promise<unknown> => w.api.delete(Pod, { namespace: 'default', name }, { gracePeriodSeconds: 0 });
const deleteClaim = (w: World, name: string): Promise<unknown> => w.api.delete(PersistentVolumeClaim, { namespace: 'default', name });

test('a claim waits for its pod, gets a directory on its node, and the pod stays with it', async (t) => {
  const w = await world(t);
  await w.api.create(StorageClass, localPath());
  await w.api.create(PersistentVolumeClaim, claimOf('data'));
  await w.run();
  assert.equal((await w.claim('data'))?.status?.phase, 'Pending');
  assert.deepEqual(await w.events('WaitForFirstConsumer'), ['waiting for first consumer to be created before binding']);
  await w.api.create(Pod, podOf('p', ['data'], { nodeSelector: { 'kubernetes.io/hostname': 'b' } }));
  await w.run();
  assert.equal((await w.pod('p'))?.spec?.nodeName, 'b');
  const claim = await w.claim('data');
  const uid = claim?.metadata?.uid;
  assert.equal(claim?.status?.phase, 'Bound');
  const [volume] = await w.volumes();
  assert.equal(volume?.metadata?.name, `pvc-${uid}`);
  assert.deepEqual(volume?.metadata?.annotations, {
    'pv.kubernetes.io/provisioned-by': 'batuta.dev/local-path',
    'local.path.provisioner/selected-node': 'b',
  });
  assert.equal(volume?.spec?.local?.path, `/data/b/pvc-${uid}_default_data`);
  assert.deepEqual(w.directories(), ['b/data']);
  assert.deepEqual(await w.events('ProvisioningSucceeded'), [`Successfully provisioned volume pvc-${uid}`]);
  await endPod(w, 'p');
  await w.api.create(Pod, podOf('q', ['data']));
  await w.api.create(Pod, podOf('r', ['data'], { nodeSelector: { 'kubernetes.io/hostname': 'a' } }));
  await w.run();
  assert.equal((await w.pod('q'))?.spec?.nodeName, 'b');
  assert.match(
    (await w.events('FailedScheduling')).join(),
    /0\/2 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector, 1 node\(s\) had volume node affinity conflict/,
  );
});

test('Delete takes the directory with it, once no pod uses the claim; Retain keeps it', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(StorageClass, localPath());
  await w.api.create(StorageClass, { ...localPath({ reclaimPolicy: 'Retain' }), metadata: { name: 'kept' } });
  await w.api.create(PersistentVolumeClaim, claimOf('gone'));
  await w.api.create(PersistentVolumeClaim, claimOf('kept', { storageClassName: 'kept' }));
  await w.api.create(Pod, podOf('p', ['gone', 'kept']));
  await w.run();
  assert.deepEqual(w.directories(), ['a/gone', 'a/kept']);
  await deleteClaim(w, 'gone');
  await deleteClaim(w, 'kept');
  await w.run();
  assert.ok((await w.claim('gone'))?.metadata?.deletionTimestamp, 'a claim in use waits');
  assert.deepEqual(w.directories(), ['a/gone', 'a/kept']);
  await endPod(w, 'p');
  await w.run(2000);
  assert.equal(await w.claim('gone'), undefined);
  assert.deepEqual(w.directories(), ['a/kept']);
  const [left, ...more] = await w.volumes();
  assert.deepEqual([left?.status?.phase, left?.spec?.persistentVolumeReclaimPolicy, more.length], ['Released', 'Retain', 0]);
  await w.api.delete(PersistentVolume, { name: left?.metadata?.name ?? '' });
  await w.run();
  assert.deepEqual(await w.volumes(), []);
  assert.deepEqual(w.directories(), ['a/kept'], 'the data of a retained volume is kept even then');
});

test('a claim grows at once; it does not shrink, and other classes do not grow', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(StorageClass, localPath({ volumeBindingMode: 'Immediate' }));
  await w.api.create(PersistentVolumeClaim, claimOf('data'));
  await w.run();
  const bound = await w.claim('data');
  assert.equal(bound?.status?.phase, 'Bound', 'an Immediate class chooses a node by itself');
  const size = (storage: string): Promise<unknown> =>
    w.api.patch(PersistentVolumeClaim, { namespace: 'default', name: 'data' }, 'application/merge-patch+json', {
      spec: { resources: { requests: { storage } } },
    });
  await size('3Gi');
  await w.run();
  assert.deepEqual((await w.claim('data'))?.status, {
    phase: 'Bound',
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '3Gi' },
    allocatedResources: { storage: '3Gi' },
  });
  assert.deepEqual((await w.volumes())[0]?.spec?.capacity, { storage: '3Gi' });
  await assert.rejects(size('1Gi'), (error) => isApiError(error, 'Invalid'));
});

test('what cannot be made is said, and nothing is made', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(StorageClass, localPath({ volumeBindingMode: 'Immediate' }));
  await w.api.create(StorageClass, { ...localPath({ volumeBindingMode: 'Immediate', parameters: { nodePath: '/etc' } }), metadata: { name: 'odd' } });
  await w.api.create(PersistentVolumeClaim, claimOf('block', { volumeMode: 'Block' }));
  await w.api.create(PersistentVolumeClaim, claimOf('chosen', { selector: { matchLabels: { a: 'b' } } }));
  await w.api.create(PersistentVolumeClaim, claimOf('odd', { storageClassName: 'odd' }));
  await w.run();
  assert.deepEqual((await w.events('ProvisioningFailed')).sort(), [
    'failed to provision volume with StorageClass "local-path": batuta.dev/local-path does not support block volume provisioning',
    'failed to provision volume with StorageClass "local-path": claim.Spec.Selector is not supported',
    'failed to provision volume with StorageClass "odd": batuta.dev/local-path does not know the parameter "nodePath"',
  ]);
  assert.deepEqual(w.directories(), []);
  assert.deepEqual(await w.volumes(), []);
});

test('volumes that only say they are ours delete nothing', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(StorageClass, localPath({ volumeBindingMode: 'Immediate' }));
  await w.api.create(PersistentVolumeClaim, claimOf('precious'));
  await w.run();
  const precious = (await w.volumes())[0]?.spec?.local?.path ?? '';
  const annotations = { 'pv.kubernetes.io/provisioned-by': 'batuta.dev/local-path', 'local.path.provisioner/selected-node': 'a' };
  for (const [name, path] of [
    ['pvc-1', '/etc'],
    ['pvc-2', precious],
    ['other', '/data/a/other_x'],
  ] as const) {
    await w.api.create(PersistentVolume, {
      metadata: { name, annotations },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        persistentVolumeReclaimPolicy: 'Delete',
        local: { path },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'Exists' }] }] } },
        claimRef: { namespace: 'default', name: 'x', uid: 'gone' },
      },
    });
  }
  await w.run(2000);
  assert.deepEqual(w.directories(), ['a/precious']);
  const said = await w.events('VolumeFailedDelete');
  assert.equal(said.length, 3);
  for (const text of said) assert.match(text, /is no directory that batuta.dev\/local-path made for this volume/);
});

test('one pod at a time: ReadWriteOncePod', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(StorageClass, localPath());
  await w.api.create(PersistentVolumeClaim, claimOf('data', { accessModes: ['ReadWriteOncePod'] }));
  await w.api.create(Pod, podOf('p', ['data']));
  await w.run();
  await w.api.create(Pod, podOf('q', ['data']));
  await w.run();
  assert.equal((await w.pod('q'))?.spec?.nodeName, undefined);
  assert.match((await w.events('FailedScheduling')).join(), /1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode/);
  await endPod(w, 'p');
  await w.run(2000);
  assert.equal((await w.pod('q'))?.spec?.nodeName, 'a');
});

test('a generic ephemeral volume lives and dies with its pod', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(StorageClass, localPath());
  const spec = claimOf('x').spec as NonNullable<V1PersistentVolumeClaim['spec']>;
  await w.api.create(Pod, podOf('p', [], { volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { spec } } }] }));
  await w.run();
  assert.equal((await w.claim('p-scratch'))?.status?.phase, 'Bound');
  assert.equal((await w.pod('p'))?.spec?.nodeName, 'a');
  await endPod(w, 'p');
  await w.run(5000);
  assert.equal(await w.claim('p-scratch'), undefined);
  assert.deepEqual(await w.volumes(), []);
  assert.deepEqual(w.directories(), []);
});

test('static volumes: the scheduler gives each pod one that its node reaches', async (t) => {
  const w = await world(t);
  await w.api.create(StorageClass, { metadata: { name: 'disks' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' });
  for (const node of ['a', 'b']) {
    const match = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] };
    await w.api.create(PersistentVolume, {
      metadata: { name: `disk-${node}` },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '2Gi' },
        storageClassName: 'disks',
        local: { path: '/mnt/disk' },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [match] }] } },
      },
    });
  }
  for (const name of ['one', 'two', 'three']) {
    await w.api.create(PersistentVolumeClaim, claimOf(name, { storageClassName: 'disks' }));
    await w.api.create(Pod, podOf(name, [name]));
  }
  await w.run(2000);
  const pods = await Promise.all(['one', 'two', 'three'].map((name) => w.pod(name)));
  assert.deepEqual(pods.map((pod) => pod?.spec?.nodeName ?? '').sort(), ['', 'a', 'b']);
  assert.match((await w.events('FailedScheduling')).join(), /0\/2 nodes are available: 2 node\(s\) didn't find available persistent volumes to bind/);
  for (const volume of await w.volumes()) {
    const owner = await w.claim(volume.spec?.claimRef?.name ?? '');
    assert.equal(owner?.spec?.volumeName, volume.metadata?.name);
    assert.equal((await w.pod(owner?.metadata?.name ?? ''))?.spec?.nodeName, volume.metadata?.name?.slice(5));
  }
});

test('pods say what their claims lack', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(PersistentVolumeClaim, claimOf('unserved', { storageClassName: 'nobody' }));
  await w.api.create(Pod, podOf('p', ['none']));
  await w.api.create(Pod, podOf('q', ['unserved']));
  await w.run();
  const said = (await w.events('FailedScheduling')).map((text) => text.split('. ')[0]).sort();
  assert.deepEqual(said, [
    '0/1 nodes are available: persistentvolumeclaim "none" not found',
    '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims',
  ]);
  await w.api.create(StorageClass, localPath());
  await w.api.create(PersistentVolumeClaim, claimOf('none'));
  await w.run(2000);
  assert.equal((await w.pod('p'))?.spec?.nodeName, 'a', 'it is tried again when the claim is there');
});

test('a restart in the middle: what was begun is ended, nothing is made twice', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(StorageClass, localPath());
  for (let i = 0; i < 5; i++) {
    await w.api.create(PersistentVolumeClaim, claimOf(`c${i}`));
    await w.api.create(Pod, podOf(`p${i}`, [`c${i}`]));
    await w.restart();
  }
  await w.run(5000);
  for (let i = 0; i < 5; i++) assert.equal((await w.pod(`p${i}`))?.spec?.nodeName, 'a');
  assert.equal((await w.volumes()).length, 5);
  assert.equal(w.directories().length, 5);
});

test('the life of a volume and a claim as the conformance suite lives it: a driver that nobody runs, a class that is no object', async (t) => {
  const w = await world(t, ['a']);
  const volume = (): V1PersistentVolume => ({
    metadata: { generateName: 'pv-', labels: { story: 'yes' } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '2Gi' },
      storageClassName: 'no-object',
      csi: { driver: 'e2e-driver', volumeHandle: 'e2e-storage-conformance' },
    },
  });
  for (const name of ['one', 'two']) {
    const { metadata } = await w.api.create(PersistentVolume, volume());
    await w.api.create(PersistentVolumeClaim, claimOf(name, { storageClassName: 'no-object' }));
    await w.run();
    const bound = await w.claim(name);
    assert.deepEqual([bound?.status?.phase, bound?.spec?.volumeName], ['Bound', metadata?.name]);
    const key = { namespace: 'default', name };
    const conditions = [{ type: 'StatusPatched', status: 'True', reason: 'E2E patchStatus', message: 'Set from e2e test' }];
    await w.api.patch(PersistentVolumeClaim, key, 'application/merge-patch+json', { status: { conditions } }, { subresource: 'status' });
    await w.api.patch(
      PersistentVolume,
      { name: metadata?.name ?? '' },
      'application/merge-patch+json',
      { status: { message: 'patched' } },
      { subresource: 'status' },
    );
    await w.run();
    assert.equal((await w.claim(name))?.status?.conditions?.[0]?.type, 'StatusPatched', 'what others write in a status stays');
    assert.equal((await w.volumes())[0]?.status?.message, 'patched');
    if (name === 'one') await deleteClaim(w, name);
    else await w.api.deleteCollection(PersistentVolumeClaim, { namespace: 'default' });
    await w.run();
    assert.equal(await w.claim(name), undefined);
    assert.equal((await w.volumes())[0]?.status?.phase, 'Released');
    await w.api.deleteCollection(PersistentVolume, { labelSelector: 'story=yes' });
    await w.run();
    assert.deepEqual(await w.volumes(), []);
  }
});

test('a VolumeAttachment that a user makes lives until he deletes it', async (t) => {
  const w = await world(t, ['a']);
  await w.api.create(VolumeAttachment, { metadata: { name: 'va' }, spec: { attacher: 'e2e-driver', nodeName: 'a', source: { persistentVolumeName: 'pv' } } });
  await w.api.patch(VolumeAttachment, { name: 'va' }, 'application/merge-patch+json', { status: { attached: true } }, { subresource: 'status' });
  await w.run(60_000);
  assert.equal((await w.api.get(VolumeAttachment, { name: 'va' })).status?.attached, true);
  await w.api.delete(VolumeAttachment, { name: 'va' });
  assert.deepEqual((await w.api.list(VolumeAttachment)).items, []);
});
