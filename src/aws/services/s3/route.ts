import { existsSync } from 'node:fs';
import type { ObjectStore, ObjectStoreOptions } from '#objects';
import type { EventBus } from '../../events/bus.ts';
import type { ServiceRoute } from '../../gateway/service.ts';
import type { S3Events } from './events.ts';

export interface S3Route {
  readonly routes: readonly ServiceRoute[];
  /** Opens the store, and with it its lifecycle rules begin to be carried out. */
  open(): Promise<ObjectStore>;
  close(): Promise<void>;
}

/** S3 and S3 Control, of which nothing is loaded before the first call, or before `open`. */
export function s3Route(options: ObjectStoreOptions, bus: EventBus): S3Route {
  let store: Promise<ObjectStore> | undefined;
  let events: S3Events | undefined;
  const make = async (): Promise<ObjectStore> => {
    const [{ ObjectStore: Store }, { S3Events: Events }] = await Promise.all([import('#objects'), import('./events.ts')]);
    const made: ObjectStore = new Store({
      ...options,
      onLifecycle(bucket, { version, ...action }, deleted) {
        if (action.do === 'transition') events?.moved(bucket, version, action.storageClass);
        else if (deleted) events?.deleted(bucket, version.key, deleted, action.do === 'remove' ? version.version : undefined, undefined);
      },
    });
    events = new Events(made, bus);
    return made;
  };
  const open = (): Promise<ObjectStore> => (store ??= make());
  const load: ServiceRoute['load'] = async () => {
    const [{ s3Service }, opened] = await Promise.all([import('./index.ts'), open()]);
    return s3Service(opened, events);
  };
  const route: ServiceRoute = {
    name: 's3',
    hosts: ['s3'],
    fallback: true,
    load,
    // Where nobody ever used S3, nothing is loaded for what is not there.
    reset: async () => (store || existsSync(options.dir) ? (await open()).clear() : undefined),
  };
  const control: ServiceRoute = {
    name: 's3-control',
    signing: ['s3'],
    hosts: [],
    // It signs as S3 does; what tells it from a bucket of that name is that it always says the account.
    recognizes: (request) => request.path.startsWith('/v20180820/') && request.header('x-amz-account-id') !== undefined,
    load: async () => {
      const [{ s3ControlService }, opened] = await Promise.all([import('../s3-control/index.ts'), open()]);
      return s3ControlService(opened);
    },
  };
  return {
    routes: [control, route],
    open,
    close: async () => (await store)?.close(),
  };
}
