import type {
  AbortMultipartUploadRequest,
  CompletedPart,
  CompleteMultipartUploadOutput,
  CompleteMultipartUploadRequest,
  CreateMultipartUploadOutput,
  CreateMultipartUploadRequest,
  ListMultipartUploadsOutput,
  ListMultipartUploadsRequest,
  ListPartsOutput,
  ListPartsRequest,
  UploadPartCopyOutput,
  UploadPartCopyRequest,
  UploadPartOutput,
  UploadPartRequest,
} from '@aws-sdk/client-s3';
import { parseCopyRange, readAlgorithm, type ChecksumType, type ObjectStore, type PartClaim } from '#objects';
import type { AnyAction } from '../../gateway/service.ts';
import { canonicalId, ownerOf, quoted, s3Action } from './action.ts';
import { attributesOf, bodyOf, checksumFields, givenChecksum, partChecksum, versionField } from './attributes.ts';
import type { S3Events } from './events.ts';
import { usualLock } from './lock.ts';
import { copySourcePermission, findSource, uploadConditions, uploadPermissions } from './objects.ts';

const claimOf = (part: CompletedPart): PartClaim => ({ number: part.PartNumber ?? 0, etag: part.ETag ?? '', checksum: givenChecksum(part)?.value });

export function multipartActions(store: ObjectStore, events: S3Events): Record<string, AnyAction> {
  const { buckets, multipart, objects } = store;
  const names = (input: { Bucket?: string | undefined; Key?: string | undefined; UploadId?: string | undefined }) =>
    ({ again: () => buckets.get(input.Bucket as string), key: input.Key as string, id: input.UploadId as string }) as const;
  return {
    CreateMultipartUpload: s3Action<CreateMultipartUploadRequest, CreateMultipartUploadOutput>(store, {
      permission: 's3:PutObject',
      on: 'object',
      conditions: uploadConditions,
      also: uploadPermissions,
      handle(input, call) {
        const { again, key } = names(input);
        const algorithm = readAlgorithm(input.ChecksumAlgorithm);
        const attributes = { ...attributesOf(input, call, store, again()), algorithm, checksumType: input.ChecksumType as ChecksumType | undefined };
        const upload = multipart.create(again(), key, attributes);
        return {
          Bucket: input.Bucket,
          Key: key,
          UploadId: upload.id,
          ServerSideEncryption: 'AES256',
          ...(algorithm ? { ChecksumAlgorithm: algorithm, ChecksumType: upload.attributes.checksumType } : {}),
        };
      },
    }),
    UploadPart: s3Action<UploadPartRequest, UploadPartOutput>(store, {
      permission: 's3:PutObject',
      on: 'object',
      async handle(input, call) {
        const { again, key, id } = names(input);
        const body = bodyOf(input, call);
        const part = await multipart.put(again, key, id, input.PartNumber as number, body);
        return { ETag: quoted(part.etag), ServerSideEncryption: 'AES256', ...partChecksum(body.algorithm, part.checksum) };
      },
    }),
    UploadPartCopy: s3Action<UploadPartCopyRequest, UploadPartCopyOutput>(store, {
      permission: 's3:PutObject',
      on: 'object',
      also: copySourcePermission,
      async handle(input) {
        const { again, key, id } = names(input);
        const { found, versioning } = findSource(store, input.CopySource as string);
        const data = objects.read(found, parseCopyRange(input.CopySourceRange, found.version.size)) as AsyncIterable<Uint8Array>;
        const part = await multipart.put(again, key, id, input.PartNumber as number, { data });
        return {
          CopyPartResult: { ETag: quoted(part.etag), LastModified: new Date(part.modified) },
          ServerSideEncryption: 'AES256',
          ...(versioning === undefined ? {} : { CopySourceVersionId: found.version.version }),
        };
      },
    }),
    CompleteMultipartUpload: s3Action<CompleteMultipartUploadRequest, CompleteMultipartUploadOutput>(store, {
      permission: 's3:PutObject',
      on: 'object',
      handle(input, call) {
        const { again, key, id } = names(input);
        const version = multipart.complete(again, key, id, (input.MultipartUpload?.Parts ?? []).map(claimOf), {
          conditions: { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch },
          whole: givenChecksum(input)?.value,
          size: input.MpuObjectSize,
          lock: usualLock(store, again(), call.clock.now()),
        });
        events.created(again(), version, 'CompleteMultipartUpload', call);
        return {
          Location: `${call.endpoint}/${input.Bucket}/${encodeURIComponent(key).replaceAll('%2F', '/')}`,
          Bucket: input.Bucket,
          Key: key,
          ETag: quoted(version.etag),
          ServerSideEncryption: 'AES256',
          ...checksumFields(version.meta.checksum),
          ...versionField(version, again().versioning),
        };
      },
    }),
    AbortMultipartUpload: s3Action<AbortMultipartUploadRequest, object>(store, {
      permission: 's3:AbortMultipartUpload',
      on: 'object',
      handle(input) {
        const { again, key, id } = names(input);
        multipart.abort(again(), key, id);
        return {};
      },
    }),
    ListParts: s3Action<ListPartsRequest, ListPartsOutput>(store, {
      permission: 's3:ListMultipartUploadParts',
      on: 'object',
      handle(input) {
        const { again, key, id } = names(input);
        const bucket = again();
        const upload = multipart.get(bucket, key, id);
        const limit = Math.min(input.MaxParts ?? 1000, 1000);
        const after = Number(input.PartNumberMarker ?? 0);
        const parts = multipart.parts(upload, after, limit + 1);
        const page = parts.slice(0, limit);
        const { algorithm, checksumType } = upload.attributes;
        const owner = ownerOf(bucket.account);
        return {
          Bucket: bucket.name,
          Key: key,
          UploadId: id,
          PartNumberMarker: String(after),
          NextPartNumberMarker: String(page.at(-1)?.number ?? 0),
          MaxParts: limit,
          IsTruncated: parts.length > limit,
          Parts: page.map((p) => ({
            PartNumber: p.number,
            LastModified: new Date(p.modified),
            ETag: quoted(p.etag),
            Size: p.size,
            ...partChecksum(algorithm, p.checksum),
          })),
          Initiator: owner,
          Owner: owner,
          StorageClass: upload.attributes.storageClass as 'STANDARD',
          ...(algorithm ? { ChecksumAlgorithm: algorithm, ChecksumType: checksumType } : {}),
        };
      },
    }),
    ListMultipartUploads: s3Action<ListMultipartUploadsRequest, ListMultipartUploadsOutput>(store, {
      permission: 's3:ListBucketMultipartUploads',
      on: 'bucket',
      handle(input) {
        const bucket = buckets.get(input.Bucket as string);
        const limit = Math.min(input.MaxUploads ?? 1000, 1000);
        const page = store.listUploads(bucket, {
          prefix: input.Prefix,
          delimiter: input.Delimiter,
          limit,
          after: input.KeyMarker,
          upload: input.UploadIdMarker,
        });
        const encode = input.EncodingType === 'url' ? (text: string) => encodeURIComponent(text).replaceAll('%2F', '/') : (text: string) => text;
        const owner = { ID: canonicalId(bucket.account) };
        return {
          Bucket: bucket.name,
          KeyMarker: input.KeyMarker ?? '',
          UploadIdMarker: input.UploadIdMarker ?? '',
          Prefix: encode(input.Prefix ?? ''),
          MaxUploads: limit,
          IsTruncated: page.next !== undefined,
          ...(input.EncodingType ? { EncodingType: input.EncodingType } : {}),
          ...(page.next ? { NextKeyMarker: encode(page.next.item?.key ?? page.next.prefix ?? ''), NextUploadIdMarker: page.next.item?.id ?? '' } : {}),
          Uploads: page.items.map((u) => ({
            Key: encode(u.key),
            UploadId: u.id,
            Initiated: new Date(u.initiated),
            StorageClass: u.attributes.storageClass as 'STANDARD',
            Initiator: owner,
            Owner: owner,
          })),
          CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
        };
      },
    }),
  };
}
