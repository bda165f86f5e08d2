import type { Logger } from '#base';
import { createMemoryStore, encryptedStore, openSqliteStore, StoreError, type ClosableStore, type EmbeddedStore, type StoreThread } from '#store';
import { loadEncryption } from './encryption.ts';
import { UserError } from './errors.ts';
import type { UpOptions } from './options.ts';
import type { Paths } from './paths.ts';

/** The store that was asked for, on the thread that was started for it, encrypted as asked. Rejects with UserError when it cannot be opened. */
export async function openStore(options: UpOptions, paths: Paths, log: Logger, thread: StoreThread | undefined): Promise<ClosableStore> {
  const rules = await loadEncryption(options, paths);
  const inner = await open(options, paths, log, thread);
  if (rules.length === 0) return inner;
  const store = encryptedStore(inner, rules);
  // A key that was added takes over in the background; what it has not come to is read by the old one.
  store.rewrite().then(
    (count) => count > 0 && log.named('store').info('encrypted again with the first key', { values: count }),
    (error: unknown) =>
      (error as StoreError).code === 'closed' || log.named('store').warn('values could not be encrypted again; the next start tries it', { error }),
  );
  return store;
}

async function open(options: UpOptions, paths: Paths, log: Logger, thread: StoreThread | undefined): Promise<EmbeddedStore> {
  if (options.store === 'memory') return createMemoryStore();
  try {
    return await openSqliteStore({ file: paths.database, log: log.named('store'), thread });
  } catch (error) {
    if (error instanceof StoreError) throw new UserError(error.message);
    throw error;
  }
}
