import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { cannotRunContainers, eventually, root, run, useCluster } from './harness.ts';
import { idle, isReady, pod, sh, watchPods, type PodWatch } from './pod-kit.ts';

interface Claim {
  metadata: { name: string; uid: string; deletionTimestamp?: string; annotations?: Record<string, string> };
  spec: { volumeName?: string; resources: { requests: { storage: string } } };
  status: { phase: string; capacity?: { storage: string } };
}
interface Volume {
  metadata: { name: string; annotations?: Record<string, string> };
  spec: { capacity: { storage: string }; local?: { path: string }; nodeAffinity?: unknown; persistentVolumeReclaimPolicy: string };
  status: { phase: string };
}
type Fields = Record<string, unknown>;
const claim = (name: string, spec: Fields = {}): Fields => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});
const mounted = (claimName: string, mount: Fields = {}): { volumes: Fields[]; volumeMounts: Fields[] } => ({
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
  volumeMounts: [{ name: 'data', mountPath: '/data', ...mount }],
});
/** A pod that runs a script over a claim mounted at /data. */
function user(name: string, claimName: string, script: string, spec: Fields = {}, mount: Fields = {}): Fields {
  const { volumes, volumeMounts } = mounted(claimName, mount);
  return pod(name, [sh(script, { volumeMounts })], { volumes, ...spec });
}

