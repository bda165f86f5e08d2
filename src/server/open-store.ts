import type { Logger } from '#base';
import { createMemoryStore, openSqliteStore, StoreError, type ClosableStore } from '#store';
import { UserError } from './errors.ts';
import type { UpOptions } from './options.ts';
import type { Paths } from './paths.ts';

/** The store that was asked for. Rejects with UserError when it cannot be opened. */
export async function openStore(options: UpOptions, paths: Paths, log: Logger): Promise<ClosableStore> {
  if (options.store === 'memory') return createMemoryStore();
  try {
    return await openSqliteStore({ file: paths.database, log: log.named('store') });
  } catch (error) {
    if (error instanceof StoreError) throw new UserError(error.message);
    throw error;
  }
}
