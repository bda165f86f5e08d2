/**
 * Specs of sig-storage about volumes that the API and the node fill: ConfigMaps, Secrets, the downward API, each alone and
 * projected, and emptyDir. One pod has the volumes of many specs; its containers look at them as root and as somebody else.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';
import { idle, isReady, type PodObject } from './pod-kit.ts';
import { wireKit, type Fields, type Thing } from './wire-kit.ts';

type Source = (options?: Fields) => Fields;

describe('sig-storage: volumes of the node', { skip: cannotRunContainers() ?? false, concurrency: 3 }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  const { call, ok, get, create, patch, update, items } = wireKit(my);
  const core = (plural: string, name = '', namespace = 'default'): string => `/api/v1/namespaces/${namespace}/${plural}${name && `/${name}`}`;
  const data = { 'data-1': 'value-1', 'data-2': 'value-2', 'data-3': 'value-3' };
  const bytes = Buffer.from('decafebad0feff', 'hex');
  const base64 = (values: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
  before(async () => {
    await eventually('the ServiceAccount', async () => (await items(core('serviceaccounts'))).length > 0);
    await create('/api/v1/namespaces', { metadata: { name: 'elsewhere' } });
    await create(core('configmaps'), { metadata: { name: 'conf' }, data, binaryData: { 'dump.bin': bytes.toString('base64') } });
    await create(core('secrets'), { metadata: { name: 'hidden' }, data: base64(data) });
    await create(core('secrets', '', 'elsewhere'), { metadata: { name: 'hidden' }, data: base64({ 'data-1': 'of another namespace' }) });
  });

  /** Containers of the pod by name, with what is theirs; the volumes are mounted in all of them, at /NAME. */
  const start = async (name: string, containers: Record<string, Fields>, volumes: Fields[], more: Fields = {}, labels: Fields = {}): Promise<PodObject> => {
    const volumeMounts = volumes.map((volume) => ({ name: volume['name'], mountPath: `/${String(volume['name'])}` }));
    const all = Object.entries(containers).map(([container, own]) => ({
      name: container,
      image: 'hello:1',
      command: ['sh', '-c', idle],
      volumeMounts,
      ...own,
    }));
    await create(core('pods'), { metadata: { name, labels }, spec: { terminationGracePeriodSeconds: 1, containers: all, volumes, ...more } });
    return eventually(`${name} is ready`, async () => {
      const found = await get<PodObject>(core('pods', name));
      return isReady(found) ? found : undefined;
    });
  };
  const sh = (pod: string, container: string, script: string): Promise<string> => my.cluster.kubectl('exec', pod, '-c', container, '--', 'sh', '-c', script);
  /** The mode and the contents of files, as one container sees them. */
  const files = async (pod: string, container: string, paths: readonly string[]): Promise<string[]> => {
    const each = `for f in ${paths.join(' ')}; do echo "$f $(stat -L -c %a $f) $(cat $f)"; done`;
    return (await sh(pod, container, each)).trim().split('\n');
  };

  const configMap: Source = (options = {}) => ({ configMap: { name: 'conf', ...options } });
  const secret: Source = ({ name = 'hidden', ...options } = {}) => ({ secret: { secretName: name, ...options } });
  const projected =
    (kind: string, name: string): Source =>
    ({ defaultMode, ...options } = {}) => ({
      projected: { ...(defaultMode === undefined ? {} : { defaultMode }), sources: [{ [kind]: { name, ...options } }] },
    });
  const sources: Record<string, Source> = { cm: configMap, secret, pcm: projected('configMap', 'conf'), psecret: projected('secret', 'hidden') };
  const path = 'path/to/data-2';

  test('ConfigMap, Secret, both projected: in volumes, with defaultMode, mappings, Item mode, in several volumes, as root and as non-root, binary', async () => {
    const volumes = Object.entries(sources).flatMap(([kind, source]) => [
      { name: kind, ...source() },
      { name: `${kind}-again`, ...source() },
      { name: `${kind}-mode`, ...source({ defaultMode: 0o400 }) },
      { name: `${kind}-items`, ...source({ items: [{ key: 'data-2', path }] }) },
      { name: `${kind}-item-mode`, ...source({ items: [{ key: 'data-2', path, mode: 0o400 }] }) },
    ]);
    await start('files', { main: {}, user: { securityContext: { runAsUser: 1000 } } }, volumes);
    const kinds = Object.keys(sources);
    const readable = kinds.flatMap((kind) => [`/${kind}/data-1`, `/${kind}-again/data-1`, `/${kind}-items/${path}`]);
    const shown = kinds.flatMap((kind) => [`/${kind}/data-1 644 value-1`, `/${kind}-again/data-1 644 value-1`, `/${kind}-items/${path} 644 value-2`]);
    assert.deepEqual(await files('files', 'main', readable), shown);
    assert.deepEqual(await files('files', 'user', readable), shown);
    const strict = kinds.flatMap((kind) => [`/${kind}-mode/data-1`, `/${kind}-item-mode/${path}`]);
    assert.deepEqual(
      await files('files', 'main', strict),
      kinds.flatMap((kind) => [`/${kind}-mode/data-1 400 value-1`, `/${kind}-item-mode/${path} 400 value-2`]),
    );
    assert.match(await sh('files', 'user', `cat ${strict.join(' ')} 2>&1; ls /cm-items`), /^(cat: .*Permission denied\n){8}path\n$/);
    const sum = createHash('md5').update(bytes).digest('hex');
    assert.match(await sh('files', 'main', 'md5sum /cm/dump.bin /pcm/dump.bin'), new RegExp(`^${sum}  /cm/dump.bin\n${sum}  /pcm/dump.bin\n$`));
  });

  test('Secret, also projected: as non-root with defaultMode and fsGroup; with the same name in another namespace', async () => {
    const volumes = (['secret', 'psecret'] as const).map((kind) => ({ name: kind, ...sources[kind]!({ defaultMode: 0o440 }) }));
    await start('group', { main: {} }, volumes, { securityContext: { runAsUser: 1000, fsGroup: 1001 } });
    assert.deepEqual(await files('group', 'main', ['/secret/data-1', '/psecret/data-1']), ['/secret/data-1 440 value-1', '/psecret/data-1 440 value-1']);
    assert.equal(await sh('group', 'main', 'id -u; stat -L -c %g /secret/data-1 /psecret/data-1'), '1000\n1001\n1001\n');
  });

  test('ConfigMap, Secret, both projected: optional updates should be reflected in volume', async () => {
    const kinds: Record<string, { plural: string; build: (name: string) => Fields; encode: typeof base64 }> = {
      cm: { plural: 'configmaps', build: (name) => configMap({ name, optional: true }), encode: (values) => values },
      secret: { plural: 'secrets', build: (name) => secret({ name, optional: true }), encode: base64 },
      pcm: { plural: 'configmaps', build: (name) => projected('configMap', name)({ optional: true }), encode: (values) => values },
      psecret: { plural: 'secrets', build: (name) => projected('secret', name)({ optional: true }), encode: base64 },
    };
    for (const [kind, { plural, encode }] of Object.entries(kinds))
      for (const what of ['del', 'upd']) await create(core(plural), { metadata: { name: `${kind}-${what}` }, data: encode({ 'data-1': 'value-1' }) });
    const volumes = Object.entries(kinds).flatMap(([kind, { build }]) =>
      ['del', 'upd', 'create'].map((what) => ({ name: `${kind}-${what}`, ...build(`${kind}-${what}`) })),
    );
    await start('optional', { main: {} }, volumes);
    const all = Object.keys(kinds);
    assert.equal(await sh('optional', 'main', `ls ${all.map((kind) => `/${kind}-create`).join(' ')} | grep data; cat /*-del/data-1`), 'value-1'.repeat(4));
    for (const [kind, { plural, encode }] of Object.entries(kinds)) {
      await ok('DELETE', core(plural, `${kind}-del`));
      await update<Thing & { data: Fields }>(core(plural, `${kind}-upd`), (object) => (object.data = encode({ 'data-3': 'value-3' })));
      await create(core(plural), { metadata: { name: `${kind}-create` }, data: encode({ 'data-1': 'value-1' }) });
    }
    const wanted = all.flatMap((kind) => [`/${kind}-create/data-1 value-1`, `/${kind}-upd/data-3 value-3`]).sort();
    await eventually('the volumes follow', async () => {
      const seen = await sh('optional', 'main', 'for f in /*-del/data-* /*-upd/data-* /*-create/data-*; do [ -f $f ] && echo "$f $(cat $f)"; done; true');
      return seen.trim().split('\n').sort().join() === wanted.join();
    });
  });

  test('ConfigMap, Secret: should be immutable if `immutable` field is set', async () => {
    for (const [plural, encode] of [
      ['configmaps', (values: Record<string, string>) => values],
      ['secrets', base64],
    ] as const) {
      const at = core(plural, 'fixed');
      type Held = Thing & { data: Fields; immutable?: boolean };
      await create(core(plural), { metadata: { name: 'fixed' }, data: encode({ 'data-1': 'value-1' }) });
      await update<Held>(at, (object) => (object.data = encode({ 'data-4': 'value-4' })));
      await update<Held>(at, (object) => (object.immutable = true));
      const held = await get<Held>(at);
      const refused = async (change: Fields): Promise<void> => {
        const { code, body } = await call('PUT', at, { ...held, ...change });
        assert.equal(code, 422);
        assert.match(String(body['message']), /: Forbidden: field is immutable when `immutable` is set/);
      };
      await refused({ immutable: false });
      await refused({ data: encode({ 'data-5': 'value-5' }) });
      await update<Held>(at, ({ metadata }) => (metadata.labels = { label1: 'value1' }));
      await ok('DELETE', at);
      await create(core(plural), { metadata: { name: 'fixed' }, data: encode({ 'data-1': 'again' }) });
    }
  });

  test('Downward API, also projected: pod name, labels, annotations, limits, requests, allocatable, modes; updates; projected with the other sources', async () => {
    const field = (name: string, fieldPath: string): Fields => ({ path: name, fieldRef: { fieldPath } });
    const resource = (name: string, from: string, containerName: string): Fields => ({
      path: name,
      resourceFieldRef: { containerName, resource: from, ...(from.endsWith('cpu') ? { divisor: '1m' } : {}) },
    });
    const facts = [
      field('podname', 'metadata.name'),
      field('labels', 'metadata.labels'),
      field('annotations', 'metadata.annotations'),
      resource('cpu_limit', 'limits.cpu', 'main'),
      resource('memory_limit', 'limits.memory', 'main'),
      resource('cpu_request', 'requests.cpu', 'main'),
      resource('memory_request', 'requests.memory', 'main'),
      resource('cpu_all', 'limits.cpu', 'bare'),
      resource('memory_all', 'limits.memory', 'bare'),
    ];
    const downward: Record<string, Source> = {
      down: (options = {}) => ({ downwardAPI: options }),
      pdown: ({ defaultMode, ...options } = {}) => ({
        projected: { ...(defaultMode === undefined ? {} : { defaultMode }), sources: [{ downwardAPI: options }] },
      }),
    };
    const volumes: Fields[] = Object.entries(downward).flatMap(([kind, source]) => [
      { name: kind, ...source({ items: facts }) },
      { name: `${kind}-mode`, ...source({ defaultMode: 0o400, items: [field('podname', 'metadata.name')] }) },
      { name: `${kind}-item`, ...source({ items: [{ ...field('podname', 'metadata.name'), mode: 0o400 }] }) },
    ]);
    const one = [
      { configMap: { name: 'conf', items: [{ key: 'data-1', path: 'from-map' }] } },
      { secret: { name: 'hidden', items: [{ key: 'data-2', path: 'from-secret' }] } },
    ];
    volumes.push({ name: 'all', projected: { sources: [...one, { downwardAPI: { items: [facts[0], facts[3]] } }] } });
    const resources = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } };
    await start('downward', { main: { resources }, bare: {} }, volumes, {}, { key1: 'value1' });
    const { allocatable } = (await items<Thing<Fields, { allocatable: { cpu: string; memory: string } }>>('/api/v1/nodes'))[0]!.status;
    for (const kind of Object.keys(downward)) {
      const names = facts.map((fact) => String(fact['path'])).filter((name) => name !== 'annotations' && !name.endsWith('_all'));
      const values = ['downward', 'key1="value1"', '1250', String(64 << 20), '250', String(32 << 20)];
      assert.deepEqual(
        await files(
          'downward',
          'main',
          names.map((name) => `/${kind}/${name}`),
        ),
        names.map((name, i) => `/${kind}/${name} 644 ${values[i]}`),
      );
      assert.deepEqual(await files('downward', 'main', [`/${kind}-mode/podname`, `/${kind}-item/podname`]), [
        `/${kind}-mode/podname 400 downward`,
        `/${kind}-item/podname 400 downward`,
      ]);
      const [cpu, memory] = (await sh('downward', 'main', `cat /${kind}/cpu_all; echo; cat /${kind}/memory_all`)).split('\n');
      const milli = allocatable.cpu.endsWith('m') ? Number(allocatable.cpu.slice(0, -1)) : Number(allocatable.cpu) * 1000;
      assert.deepEqual([Number(cpu), Number(memory)], [milli, Number.parseInt(allocatable.memory, 10) * (allocatable.memory.endsWith('Ki') ? 1024 : 1)]);
    }
    assert.equal(
      await sh('downward', 'main', 'cd /all && for f in *; do echo "$f $(cat $f)"; done'),
      'cpu_limit 1250\nfrom-map value-1\nfrom-secret value-2\npodname downward\n',
    );
    await patch(core('pods', 'downward'), { metadata: { labels: { key3: 'value3' }, annotations: { builder: 'foo' } } });
    await eventually('the files follow', async () => {
      const seen = await sh('downward', 'main', 'cat /down/labels /down/annotations /pdown/labels /pdown/annotations');
      return seen.match(/key3="value3"/g)?.length === 2 && seen.match(/builder="foo"/g)?.length === 2;
    });
  });

  test('EmptyDir: files of 0644, 0666 and 0777 by root and by non-root, on the default medium and on tmpfs; the mode of both', async () => {
    const volumes = [
      { name: 'disk', emptyDir: {} },
      { name: 'tmpfs', emptyDir: { medium: 'Memory' } },
    ];
    await start('empty', { main: {}, user: { securityContext: { runAsUser: 1001 } } }, volumes);
    const script = (who: string): string =>
      `cd /tmp; for d in disk tmpfs; do for m in 0644 0666 0777; do f=/$d/${who}-$m; echo mount-tester new file >$f && chmod $m $f && stat -c '%n %a %u' $f && cat $f; done; done`;
    for (const [container, uid] of [
      ['main', 0],
      ['user', 1001],
    ] as const)
      assert.equal(
        await sh('empty', container, script(container)),
        ['disk', 'tmpfs']
          .flatMap((dir) => ['644', '666', '777'].map((mode) => `/${dir}/${container}-0${mode} ${mode} ${uid}\nmount-tester new file\n`))
          .join(''),
      );
    assert.match(await sh('empty', 'main', 'stat -c %a /disk /tmpfs'), /^1?777\n1?777\n$/);
    assert.match(await sh('empty', 'main', 'grep " /tmpfs " /proc/mounts'), /^tmpfs \/tmpfs tmpfs /);
    assert.doesNotMatch(await sh('empty', 'main', 'grep " /disk " /proc/mounts'), /^tmpfs /);
  });

  test('Subpath: of a configmap, also over a file that is there, a secret, a downward and a projected volume', async () => {
    const volumes = [
      { name: 'cm', ...configMap() },
      { name: 'secret', ...secret() },
      { name: 'down', downwardAPI: { items: [{ path: 'downward/podname', fieldRef: { fieldPath: 'metadata.name' } }] } },
      { name: 'projected', projected: { sources: [{ configMap: { name: 'conf', items: [{ key: 'data-2', path: 'projected/two' }] } }] } },
    ];
    const mount = (name: string, mountPath: string, subPath: string): Fields => ({ name, mountPath, subPath });
    const volumeMounts = [
      mount('cm', '/probe/cm', 'data-1'),
      mount('cm', '/etc/hello-version', 'data-2'),
      mount('secret', '/probe/secret', 'data-1'),
      mount('down', '/probe/down', 'downward/podname'),
      mount('projected', '/probe/projected', 'projected'),
    ];
    await start('subpath', { main: { volumeMounts } }, volumes);
    assert.equal(
      await sh('subpath', 'main', 'for f in /probe/cm /etc/hello-version /probe/secret /probe/down /probe/projected/two; do cat $f; echo; done'),
      'value-1\nvalue-2\nvalue-1\nsubpath\nvalue-2\n',
    );
  });

  test('EmptyDir wrapper volumes should not cause race condition when used for configmaps', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `racey-${i}`);
    for (const name of names) await create(core('configmaps'), { metadata: { name, labels: { racey: 'yes' } }, data: { 'data-1': 'value-1' } });
    const volumes = names.map((name) => ({ name, configMap: { name, items: [{ key: 'data-1', path: 'data-1' }] } }));
    const volumeMounts = names.map((name) => ({ name, mountPath: `/etc/config-${name}` }));
    const containers = [{ name: 'c', image: 'hello:1', command: ['sh', '-c', `cat /etc/config-racey-*/data-1 | wc -c; ${idle}`], volumeMounts }];
    const template = { metadata: { labels: { name: 'racey' } }, spec: { terminationGracePeriodSeconds: 1, containers, volumes } };
    await create(core('replicationcontrollers'), { metadata: { name: 'racey' }, spec: { replicas: 5, selector: { name: 'racey' }, template } });
    const pods = await eventually('five run', async () => {
      const found = (await items(`${core('pods')}?labelSelector=name%3Dracey`)) as unknown as PodObject[];
      return found.filter(isReady).length === 5 ? found : undefined;
    });
    for (const { metadata } of pods) {
      const { body } = await call('GET', `${core('pods', metadata.name)}/log`);
      assert.equal(String(body['text']).trim(), String(50 * 'value-1'.length));
    }
    await ok('DELETE', `${core('replicationcontrollers', 'racey')}?propagationPolicy=Background`);
    await ok('DELETE', `${core('configmaps')}?labelSelector=racey%3Dyes`);
  });

  test('CSIVolumes: should support CSIVolumeSource in Pod API', async () => {
    const inline = { name: 'inline', csi: { driver: 'e2e.example.com', readOnly: true, volumeAttributes: { a: 'b' } } };
    const containers = [{ name: 'c', image: 'hello:1', volumeMounts: [{ name: 'inline', mountPath: '/mnt' }] }];
    const at = core('pods', 'inline');
    await create(core('pods'), { metadata: { name: 'inline', labels: { csi: 'inline' } }, spec: { containers, volumes: [inline] } });
    const made = await get<Thing<{ volumes: Fields[] }>>(at);
    assert.deepEqual(
      made.spec.volumes.find(({ name }) => name === 'inline'),
      inline,
    );
    const patched = await patch<typeof made>(at, { metadata: { annotations: { patched: 'yes' } } });
    assert.deepEqual(
      patched.spec.volumes.find(({ name }) => name === 'inline'),
      inline,
    );
    await ok('DELETE', `${core('pods')}?labelSelector=csi%3Dinline`, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 });
    await eventually('it is gone', async () => (await call('GET', at)).code === 404);
  });
});
