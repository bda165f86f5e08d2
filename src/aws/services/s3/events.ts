import type { Bucket, Deleted, ObjectStore, Version } from '#objects';
import type { EventBus } from '../../events/bus.ts';
import type { Call } from '../../gateway/call.ts';

type Facts = Readonly<Record<string, unknown>>;
/** Who did it: a call, or S3 itself by a rule. */
type By = Pick<Call, 'requestId' | 'caller' | 'source'> | undefined;

/** Puts events on the bus for buckets that ask for it, as S3 does for EventBridge (Amazon S3 User Guide, EventBridge event message structure). */
export class S3Events {
  readonly #store: ObjectStore;
  readonly #bus: EventBus | undefined;
  readonly #partition: string;

  constructor(store: ObjectStore, bus: EventBus | undefined, partition = 'aws') {
    this.#store = store;
    this.#bus = bus;
    this.#partition = partition;
  }

  created(bucket: Bucket, version: Version, reason: 'PutObject' | 'CopyObject' | 'CompleteMultipartUpload', by: By): void {
    this.#put('Object Created', bucket, { object: { ...named(bucket, version), size: version.size, etag: version.etag }, reason }, by);
  }
  /** What is deleted for good, and delete markers. */
  deleted(bucket: Bucket, key: string, { version, marker }: Deleted, asked: string | undefined, by: By): void {
    const made = marker && asked === undefined;
    const facts = { object: { key, ...(version === undefined ? {} : { 'version-id': version }) }, reason: by ? 'DeleteObject' : 'Lifecycle Expiration' };
    this.#put('Object Deleted', bucket, { ...facts, 'deletion-type': made ? 'Delete Marker Created' : 'Permanently Deleted' }, by);
  }
  moved(bucket: Bucket, version: Version, storageClass: string): void {
    const object = { ...named(bucket, version), size: version.size, etag: version.etag };
    this.#put('Object Storage Class Changed', bucket, { object, 'destination-storage-class': storageClass }, undefined);
  }
  tagged(bucket: Bucket, version: Version, added: boolean, by: By): void {
    this.#put(added ? 'Object Tags Added' : 'Object Tags Deleted', bucket, { object: { ...named(bucket, version), etag: version.etag } }, by);
  }
  granted(bucket: Bucket, version: Version, by: By): void {
    this.#put('Object ACL Updated', bucket, { object: { ...named(bucket, version), etag: version.etag } }, by);
  }

  #put(type: string, bucket: Bucket, facts: Facts, by: By): void {
    if (!this.#bus || this.#store.buckets.setting(bucket, 'notification') === undefined) return;
    const who = by
      ? { 'request-id': by.requestId, requester: by.caller.account === '' ? 'anonymous' : by.caller.account, 'source-ip-address': by.source.ip }
      : { requester: 's3.amazonaws.com' };
    this.#bus.put({
      'detail-type': type,
      source: 'aws.s3',
      account: bucket.account,
      region: bucket.region,
      resources: [`arn:${this.#partition}:s3:::${bucket.name}`],
      detail: { version: '0', bucket: { name: bucket.name }, ...facts, ...who },
    });
  }
}

/** `sequencer` tells which of two events of one key came later. */
const named = (bucket: Bucket, { key, version, seq }: Version): Facts => ({
  key,
  ...(bucket.versioning === undefined ? {} : { 'version-id': version }),
  sequencer: seq.toString(16).toUpperCase().padStart(18, '0'),
});
