import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { ConfigMap, StorageVersionMigration, type V1beta1StorageVersionMigration } from '#kinds';
import { ApiError } from '#machinery';
import { storageVersionMigratorController } from './storage-version-migrator.ts';
import { createWorld, type World } from './testing/world.ts';

describe('storage version migrator', () => {
  let world: World;
  afterEach(() => world.stop());

  const start = (maps: number): void => {
    world = createWorld([storageVersionMigratorController]);
    for (let i = 0; i < maps; i++) world.api.put(ConfigMap, { metadata: { namespace: 'default', name: `m${i}` }, data: { n: String(i) } });
  };
  const ask = (resource: string, group = ''): void =>
    void world.api.put(StorageVersionMigration, { metadata: { name: 'ask' }, spec: { resource: { group, resource } } });
  const status = (): NonNullable<V1beta1StorageVersionMigration['status']> => world.api.all(StorageVersionMigration)[0]?.status ?? {};
  const conditions = (): string[] => (status().conditions ?? []).map(({ type, status: is, reason, message }) => [type, is, reason, message].join(' ').trim());
  const written = (): string[] => world.api.writes.filter(({ kind }) => kind === 'ConfigMap').map(({ verb, name }) => `${verb} ${name}`);

  it('writes every object again as it is, once', async () => {
    start(3);
    ask('configmaps');
    await world.run();
    assert.deepEqual(written(), ['update m0', 'update m1', 'update m2']);
    assert.deepEqual(conditions(), ['Running False StorageVersionMigrationInProgress', 'Succeeded True StorageVersionMigrationSucceeded']);
    assert.match(status().resourceVersion ?? '', /^\d+$/);
    world.api.writes.length = 0;
    await world.run(60_000);
    assert.deepEqual(world.api.writes, [], 'settled means no more writes');
  });
  it('fails for a resource that nobody serves', async () => {
    start(0);
    ask('crontabs', 'stable.example.com');
    await world.run();
    assert.deepEqual(conditions(), ['Failed True StorageVersionMigrationFailed resource does not exist in discovery']);
  });
  it('passes over what someone else wrote or deleted, and fails for what is refused', async () => {
    start(3);
    const refusals: { [name: string]: ApiError } = { m0: new ApiError('Conflict', 'someone was faster'), m1: new ApiError('NotFound', 'gone') };
    world.api.refuse = ({ kind, name }) => (kind === 'ConfigMap' ? refusals[name] : undefined);
    ask('configmaps');
    await world.run();
    assert.deepEqual(written(), ['update m2']);
    assert.equal(conditions().at(-1), 'Succeeded True StorageVersionMigrationSucceeded');

    world.api.drop(StorageVersionMigration, undefined, 'ask');
    refusals['m2'] = new ApiError('Invalid', 'ConfigMap "m2" is invalid');
    ask('configmaps');
    await world.run();
    assert.deepEqual(conditions(), [
      'Running False StorageVersionMigrationInProgress',
      'Failed True StorageVersionMigrationFailed migration encountered unhandled error',
    ]);
  });
  it('begins anew after a restart in the middle, and keeps its resource version', async () => {
    start(2);
    const running = { type: 'Running', status: 'True', reason: 'StorageVersionMigrationInProgress', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
    world.api.put(StorageVersionMigration, {
      metadata: { name: 'ask' },
      spec: { resource: { group: '', resource: 'configmaps' } },
      status: { resourceVersion: '1', conditions: [running] },
    });
    await world.run();
    assert.deepEqual(written(), ['update m0', 'update m1']);
    assert.equal(status().resourceVersion, '1');
    assert.equal(conditions().at(-1), 'Succeeded True StorageVersionMigrationSucceeded');
  });
});
