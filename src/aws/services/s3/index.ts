import type { ObjectStore } from '#objects';
import { defineService, type Service } from '../../gateway/service.ts';
import { bucketActions } from './buckets.ts';
import { listActions } from './lists.ts';
import { multipartActions } from './multipart.ts';
import { objectActions } from './objects.ts';
import { s3Xml } from './protocol.ts';

/** S3 over a store of objects. */
export function s3Service(store: ObjectStore): Service {
  const actions = { ...bucketActions(store), ...listActions(store), ...objectActions(store), ...multipartActions(store) };
  return defineService({ contract: 's3', protocols: [s3Xml], kinds: [], global: true, actions });
}
