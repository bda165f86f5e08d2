import {
  readAlgorithm,
  type Attributes,
  type Body,
  type Bucket,
  type ObjectStore,
  type Checksum,
  type ChecksumAlgorithm,
  type ReadConditions,
  type Tag,
  type Version,
} from '#objects';
import { checksumAlgorithms, checkChecksumForm } from '#objects';
import type { Call } from '../../gateway/call.ts';
import { aclOfUpload } from './acl.ts';
import { notImplemented } from './action.ts';
import { lockFields, lockOfUpload } from './lock.ts';
import type { BodyStream } from '../../sigv4/chunks.ts';

type Fields = { readonly [name: string]: unknown };
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Members that are kept with an object and come back as headers. */
const kept: readonly (readonly [member: string, header: string])[] = [
  ['ContentType', 'content-type'],
  ['CacheControl', 'cache-control'],
  ['ContentDisposition', 'content-disposition'],
  ['ContentEncoding', 'content-encoding'],
  ['ContentLanguage', 'content-language'],
  ['WebsiteRedirectLocation', 'x-amz-website-redirect-location'],
];

/** What an input says of the object that it makes in a bucket. Throws AwsError for what is not implemented. */
export function attributesOf(input: object, call: Call, store: ObjectStore, bucket: Bucket): Attributes {
  const fields = input as Fields;
  refuse(fields);
  const headers: Record<string, string> = {};
  for (const [member, header] of kept) {
    const value = text(fields[member]);
    const clean =
      member === 'ContentEncoding'
        ? value
            ?.split(',')
            .map((v) => v.trim())
            .filter((v) => v !== 'aws-chunked')
            .join(',')
        : value;
    if (clean !== undefined && clean !== '') headers[header] = clean;
  }
  headers['content-type'] ??= 'binary/octet-stream';
  const expires = call.request.header('expires');
  if (expires !== undefined) headers['expires'] = expires;
  return {
    headers,
    user: (fields['Metadata'] as Record<string, string> | undefined) ?? {},
    encryption: text(fields['ServerSideEncryption']) ?? 'AES256',
    storageClass: text(fields['StorageClass']) ?? 'STANDARD',
    tags: readTags(text(fields['Tagging'])),
    lock: lockOfUpload(store, bucket, fields, call.clock.now()),
    ...aclOfUpload(store, bucket, fields, call.account),
  };
}
function refuse(fields: Fields): void {
  const encryption = text(fields['ServerSideEncryption']);
  if (encryption !== undefined && encryption !== 'AES256') throw notImplemented(`Server-side encryption with ${encryption}`);
  if (fields['SSECustomerAlgorithm'] !== undefined) throw notImplemented('Server-side encryption with keys of the customer');
}
/** Tags as a query string. */
export const readTags = (query: string | undefined): Tag[] => [...new URLSearchParams(query ?? '')].map(([Key, Value]) => ({ Key, Value }));

/** Name of an algorithm in members: ChecksumCRC32. */
const memberOf = (algorithm: ChecksumAlgorithm): string => `Checksum${algorithm}`;

/** The checksum that an input gives in a header. */
export function givenChecksum(input: object): { algorithm: ChecksumAlgorithm; value: string } | undefined {
  for (const algorithm of checksumAlgorithms) {
    const value = text((input as Fields)[memberOf(algorithm)]);
    if (value === undefined) continue;
    return { algorithm, value };
  }
  return undefined;
}

/** The body of an upload with what its sender says of it, in headers before it and trailers behind it. */
export function bodyOf(input: object, call: Call): Body {
  const fields = input as Fields;
  const given = givenChecksum(input);
  if (given) checkChecksumForm(given.algorithm, given.value);
  const trailer = /^x-amz-checksum-([a-z0-9]+)$/.exec(call.request.header('x-amz-trailer')?.trim().toLowerCase() ?? '')?.[1];
  const algorithm = given?.algorithm ?? readAlgorithm(trailer ?? text(fields['ChecksumAlgorithm']));
  const data = fields['Body'] as BodyStream;
  return {
    data,
    md5: text(fields['ContentMD5']),
    algorithm,
    expected: () => given?.value ?? (trailer === undefined ? undefined : data.trailers.get(`x-amz-checksum-${trailer}`)),
  };
}

export const checksumFields = (checksum: Checksum | undefined): Record<string, string> =>
  checksum ? { [memberOf(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type } : {};
export const partChecksum = (algorithm: ChecksumAlgorithm | undefined, value: string | undefined): Record<string, string> =>
  algorithm === undefined || value === undefined ? {} : { [memberOf(algorithm)]: value };

export function readConditions(input: object): ReadConditions {
  const { IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince } = input as Fields;
  return {
    ifMatch: text(IfMatch),
    ifNoneMatch: text(IfNoneMatch),
    ifModifiedSince: IfModifiedSince instanceof Date ? IfModifiedSince.getTime() : undefined,
    ifUnmodifiedSince: IfUnmodifiedSince instanceof Date ? IfUnmodifiedSince.getTime() : undefined,
  };
}

/** Version ids are told where versioning was ever turned on. */
export const versionField = (version: Version, versioning: string | undefined): { VersionId?: string } =>
  versioning === undefined ? {} : { VersionId: version.version };

/** What GetObject and HeadObject say of an object. */
export function describeObject(version: Version, versioning: string | undefined, input: object): Fields {
  const { headers, user, encryption, parts } = version.meta;
  const out: Record<string, unknown> = {
    AcceptRanges: 'bytes',
    ETag: `"${version.etag}"`,
    LastModified: new Date(version.modified),
    Metadata: user,
    ServerSideEncryption: encryption,
    ...versionField(version, versioning),
  };
  for (const [member, header] of kept) if (headers[header] !== undefined) out[member] = headers[header];
  if (headers['expires'] !== undefined) out['Expires'] = out['ExpiresString'] = headers['expires'];
  if (version.storageClass !== 'STANDARD') out['StorageClass'] = version.storageClass;
  Object.assign(out, lockFields(version.meta.lock));
  if (version.tags.length > 0) out['TagCount'] = version.tags.length;
  const fields = input as Fields;
  if (fields['ChecksumMode'] === 'ENABLED' && fields['Range'] === undefined) Object.assign(out, checksumFields(version.meta.checksum));
  if (fields['PartNumber'] !== undefined && parts !== undefined) out['PartsCount'] = parts;
  for (const [member] of kept) {
    const override = text(fields[`Response${member}`]);
    if (override !== undefined) out[member] = override;
  }
  return out;
}
