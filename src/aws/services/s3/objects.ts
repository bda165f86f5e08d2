import type {
  CopyObjectOutput,
  CopyObjectRequest,
  CreateMultipartUploadRequest,
  DeleteObjectOutput,
  DeleteObjectRequest,
  DeleteObjectsOutput,
  DeleteObjectsRequest,
  GetObjectAttributesOutput,
  GetObjectAttributesParts,
  GetObjectAttributesRequest,
  GetObjectRequest,
  GetObjectTaggingOutput,
  GetObjectTaggingRequest,
  PutObjectOutput,
  PutObjectRequest,
  PutObjectTaggingRequest,
  RestoreObjectRequest,
} from '@aws-sdk/client-s3';
import type { ByteRange } from '#base';
import { ObjectsError, parseRange, readAlgorithm, type Found, type ObjectStore, type Tag, type Version } from '#objects';
import type { Call } from '../../gateway/call.ts';
import type { AnyAction, Conditions, Permission } from '../../gateway/service.ts';
import { accessDenied, decide } from '../../gateway/authorize.ts';
import { saysAcl } from './acl.ts';
import type { S3Events } from './events.ts';
import { bypassPermission, checkLockedBody, lockConditions, lockPermissions, usualLock } from './lock.ts';
import { bucketArn, permissionOn, quoted, s3Action } from './action.ts';
import { attributesOf, bodyOf, checksumFields, describeObject, partChecksum, readConditions, readTags, versionField } from './attributes.ts';

const orVersion =
  (name: string) =>
  ({ VersionId }: { VersionId?: string | undefined }): string =>
    VersionId === undefined ? `s3:${name}` : `s3:${name}Version`;

/** Tags that the object has, for policies. */
function existingTags(
  { Bucket: name = '', Key = '', VersionId }: { Bucket?: string | undefined; Key?: string | undefined; VersionId?: string | undefined },
  store: ObjectStore,
): Conditions {
  const bucket = store.buckets.find(name);
  try {
    const found = bucket && store.objects.find(bucket, Key, VersionId);
    return Object.fromEntries((found?.version.tags ?? []).map((tag) => [`s3:ExistingObjectTag/${tag.Key}`, tag.Value]));
  } catch {
    return {};
  }
}
const requestTags = (query: string | undefined): Conditions => Object.fromEntries(readTags(query).map((tag) => [`s3:RequestObjectTag/${tag.Key}`, tag.Value]));

