import type {
  ListBucketsOutput,
  ListBucketsRequest,
  ListObjectsOutput,
  ListObjectsRequest,
  ListObjectsV2Output,
  ListObjectsV2Request,
  ListObjectVersionsOutput,
  ListObjectVersionsRequest,
} from '@aws-sdk/client-s3';
import { ObjectsError, type ObjectStore, type Version } from '#objects';
import type { AnyAction, Conditions } from '../../gateway/service.ts';
import { ownerOf, quoted, s3Action } from './action.ts';

const MOST = 1000;

interface ListInput {
  readonly Prefix?: string | undefined;
  readonly Delimiter?: string | undefined;
  readonly MaxKeys?: number | undefined;
  readonly EncodingType?: string | undefined;
}
const conditions = ({ Prefix, Delimiter, MaxKeys }: ListInput): Conditions => ({
  's3:prefix': Prefix ?? '',
  's3:delimiter': Delimiter,
  's3:max-keys': MaxKeys === undefined ? undefined : String(MaxKeys),
});

/** Keys that XML cannot hold are percent-encoded when the client asks for it. */
const encoder = (type: string | undefined): ((text: string) => string) =>
  type === 'url' ? (text) => encodeURIComponent(text).replaceAll('%2F', '/') : (text) => text;

function readPage({ Prefix, Delimiter, MaxKeys }: ListInput): { prefix: string; delimiter: string; limit: number } {
  if (MaxKeys !== undefined && MaxKeys < 0) {
    throw new ObjectsError('InvalidArgument', 'Argument maxKeys must be an integer between 0 and 2147483647', {
      ArgumentName: 'maxKeys',
      ArgumentValue: String(MaxKeys),
    });
  }
  return { prefix: Prefix ?? '', delimiter: Delimiter ?? '', limit: Math.min(MaxKeys ?? MOST, MOST) };
}
const common = (input: ListInput, encode: (text: string) => string): object => ({
  Prefix: encode(input.Prefix ?? ''),
  ...(input.Delimiter === undefined || input.Delimiter === '' ? {} : { Delimiter: encode(input.Delimiter) }),
  MaxKeys: readPage(input).limit,
  ...(input.EncodingType === undefined ? {} : { EncodingType: input.EncodingType }),
});
const content = (version: Version, encode: (text: string) => string, owner: object | undefined): object => ({
  Key: encode(version.key),
  LastModified: new Date(version.modified),
  ETag: quoted(version.etag),
  ...(version.meta.checksum ? { ChecksumAlgorithm: [version.meta.checksum.algorithm], ChecksumType: version.meta.checksum.type } : {}),
  Size: version.size,
  StorageClass: version.storageClass,
  ...(owner ? { Owner: owner } : {}),
});
const nextKey = (next: { item?: Version; prefix?: string }): string => next.item?.key ?? (next.prefix as string);

/** Continuation tokens hold the last key or prefix that was given. */
const toToken = (key: string): string => Buffer.from(key).toString('base64url');
function fromToken(token: string): string {
  const key = Buffer.from(token, 'base64url').toString();
  if (token === '' || toToken(key) !== token)
    throw new ObjectsError('InvalidArgument', 'The continuation token provided is incorrect', { ArgumentName: 'continuation-token' });
  return key;
}

