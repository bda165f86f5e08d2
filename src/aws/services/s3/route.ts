import { existsSync } from 'node:fs';
import type { ObjectStore, ObjectStoreOptions } from '#objects';
import type { ServiceRoute } from '../../gateway/service.ts';

export interface S3Route {
  readonly route: ServiceRoute;
  /** Opens the store, and with it its lifecycle rules begin to be carried out. */
  open(): Promise<ObjectStore>;
  close(): Promise<void>;
}

/** S3, of which nothing is loaded before the first call, or before `open`. */
export function s3Route(options: ObjectStoreOptions): S3Route {
  let store: Promise<ObjectStore> | undefined;
  const open = (): Promise<ObjectStore> => (store ??= import('#objects').then(({ ObjectStore: Store }) => new Store(options)));
  const load: ServiceRoute['load'] = async () => {
    const [{ s3Service }, opened] = await Promise.all([import('./index.ts'), open()]);
    return s3Service(opened);
  };
  return {
    route: {
      name: 's3',
      hosts: ['s3'],
      fallback: true,
      load,
      // Where nobody ever used S3, nothing is loaded for what is not there.
      reset: async () => (store || existsSync(options.dir) ? (await open()).clear() : undefined),
    },
    open,
    close: async () => (await store)?.close(),
  };
}