describe('persistent volumes', { skip: cannotRunContainers() ?? false, concurrency: 4 }, () => {
  before(async () => {
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', 'dist/images']);
    assert.equal(built.code, 0, built.err);
  });
  const my = useCluster('--nodes', '2', '--preload', join(root, 'dist/images'));
  let pods: PodWatch;
  before(() => {
    pods = watchPods(my.cluster);
  });
  after(() => pods.stop());
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const create = (...objects: unknown[]): Promise<string> => my.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const claimOf = (name: string): Promise<Claim> => my.cluster.json<Claim>('get', 'pvc', name);
  const volumeOf = async (name: string): Promise<Volume> => my.cluster.json<Volume>('get', 'pv', (await claimOf(name)).spec.volumeName ?? '');
  const events = (name: string): Promise<string> =>
    k('get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'custom-columns=R:.reason,M:.message', '--no-headers');
  const says = (name: string, text: RegExp): Promise<unknown> => eventually(`${name} says ${text}`, async () => text.test(await events(name)));
  const nodes = async (): Promise<string[]> =>
    (await k('get', 'nodes', '-o', 'name'))
      .trim()
      .split('\n')
      .map((line) => line.slice('node/'.length))
      .sort();
  const gone = (...args: string[]): Promise<unknown> =>
    eventually(`${args.join(' ')} is gone`, async () => (await my.cluster.tryKubectl(['get', ...args])).code !== 0);

  test('the default class waits for the first pod, and its volume is on the node of that pod', async () => {
    const [, second = ''] = await nodes();
    assert.match(await k('get', 'sc'), /local-path \(default\)\s+batuta.dev\/local-path\s+Delete\s+WaitForFirstConsumer\s+true/);
    await create(claim('first'));
    await says('first', /WaitForFirstConsumer +waiting for first consumer to be created before binding/);
    assert.match(await k('get', 'pvc', 'first'), /first\s+Pending\s+local-path/);
    await create(user('first', 'first', `echo here >/data/file; ${idle}`, { nodeSelector: { 'kubernetes.io/hostname': second } }));
    const up = await pods.until('is ready', 'first', isReady);
    assert.equal(up.spec.nodeName, second);
    const { metadata } = await claimOf('first');
    const volume = await volumeOf('first');
    const path = join(my.cluster.dir, 'volumes', second, `pvc-${metadata.uid}_default_first`);
    assert.equal(volume.spec.local?.path, path);
    assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'here\n');
    assert.match(await k('get', 'pvc', 'first'), new RegExp(`first\\s+Bound\\s+pvc-${metadata.uid}\\s+1Gi\\s+RWO\\s+local-path`));
    assert.match(await k('get', 'pv', `pvc-${metadata.uid}`), /1Gi\s+RWO\s+Delete\s+Bound\s+default\/first\s+local-path/);
    assert.match(await k('describe', 'pvc', 'first'), /Used By:\s+first/);
    await create(user('elsewhere', 'first', idle, { nodeSelector: { 'kubernetes.io/hostname': (await nodes())[0] } }));
    await says(
      'elsewhere',
      /FailedScheduling +0\/2 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector, 1 node\(s\) had volume node affinity conflict/,
    );
    await k('delete', 'pod', 'elsewhere', '--now');
  });

  test('a claim in use waits to be deleted; then Delete takes the data with it', async () => {
    await create(claim('used'), user('used', 'used', idle));
    await pods.until('is ready', 'used', isReady);
    const path = (await volumeOf('used')).spec.local?.path ?? '';
    assert.ok(existsSync(path));
    await k('delete', 'pvc', 'used', '--wait=false');
    assert.match(await k('get', 'pvc', 'used'), /used\s+Terminating/);
    await create(user('late', 'used', idle));
    await says('late', /FailedScheduling +0\/2 nodes are available: persistentvolumeclaim "used" is being deleted/);
    await k('delete', 'pod', 'late', 'used', '--now');
    await gone('pvc', 'used');
    await eventually('the directory is gone', async () => !existsSync(path));
    await eventually('the volume is gone', async () => !(await k('get', 'pv')).includes('default/used'));
  });

  test('Retain keeps volume and data', async () => {
    await create(
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: 'kept' },
        provisioner: 'batuta.dev/local-path',
        reclaimPolicy: 'Retain',
        volumeBindingMode: 'Immediate',
      },
      claim('kept', { storageClassName: 'kept' }),
      user('kept', 'kept', 'echo kept >/data/file'),
    );
    await pods.until(
      'has written',
      'kept',
      (p) => p.status.containerStatuses?.[0]?.state.terminated?.exitCode === 0 || p.status.containerStatuses?.[0]?.lastState.terminated,
    );
    const volume = await volumeOf('kept');
    await k('delete', 'pod', 'kept', '--now');
    await k('delete', 'pvc', 'kept');
    await eventually('it is released', async () => (await my.cluster.json<Volume>('get', 'pv', volume.metadata.name)).status.phase === 'Released');
    assert.equal(readFileSync(join(volume.spec.local?.path ?? '', 'file'), 'utf8'), 'kept\n');
    await k('delete', 'pv', volume.metadata.name);
    assert.ok(existsSync(volume.spec.local?.path ?? ''));
  });

  test('a claim grows while its pod runs', async () => {
    await create(claim('grows'), user('grows', 'grows', idle));
    await pods.until('is ready', 'grows', isReady);
    await k('patch', 'pvc', 'grows', '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}');
    await eventually('it has grown', async () => (await claimOf('grows')).status.capacity?.storage === '2Gi');
    assert.equal((await volumeOf('grows')).spec.capacity.storage, '2Gi');
    assert.match(await events('grows'), /VolumeResizeSuccessful/);
    const refused = await my.cluster.tryKubectl(['patch', 'pvc', 'grows', '-p', '{"spec":{"resources":{"requests":{"storage":"1Gi"}}}}']);
    assert.match(refused.err, /field can not be less than status.capacity/);
  });

  test('ReadWriteOncePod: the second pod waits for the first to end', async () => {
    await create(claim('single', { accessModes: ['ReadWriteOncePod'] }), user('single-a', 'single', idle));
    await pods.until('is ready', 'single-a', isReady);
    await create(user('single-b', 'single', idle));
    await says('single-b', /node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode/);
    await k('delete', 'pod', 'single-a', '--now');
    await pods.until('is ready', 'single-b', isReady);
  });

  test('a static hostPath volume, with subPath, subPathExpr and read-only mounts', async () => {
    const dir = join(my.cluster.dir, 'static');
    mkdirSync(dir);
    writeFileSync(join(dir, 'given'), 'given');
    const { volumes } = mounted('static');
    const mounts = [
      { name: 'data', mountPath: '/all', readOnly: true },
      { name: 'data', mountPath: '/sub', subPath: 'a/b' },
      { name: 'data', mountPath: '/own', subPathExpr: 'of-$(NAME)' },
    ];
    await create(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'static' },
        spec: { capacity: { storage: '5Gi' }, accessModes: ['ReadWriteMany'], storageClassName: 'manual', hostPath: { path: dir, type: 'Directory' } },
      },
      claim('static', { accessModes: ['ReadWriteMany'], storageClassName: 'manual' }),
      pod(
        'static',
        [
          sh(`cat /all/given; touch /all/x 2>/dev/null || echo "read only"; echo sub >/sub/file; echo own >/own/file; ${idle}`, {
            volumeMounts: mounts,
            env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          }),
        ],
        { volumes },
      ),
    );
    await pods.until('is ready', 'static', isReady);
    await eventually('it wrote', async () => existsSync(join(dir, 'of-static/file')));
    assert.equal(readFileSync(join(dir, 'a/b/file'), 'utf8'), 'sub\n');
    assert.match(await k('logs', 'static'), /given.*read only/s);
    assert.match(await k('get', 'pvc', 'static'), /static\s+Bound\s+static\s+5Gi\s+RWX\s+manual/);
    await k('delete', 'pod', 'static', '--now');
    await k('delete', 'pvc', 'static');
    await eventually('it is released', async () => (await k('get', 'pv', 'static')).includes('Released'));
    assert.equal(readFileSync(join(dir, 'given'), 'utf8'), 'given');
  });

  test('fsGroup: a user who is not root can write, and what he writes belongs to the group', async () => {
    const securityContext = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 4242 };
    await create(claim('grouped'), user('grouped', 'grouped', `echo x >/data/file && id -G; ${idle}`, { securityContext }));
    await pods.until('is ready', 'grouped', isReady);
    const path = (await volumeOf('grouped')).spec.local?.path ?? '';
    await eventually('it wrote', async () => existsSync(join(path, 'file')));
    assert.deepEqual([statSync(path).gid, statSync(path).mode & 0o2070], [4242, 0o2070]);
    assert.deepEqual([statSync(join(path, 'file')).uid, statSync(join(path, 'file')).gid], [1000, 4242]);
  });

  test('a generic ephemeral volume comes and goes with its pod', async () => {
    const template = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
    await create(
      pod('scratchy', [sh(`echo x >/scratch/file; ${idle}`, { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] })], {
        volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: template } }],
      }),
    );
    await pods.until('is ready', 'scratchy', isReady);
    const path = (await volumeOf('scratchy-scratch')).spec.local?.path ?? '';
    assert.ok(existsSync(path));
    await k('delete', 'pod', 'scratchy', '--now');
    await gone('pvc', 'scratchy-scratch');
    await eventually('the directory is gone', async () => !existsSync(path));
  });

  test('a CSI volume is attached and detached, as far as its attacher says', async () => {
    const attachments = async (): Promise<{ metadata: { name: string }; spec: { nodeName: string } }[]> =>
      (await my.cluster.json<{ items: { metadata: { name: string }; spec: { nodeName: string; source: Fields } }[] }>('get', 'volumeattachments')).items.filter(
        ({ spec }) => spec.source['persistentVolumeName'] === 'attachable',
      );
    const spec = {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'attachable',
      csi: { driver: 'csi.example.com', volumeHandle: 'vol-2' },
    };
    await create(
      { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'attachable' }, spec },
      claim('attachable', { storageClassName: 'attachable' }),
      user('attachable', 'attachable', idle),
    );
    const [made] = await eventually('there is an attachment', async () => ((await attachments()).length > 0 ? attachments() : undefined));
    assert.match(made?.metadata.name ?? '', /^csi-[0-9a-f]{64}$/);
    await k('patch', 'volumeattachment', made?.metadata.name ?? '', '--subresource=status', '--type=merge', '-p', '{"status":{"attached":true}}');
    await says('attachable', /SuccessfulAttachVolume +AttachVolume.Attach succeeded for volume "attachable"/);
    assert.match(await k('get', 'node', made?.spec.nodeName ?? '', '-o', 'jsonpath={.status.volumesAttached}'), /kubernetes.io\/csi\/csi.example.com\^vol-2/);
    await k('delete', 'pod', 'attachable', '--now');
    await eventually('it is detached', async () => (await attachments()).length === 0);
    assert.equal(await k('get', 'node', made?.spec.nodeName ?? '', '-o', 'jsonpath={.status.volumesAttached}'), '');
  });

  test('a block volume is a device in the container', async (t) => {
    const [node] = await nodes();
    const file = join(my.cluster.dir, 'disk');
    writeFileSync(file, Buffer.concat([Buffer.from('block'), Buffer.alloc(2 ** 20)]));
    const made = await run('losetup', ['-f', '--show', file]);
    if (made.code !== 0) return t.skip(`no loop devices here: ${made.err}`);
    const device = made.out.trim();
    t.after(() => run('losetup', ['-d', device]));
    const here = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] } };
    const spec = { capacity: { storage: '1Mi' }, accessModes: ['ReadWriteOnce'], volumeMode: 'Block', storageClassName: 'disks', local: { path: device } };
    await create(
      { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'disk' }, spec: { ...spec, nodeAffinity: here } },
      claim('disk', { volumeMode: 'Block', storageClassName: 'disks', resources: { requests: { storage: '1Mi' } } }),
      pod('disk', [sh(`head -c 5 /dev/xvda; echo; ${idle}`, { volumeDevices: [{ name: 'data', devicePath: '/dev/xvda' }] })], {
        volumes: mounted('disk').volumes,
      }),
    );
    await pods.until('is ready', 'disk', isReady);
    await eventually('it reads the device', async () => (await k('logs', 'disk')).startsWith('block'));
    await k('delete', 'pod', 'disk', '--now');
  });

  test('what cannot be mounted is said on the pod', async () => {
    const [node] = await nodes();
    const volume = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] };
    await create(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'csi' },
        spec: { ...volume, storageClassName: 'csi', csi: { driver: 'ebs.csi.aws.com', volumeHandle: 'vol-1' } },
      },
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'nfs' },
        spec: { ...volume, storageClassName: 'nfs', nfs: { server: 'files', path: '/' } },
      },
      claim('csi', { storageClassName: 'csi' }),
      claim('nfs', { storageClassName: 'nfs' }),
      user('on-csi', 'csi', idle),
      user('on-nfs', 'nfs', idle),
      user('on-nothing', 'nothing', idle, { nodeName: node }),
    );
    await says(
      'on-csi',
      /FailedMount +MountVolume.SetUp failed for volume "csi" : kubernetes.io\/csi:.* driver name ebs.csi.aws.com not found in the list of registered CSI drivers/,
    );
    await says(
      'on-nfs',
      /FailedMount +MountVolume.SetUp failed for volume "nfs" : persistent volumes of type "nfs" are not supported on this node; supported are hostPath, local/,
    );
    await says('on-nothing', /FailedMount +Unable to attach or mount volumes: unmounted volumes=\[data\].*persistentvolumeclaim "nothing" not found/);
    await create(claim('nothing', { storageClassName: 'kept-now' }), {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'kept-now' },
      provisioner: 'batuta.dev/local-path',
      volumeBindingMode: 'Immediate',
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'kubernetes.io/hostname', values: [node] }] }],
    });
    await pods.until('starts when the claim is bound', 'on-nothing', isReady);
  });
});