export function listActions(store: ObjectStore): Record<string, AnyAction> {
  const { buckets } = store;
  return {
    ListBuckets: s3Action<ListBucketsRequest & { Bucket?: undefined }, ListBucketsOutput>(store, {
      permission: 's3:ListAllMyBuckets',
      on: 'all',
      handle(input, call) {
        const limit = input.MaxBuckets ?? 10_000;
        const found = buckets.list(call.account, {
          after: input.ContinuationToken === undefined ? '' : fromToken(input.ContinuationToken),
          prefix: input.Prefix ?? '',
          region: input.BucketRegion,
          limit: limit + 1,
        });
        const page = found.slice(0, limit);
        return {
          Buckets: page.map(({ name, created, region }) => ({ Name: name, CreationDate: new Date(created), BucketRegion: region })),
          Owner: ownerOf(call.account),
          ...(found.length > limit ? { ContinuationToken: toToken(page.at(-1)?.name ?? '') } : {}),
          ...(input.Prefix === undefined ? {} : { Prefix: input.Prefix }),
        };
      },
    }),
    ListObjects: s3Action<ListObjectsRequest, ListObjectsOutput>(store, {
      permission: 's3:ListBucket',
      on: 'bucket',
      conditions,
      handle(input) {
        const bucket = buckets.get(input.Bucket as string);
        const encode = encoder(input.EncodingType);
        const { items, prefixes, next } = store.list(bucket, { ...readPage(input), after: input.Marker === '' ? undefined : input.Marker });
        return {
          Name: bucket.name,
          ...common(input, encode),
          Marker: encode(input.Marker ?? ''),
          IsTruncated: next !== undefined,
          ...(next && input.Delimiter ? { NextMarker: encode(nextKey(next)) } : {}),
          Contents: items.map((version) => content(version, encode, ownerOf(bucket.account))),
          CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
        };
      },
    }),
    ListObjectsV2: s3Action<ListObjectsV2Request, ListObjectsV2Output>(store, {
      permission: 's3:ListBucket',
      on: 'bucket',
      conditions,
      handle(input) {
        const bucket = buckets.get(input.Bucket as string);
        const encode = encoder(input.EncodingType);
        const after = input.ContinuationToken === undefined ? input.StartAfter : fromToken(input.ContinuationToken);
        const { items, prefixes, next } = store.list(bucket, { ...readPage(input), after: after === '' ? undefined : after });
        return {
          Name: bucket.name,
          ...common(input, encode),
          KeyCount: items.length + prefixes.length,
          IsTruncated: next !== undefined,
          ...(input.ContinuationToken === undefined ? {} : { ContinuationToken: input.ContinuationToken }),
          ...(input.StartAfter === undefined ? {} : { StartAfter: encode(input.StartAfter) }),
          ...(next ? { NextContinuationToken: toToken(nextKey(next)) } : {}),
          Contents: items.map((version) => content(version, encode, input.FetchOwner ? ownerOf(bucket.account) : undefined)),
          CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
        };
      },
    }),
    ListObjectVersions: s3Action<ListObjectVersionsRequest, ListObjectVersionsOutput>(store, {
      permission: 's3:ListBucketVersions',
      on: 'bucket',
      conditions,
      handle(input) {
        const bucket = buckets.get(input.Bucket as string);
        const encode = encoder(input.EncodingType);
        const after = input.KeyMarker === '' ? undefined : input.KeyMarker;
        const version = input.VersionIdMarker === '' ? undefined : input.VersionIdMarker;
        const { items, prefixes, next } = store.listVersions(bucket, { ...readPage(input), after, version });
        const described = (one: Version): object => ({ ...content(one, encode, ownerOf(bucket.account)), VersionId: one.version, IsLatest: one.latest });
        return {
          Name: bucket.name,
          ...common(input, encode),
          KeyMarker: encode(input.KeyMarker ?? ''),
          VersionIdMarker: input.VersionIdMarker ?? '',
          IsTruncated: next !== undefined,
          ...(next ? { NextKeyMarker: encode(nextKey(next)), ...(next.item ? { NextVersionIdMarker: next.item.version } : {}) } : {}),
          Versions: items.filter((one) => !one.marker).map(described),
          DeleteMarkers: items
            .filter((one) => one.marker)
            .map((one) => ({
              Key: encode(one.key),
              VersionId: one.version,
              IsLatest: one.latest,
              LastModified: new Date(one.modified),
              Owner: ownerOf(bucket.account),
            })),
          CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
        };
      },
    }),
  };
}
