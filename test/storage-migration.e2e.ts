/** A custom resource moves to another stored version: what was stored before is written again, and the old version can go. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { useCluster } from './harness.ts';

interface Named {
  metadata: { name: string; resourceVersion: string };
}
interface Definition {
  spec: { versions: { name: string }[] };
  status: { storedVersions: string[] };
}
const crd = 'lamps.migrate.example.com';
const definition = (...versions: { name: string; served: boolean; storage: boolean }[]): string =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crd },
    spec: {
      group: 'migrate.example.com',
      names: { plural: 'lamps', singular: 'lamp', kind: 'Lamp', listKind: 'LampList' },
      scope: 'Namespaced',
      versions: versions.map((version) => ({ ...version, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } })),
    },
  });
const migration = (name: string, group: string, resource: string): string =>
  JSON.stringify({
    apiVersion: 'storagemigration.k8s.io/v1beta1',
    kind: 'StorageVersionMigration',
    metadata: { name },
    spec: { resource: { group, resource } },
  });
const lamp = (name: string, version: string): string =>
  JSON.stringify({ apiVersion: `migrate.example.com/${version}`, kind: 'Lamp', metadata: { name }, bulb: name });

describe('storage version migration, with kubectl', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
  const versions = async (): Promise<{ [name: string]: string }> => {
    const { items } = await my.cluster.json<{ items: Named[] }>('get', 'lamps');
    return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  };
  const migrate = async (name: string, group: string, resource: string, outcome: string): Promise<void> => {
    await my.cluster.apply(migration(name, group, resource));
    await my.cluster.kubectl('wait', `--for=condition=${outcome}`, `storageversionmigration/${name}`, '--timeout=90s');
  };

  test('objects in an older stored version are written again, the others are left alone; then the old version can go', async () => {
    await my.cluster.apply(definition({ name: 'v1', served: true, storage: true }));
    await my.cluster.kubectl('wait', '--for=condition=Established', `crd/${crd}`, '--timeout=60s');
    for (const name of ['a', 'b']) await my.cluster.apply(lamp(name, 'v1'));
    await my.cluster.apply(definition({ name: 'v1', served: true, storage: false }, { name: 'v2', served: true, storage: true }));
    await my.cluster.apply(lamp('c', 'v2'));
    const before = await versions();
    assert.deepEqual((await my.cluster.json<Definition>('get', 'crd', crd)).status.storedVersions, ['v1', 'v2']);

    await migrate('lamps', 'migrate.example.com', 'lamps', 'Succeeded');
    const after = await versions();
    assert.notEqual(after['a'], before['a']);
    assert.notEqual(after['b'], before['b']);
    assert.equal(after['c'], before['c']);
    assert.match(await my.cluster.kubectl('get', 'storageversionmigrations'), /^NAME +RESOURCE\nlamps +lamps\.migrate\.example\.com\n$/);

    await my.cluster.kubectl('patch', 'crd', crd, '--subresource=status', '--type=merge', '-p', '{"status":{"storedVersions":["v2"]}}');
    await my.cluster.apply(definition({ name: 'v2', served: true, storage: true }));
    assert.deepEqual(
      (await my.cluster.json<Definition>('get', 'crd', crd)).spec.versions.map(({ name }) => name),
      ['v2'],
    );
    const { items } = await my.cluster.json<{ items: { bulb: string }[] }>('get', 'lamps.v2.migrate.example.com');
    assert.deepEqual(
      items.map(({ bulb }) => bulb),
      ['a', 'b', 'c'],
    );
  });
  test('a built-in resource has nothing to do; an unknown one fails', async () => {
    await migrate('maps', '', 'configmaps', 'Succeeded');
    await migrate('nothing', 'example.com', 'nothings', 'Failed');
    const { status } = await my.cluster.json<{ status: { conditions: { type: string; message: string }[] } }>('get', 'storageversionmigration', 'nothing');
    assert.deepEqual(
      status.conditions.map(({ type, message }) => `${type}: ${message}`),
      ['Failed: resource does not exist in discovery'],
    );
    const refused = await my.cluster.tryKubectl([
      'patch',
      'storageversionmigration/nothing',
      '--type=merge',
      '-p',
      '{"spec":{"resource":{"resource":"other"}}}',
    ]);
    assert.match(refused.err, /resource: Invalid value: "other": field is immutable/);
  });
});