describe('what survives', { skip: cannotRunContainers() ?? false }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);

  test('data outlives pods, kill -9 and down', async () => {
    const writer = (name: string): string => JSON.stringify(user(name, 'data', `echo ${name} >>/data/log; ${idle}`));
    await my.cluster.apply(JSON.stringify(claim('data')));
    await my.cluster.apply(writer('one'));
    await k('wait', '--for=condition=Ready', 'pod/one', '--timeout=120s');
    process.kill(my.cluster.pid(), 'SIGKILL');
    await my.cluster.up();
    await k('wait', '--for=condition=Ready', 'pod/one', '--timeout=120s');
    assert.equal(await k('exec', 'one', '--', 'cat', '/data/log'), 'one\n', 'the container is the same');
    await k('delete', 'pod', 'one', '--now');
    await my.cluster.apply(writer('two'));
    await k('wait', '--for=condition=Ready', 'pod/two', '--timeout=120s');
    assert.equal((await my.cluster.batuta('down')).code, 0);
    assert.equal(readdirSync(join(my.cluster.dir, 'volumes', 'node-1')).length, 1);
    await my.cluster.up();
    await k('wait', '--for=condition=Ready', 'pod/two', '--timeout=120s');
    assert.equal(await k('exec', 'two', '--', 'cat', '/data/log'), 'one\ntwo\ntwo\n');
    await k('delete', 'pod/two', 'pvc/data', '--now');
    await eventually('the directory is gone', async () => readdirSync(join(my.cluster.dir, 'volumes', 'node-1')).length === 0);
  });
});
