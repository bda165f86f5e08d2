import { formatTime } from '#base';
import { migrationIs, StorageVersionMigration, type V1beta1StorageVersionMigration, type V1Condition } from '#kinds';
import { isApiError, type Kind, type KubeObject } from '#machinery';
import { ownKey, type Controller, type ControllerContext } from './controller.ts';
import { writeStatus } from './status.ts';

type Migration = V1beta1StorageVersionMigration;
type Outcome = 'Running' | 'Succeeded' | 'Failed';
const reasons: { readonly [type in Outcome]: string } = {
  Running: 'StorageVersionMigrationInProgress',
  Succeeded: 'StorageVersionMigrationSucceeded',
  Failed: 'StorageVersionMigrationFailed',
};
/** Objects read at a time. */
const page = 500;

/**
 * Writes every object of a resource again as it is: the API server stores it in the version that is stored now. A
 * restart in the middle begins anew, which does no harm: an object that is up to date is not written.
 */
export const storageVersionMigratorController: Controller = {
  name: 'storage-version-migrator',
  component: 'storage-version-migrator-controller',
  concurrency: 5,
  setup(context) {
    const migrations = context.watch(StorageVersionMigration, ownKey);

    return async (name) => {
      const migration = migrations.get(undefined, name);
      if (!migration || migrationIs(migration, 'Succeeded') || migrationIs(migration, 'Failed')) return;
      const kind = kindOf(context, migration);
      if (!kind) return void (await settle(context, migration, 'Failed', 'resource does not exist in discovery'));
      await migrate(context, migration, kind);
    };
  },
};

function kindOf({ client }: ControllerContext, { spec }: Migration): Kind | undefined {
  const { group = '', resource } = spec?.resource ?? {};
  return client.kinds.resources().find((kind) => kind.group === group && kind.plural === resource && kind.verbs.includes('update'));
}

async function migrate(context: ControllerContext, migration: Migration, kind: Kind): Promise<void> {
  const first = await context.api.list(kind, { limit: page });
  const status = { ...migration.status, resourceVersion: migration.status?.resourceVersion || first.resourceVersion };
  const running = await settle(context, { ...migration, status }, 'Running');
  if (!running) return;
  try {
    await rewriteAll(context, kind, first);
  } catch (error) {
    if (!isApiError(error)) throw error;
    context.log.warn('a migration failed', { migration: migration.metadata?.name ?? '', error });
    return void (await settle(context, running, 'Failed', 'migration encountered unhandled error'));
  }
  await settle(context, running, 'Succeeded');
}

async function rewriteAll({ api }: ControllerContext, kind: Kind, first: Awaited<ReturnType<ControllerContext['api']['list']>>): Promise<void> {
  for (let list = first; ; list = await api.list(kind, { limit: page, continue: list.continue ?? '' })) {
    for (const object of list.items) await rewrite({ api }, kind, object);
    if (!list.continue) return;
  }
}
/** Whatever someone else did to the object meanwhile, it was written by that: updated, or deleted, or made anew. */
async function rewrite({ api }: Pick<ControllerContext, 'api'>, kind: Kind, object: KubeObject): Promise<void> {
  try {
    await api.update(kind, { ...object, metadata: { ...object.metadata } });
  } catch (error) {
    if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
  }
}

/** Gives the migration as it is then; undefined when it is gone. */
function settle(context: ControllerContext, migration: Migration, type: Outcome, message = ''): Promise<Migration | undefined> {
  const lastTransitionTime = formatTime(context.clock.now());
  const before = migration.status?.conditions ?? [];
  const kept = before.map((condition): V1Condition =>
    type !== 'Running' && condition.type === 'Running' && condition.status === 'True' ? { ...condition, status: 'False', lastTransitionTime } : condition,
  );
  const own: V1Condition = { type, status: 'True', lastTransitionTime, reason: reasons[type], message };
  const conditions = migrationIs(migration, type) ? kept : [...kept.filter((condition) => condition.type !== type), own];
  return writeStatus(context.api, StorageVersionMigration, migration, { ...migration.status, conditions });
}