/** `CopySource`: BUCKET/KEY[?versionId=ID], percent-encoded. */
export function readCopySource(text: string): { bucket: string; key: string; version: string | undefined } {
  const mark = text.lastIndexOf('?versionId=');
  const path = decodeURIComponent(mark < 0 ? text : text.slice(0, mark)).replace(/^\//, '');
  const slash = path.indexOf('/');
  if (slash < 1 || slash === path.length - 1) {
    throw new ObjectsError('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey', {
      ArgumentName: 'x-amz-copy-source',
    });
  }
  return { bucket: path.slice(0, slash), key: path.slice(slash + 1), version: mark < 0 ? undefined : text.slice(mark + '?versionId='.length) };
}
export function copySourcePermission({ CopySource = '' }: { CopySource?: string | undefined }, call: Call, store: ObjectStore): readonly Permission[] {
  try {
    const { bucket, key, version } = readCopySource(CopySource);
    return [
      permissionOn(store, call, {
        action: version === undefined ? 's3:GetObject' : 's3:GetObjectVersion',
        resource: bucketArn(call, bucket, key),
        bucket,
        version,
      }),
    ];
  } catch {
    return []; // the handler refuses it
  }
}
/** A version id that was not given means the newest; a delete marker then is a key that is not there. */
export function findSource(store: ObjectStore, text: string): { found: Found; version: string | undefined; versioning: string | undefined } {
  const { bucket: name, key, version } = readCopySource(text);
  const bucket = store.buckets.get(name);
  return { found: store.objects.find(bucket, key, version), version, versioning: bucket.versioning };
}

/** The bytes that are asked for: a range, or a part. */
function wantedRange(found: Found, input: GetObjectRequest): ByteRange | undefined {
  if (input.PartNumber === undefined) return parseRange(input.Range, found.version.size);
  if (input.Range !== undefined) throw new ObjectsError('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  const segments = found.version.meta.parts === undefined ? [{ size: found.version.size }] : found.segments;
  const segment = segments[input.PartNumber - 1];
  if (!segment) throw new ObjectsError('InvalidPartNumber', 'The requested partnumber is not satisfiable');
  const start = segments.slice(0, input.PartNumber - 1).reduce((sum, s) => sum + s.size, 0);
  return segment.size === 0 ? undefined : { start, end: start + segment.size - 1 };
}

const written = (version: Version, versioning: string | undefined): PutObjectOutput => ({
  ETag: quoted(version.etag),
  ServerSideEncryption: 'AES256',
  ...checksumFields(version.meta.checksum),
  ...versionField(version, versioning),
});

/** Condition keys of requests that make an object. */
export const uploadConditions = (input: PutObjectRequest | CopyObjectRequest | CreateMultipartUploadRequest): Conditions => ({
  's3:x-amz-storage-class': input.StorageClass,
  's3:x-amz-acl': input.ACL,
  's3:x-amz-server-side-encryption': input.ServerSideEncryption,
  ...requestTags(input.Tagging),
  ...lockConditions(input),
});
/** What making an object needs besides s3:PutObject, by what it is made with. */
export function uploadPermissions(
  input: PutObjectRequest | CopyObjectRequest | CreateMultipartUploadRequest,
  call: Call,
  store: ObjectStore,
): readonly Permission[] {
  const resource = bucketArn(call, input.Bucket ?? '', input.Key);
  const needs = (action: string): Permission => permissionOn(store, call, { action, resource, bucket: input.Bucket, conditions: uploadConditions(input) });
  return [
    ...(input.Tagging === undefined ? [] : [needs('s3:PutObjectTagging')]),
    ...(saysAcl(input) ? [needs('s3:PutObjectAcl')] : []),
    ...lockPermissions(input, call, store),
  ];
}

export function objectActions(store: ObjectStore, events: S3Events): Record<string, AnyAction> {
  const { buckets, objects } = store;
  const locate = (input: GetObjectRequest): { found: Found; out: object; range: ByteRange | undefined } => {
    const bucket = buckets.get(input.Bucket as string);
    const found = objects.findIf(bucket, input.Key as string, input.VersionId, readConditions(input));
    const range = wantedRange(found, input);
    const size = found.version.size;
    const length = range ? range.end - range.start + 1 : size;
    const out = {
      ...describeObject(found.version, bucket.versioning, input),
      ContentLength: length,
      ...(range ? { ContentRange: `bytes ${range.start}-${range.end}/${size}` } : {}),
    };
    return { found, out, range };
  };
  return {
    PutObject: s3Action<PutObjectRequest, PutObjectOutput>(store, {
      permission: 's3:PutObject',
      on: 'object',
      conditions: uploadConditions,
      also: uploadPermissions,
      async handle(input, call) {
        if (input.WriteOffsetBytes !== undefined)
          throw new ObjectsError('NotImplemented', 'Appending to objects is not implemented: it is of directory buckets');
        const again = () => buckets.get(input.Bucket as string);
        const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
        const asked = attributesOf(input, call, store, again());
        const lock = asked.lock ?? usualLock(store, again(), call.clock.now());
        const body = bodyOf(input, call);
        checkLockedBody(lock, body);
        const version = await objects.put(again, input.Key as string, body, { ...asked, lock }, conditions);
        events.created(again(), version, 'PutObject', call);
        return written(version, again().versioning);
      },
    }),
    GetObject: s3Action<GetObjectRequest, object>(store, {
      permission: orVersion('GetObject'),
      on: 'object',
      conditions: existingTags,
      handle(input) {
        const { found, out, range } = locate(input);
        return { ...out, Body: objects.read(found, range) };
      },
    }),
    HeadObject: s3Action<GetObjectRequest, object>(store, {
      permission: orVersion('GetObject'),
      on: 'object',
      conditions: existingTags,
      handle: (input) => locate(input).out,
    }),
    GetObjectAttributes: s3Action<GetObjectAttributesRequest, GetObjectAttributesOutput>(store, {
      permission: orVersion('GetObjectAttributes'),
      on: 'object',
      handle(input) {
        const bucket = buckets.get(input.Bucket as string);
        const { version, segments } = objects.find(bucket, input.Key as string, input.VersionId);
        const wants = (name: string): boolean => (input.ObjectAttributes as string[] | undefined)?.includes(name) ?? false;
        return {
          LastModified: new Date(version.modified),
          ...versionField(version, bucket.versioning),
          ...(wants('ETag') ? { ETag: version.etag } : {}),
          ...(wants('Checksum') && version.meta.checksum ? { Checksum: checksumFields(version.meta.checksum) } : {}),
          ...(wants('ObjectSize') ? { ObjectSize: version.size } : {}),
          ...(wants('StorageClass') ? { StorageClass: version.storageClass as 'STANDARD' } : {}),
          ...(wants('ObjectParts') && version.meta.parts !== undefined ? { ObjectParts: partsOf(version, segments, input) } : {}),
        };
      },
    }),
    DeleteObject: s3Action<DeleteObjectRequest, DeleteObjectOutput>(store, {
      permission: orVersion('DeleteObject'),
      on: 'object',
      also: bypassPermission,
      handle(input, call) {
        const how = { ifMatch: input.IfMatch, bypass: input.BypassGovernanceRetention === true };
        const bucket = buckets.get(input.Bucket as string);
        const deleted = objects.delete(bucket, input.Key as string, input.VersionId, how);
        events.deleted(bucket, input.Key as string, deleted, input.VersionId, call);
        const { version, marker } = deleted;
        return { ...(marker ? { DeleteMarker: true } : {}), ...(version === undefined ? {} : { VersionId: version }) };
      },
    }),
    DeleteObjects: s3Action<DeleteObjectsRequest, DeleteObjectsOutput>(store, {
      // Each of the keys needs its own, and is refused by itself.
      permission: '',
      on: 'bucket',
      handle: (input, call) => deleteMany(store, input, call, events),
    }),
    CopyObject: s3Action<CopyObjectRequest, CopyObjectOutput>(store, {
      permission: 's3:PutObject',
      on: 'object',
      conditions: uploadConditions,
      also: (input, call) => [...copySourcePermission(input, call, store), ...uploadPermissions(input, call, store)],
      async handle(input, call) {
        const { found, versioning } = findSource(store, input.CopySource as string);
        const again = () => buckets.get(input.Bucket as string);
        const asked = attributesOf(input, call, store, again());
        const { meta, tags } = found.version;
        const replace = input.MetadataDirective === 'REPLACE';
        if (
          isSelf(input) &&
          !replace &&
          input.StorageClass === undefined &&
          input.WebsiteRedirectLocation === undefined &&
          input.ServerSideEncryption === undefined &&
          input.CopySource?.includes('?versionId=') !== true
        ) {
          throw new ObjectsError(
            'InvalidRequest',
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
          );
        }
        const attributes = {
          ...asked,
          ...(replace ? {} : { headers: meta.headers, user: meta.user }),
          lock: asked.lock ?? usualLock(store, again(), call.clock.now()),
          tags: input.TaggingDirective === 'REPLACE' ? asked.tags : tags,
        };
        const source = {
          ifMatch: input.CopySourceIfMatch,
          ifNoneMatch: input.CopySourceIfNoneMatch,
          ifModifiedSince: input.CopySourceIfModifiedSince?.getTime(),
          ifUnmodifiedSince: input.CopySourceIfUnmodifiedSince?.getTime(),
        };
        const target = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
        const version = await objects.copy(found, again, input.Key as string, attributes, {
          algorithm: readAlgorithm(input.ChecksumAlgorithm),
          source,
          target,
        });
        events.created(again(), version, 'CopyObject', call);
        return {
          CopyObjectResult: { ETag: quoted(version.etag), LastModified: new Date(version.modified), ...checksumFields(version.meta.checksum) },
          ServerSideEncryption: 'AES256',
          ...versionField(version, again().versioning),
          ...(versioning === undefined ? {} : { CopySourceVersionId: found.version.version }),
        };
      },
    }),
    // Everything can be read at once: there is no archive to restore from.
    RestoreObject: s3Action<RestoreObjectRequest, object>(store, {
      permission: 's3:RestoreObject',
      on: 'object',
      handle(input) {
        objects.find(buckets.get(input.Bucket as string), input.Key as string, input.VersionId);
        throw new ObjectsError('InvalidObjectState', "Restore is not allowed for the object's current storage class");
      },
    }),
    GetObjectTagging: s3Action<GetObjectTaggingRequest, GetObjectTaggingOutput>(store, {
      permission: orVersion('GetObjectTagging'),
      on: 'object',
      handle(input) {
        const bucket = buckets.get(input.Bucket as string);
        const { version } = objects.find(bucket, input.Key as string, input.VersionId);
        return { ...versionField(version, bucket.versioning), TagSet: [...version.tags] };
      },
    }),
    PutObjectTagging: s3Action<PutObjectTaggingRequest, object>(store, {
      permission: orVersion('PutObjectTagging'),
      on: 'object',
      handle(input, call) {
        const bucket = buckets.get(input.Bucket as string);
        const found = objects.find(bucket, input.Key as string, input.VersionId);
        objects.setTags(found, (input.Tagging?.TagSet ?? []) as Tag[]);
        events.tagged(bucket, found.version, true, call);
        return versionField(found.version, bucket.versioning);
      },
    }),
    DeleteObjectTagging: s3Action<GetObjectTaggingRequest, object>(store, {
      permission: orVersion('DeleteObjectTagging'),
      on: 'object',
      handle(input, call) {
        const bucket = buckets.get(input.Bucket as string);
        const found = objects.find(bucket, input.Key as string, input.VersionId);
        objects.setTags(found, []);
        events.tagged(bucket, found.version, false, call);
        return versionField(found.version, bucket.versioning);
      },
    }),
  };
}

/** Parts one by one where they have checksums of their own, as S3 tells of them. */
function partsOf({ meta }: Version, segments: Found['segments'], input: GetObjectAttributesRequest): GetObjectAttributesParts {
  const TotalPartsCount = segments.length;
  if (meta.checksum?.type !== 'COMPOSITE') return { TotalPartsCount };
  const { algorithm } = meta.checksum;
  const after = Number(input.PartNumberMarker ?? 0);
  const MaxParts = Math.min(input.MaxParts ?? 1000, 1000);
  const page = segments
    .map(({ size, checksum }, i) => ({ PartNumber: i + 1, Size: size, ...partChecksum(algorithm, checksum) }))
    .slice(after, after + MaxParts);
  const last = after + page.length;
  return { TotalPartsCount, PartNumberMarker: String(after), NextPartNumberMarker: String(last), MaxParts, IsTruncated: last < TotalPartsCount, Parts: page };
}

function isSelf({ CopySource = '', Bucket, Key }: CopyObjectRequest): boolean {
  const { bucket, key } = readCopySource(CopySource);
  return bucket === Bucket && key === Key;
}

/** Throws AccessDenied where the caller may not delete one of many. */
function checkDelete(store: ObjectStore, input: DeleteObjectsRequest, call: Call, key: string, version: string | undefined): void {
  const names = { Bucket: input.Bucket, Key: key, VersionId: version, BypassGovernanceRetention: input.BypassGovernanceRetention };
  const own = permissionOn(store, call, {
    action: orVersion('DeleteObject')(names),
    resource: bucketArn(call, input.Bucket ?? '', key),
    bucket: input.Bucket,
  });
  for (const permission of [own, ...(version === undefined ? [] : bypassPermission(names, call, store))]) {
    const decision = decide(call, permission, call.identities);
    if (decision.effect !== 'allowed') throw new ObjectsError('AccessDenied', accessDenied(call, permission, decision).message);
  }
}

function deleteMany(store: ObjectStore, input: DeleteObjectsRequest, call: Call, events: S3Events): DeleteObjectsOutput {
  const bucket = store.buckets.get(input.Bucket as string);
  const wanted = input.Delete?.Objects ?? [];
  if (wanted.length === 0 || wanted.length > 1000)
    throw new ObjectsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  const out = { Deleted: [] as object[], Errors: [] as object[] };
  for (const { Key = '', VersionId, ETag } of wanted) {
    try {
      checkDelete(store, input, call, Key, VersionId);
      const deleted = store.objects.delete(bucket, Key, VersionId, { ifMatch: ETag, bypass: input.BypassGovernanceRetention === true });
      events.deleted(bucket, Key, deleted, VersionId, call);
      const { version, marker } = deleted;
      const asked = VersionId === undefined ? {} : { VersionId };
      out.Deleted.push({ Key, ...asked, ...(marker ? { DeleteMarker: true, DeleteMarkerVersionId: version } : {}) });
    } catch (error) {
      if (!(error instanceof ObjectsError)) throw error;
      out.Errors.push({ Key, VersionId, Code: error.code, Message: error.message });
    }
  }
  return { ...(input.Delete?.Quiet ? {} : { Deleted: out.Deleted }), ...(out.Errors.length > 0 ? { Errors: out.Errors } : {}) };
}
