import type { ObjectStore } from '#objects';
import { defineService, type Service } from '../../gateway/service.ts';
import { aclActions } from './acl.ts';
import { bucketActions } from './buckets.ts';
import { corsAnswer, preflight } from './cors.ts';
import { S3Events } from './events.ts';
import { listActions } from './lists.ts';
import { lockActions } from './lock.ts';
import { multipartActions } from './multipart.ts';
import { numberedActions } from './numbered.ts';
import { objectActions } from './objects.ts';
import { policyActions } from './policy.ts';
import { s3Xml } from './protocol.ts';
import { allSettings } from './settings.ts';
import { answerWebsite } from './website-host.ts';

/** S3 over a store of objects. */
export function s3Service(store: ObjectStore, events: S3Events = new S3Events(store, undefined)): Service {
  const parts = [bucketActions, allSettings, numberedActions, policyActions, aclActions, lockActions, listActions, objectActions, multipartActions];
  const actions = Object.assign({}, ...parts.map((part) => part(store, events))) as Service['actions'];
  return defineService({
    contract: 's3',
    protocols: [s3Xml],
    kinds: [],
    global: true,
    actions,
    aside: (request, callAs) => (request.method === 'OPTIONS' ? preflight(store, request) : answerWebsite(store, request, callAs)),
    answerHeaders: (request) => corsAnswer(store, request),
  });
}
