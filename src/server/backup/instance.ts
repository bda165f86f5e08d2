import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '#base';
import type { ClosableStore } from '#store';
import type { ControlHandler } from '../control.ts';
import type { Paths } from '../paths.ts';
import type { BackupDeps, Backups } from './backups.ts';

/** Backups of an instance that starts: what they need is loaded with the first of them, or for a schedule. */
export function instanceBackups(deps: Omit<BackupDeps, 'store'> & { store: Promise<BackupDeps['store']> }, log: Logger): Backups {
  let loaded: Promise<Backups> | undefined;
  const load = (): Promise<Backups> =>
    (loaded ??= Promise.all([deps.store, import('./backups.ts')]).then(([store, { startBackups }]) => startBackups({ ...deps, store }, log)));
  if (existsSync(join(deps.paths.data, 'backup-schedule.json'))) load().catch((error: unknown) => log.error('no backups are made', { error }));
  const handler =
    (name: string): ControlHandler =>
    async (body) =>
      (await load()).handlers[name]?.(body);
  return {
    handlers: Object.fromEntries(['backup-create', 'backup-restore', 'backup-schedule-changed'].map((name) => [name, handler(name)])),
    stop: async () => (await loaded)?.stop(),
  };
}

/** The store of an instance that starts, after the restore that the last process did not end, if there is one. */
export async function afterRestore(store: Promise<ClosableStore>, paths: Paths, log: Logger): Promise<ClosableStore> {
  const opened = await store;
  if (!existsSync(join(paths.data, 'restore', 'plan.json'))) return opened;
  log.info('a restore was cut off: it is brought to its end');
  const { applyRestore } = await import('./restore.ts');
  await applyRestore(paths, opened, async (work) => work());
  return opened;
}
