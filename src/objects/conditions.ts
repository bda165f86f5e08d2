import { noSuchKey, ObjectsError } from './errors.ts';
import type { Version } from './versions.ts';

export interface ReadConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  /** ms since the epoch, whole seconds. */
  readonly ifModifiedSince?: number | undefined;
  readonly ifUnmodifiedSince?: number | undefined;
}

const names = (list: string, etag: string): boolean => list.split(',').some((part) => bare(part) === '*' || bare(part) === etag);
/** An entity tag without quotes and without the mark of a weak one. */
export const bare = (etag: string): string =>
  etag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1');

/** Conditions on a read, in the order of RFC 9110, 13.2.2. Throws PreconditionFailed or NotModified. */
export function checkRead(conditions: ReadConditions, version: Version): void {
  const modified = Math.floor(version.modified / 1000) * 1000;
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  if (ifMatch !== undefined) {
    if (!names(ifMatch, version.etag)) throw failed('If-Match');
  } else if (ifUnmodifiedSince !== undefined && modified > ifUnmodifiedSince) throw failed('If-Unmodified-Since');
  if (ifNoneMatch !== undefined) {
    if (names(ifNoneMatch, version.etag)) throw unchanged(version);
  } else if (ifModifiedSince !== undefined && modified <= ifModifiedSince) throw unchanged(version);
}
const failed = (condition: string): ObjectsError =>
  new ObjectsError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', { Condition: condition });
const unchanged = (version: Version): ObjectsError =>
  new ObjectsError('NotModified', 'Not Modified', {}, { etag: `"${version.etag}"`, 'last-modified': new Date(version.modified).toUTCString() });

/** The same on the source of a copy: what fails is always PreconditionFailed. */
export function checkCopySource(conditions: ReadConditions, version: Version): void {
  try {
    checkRead(conditions, version);
  } catch (error) {
    if (error instanceof ObjectsError && error.code === 'NotModified') throw failed('x-amz-copy-source-If-None-Match');
    throw error;
  }
}

export interface WriteConditions {
  /** The object must have this entity tag. */
  readonly ifMatch?: string | undefined;
  /** Only `*`: there must be no object. */
  readonly ifNoneMatch?: string | undefined;
}

/** Conditions on a write, against the newest version. Throws PreconditionFailed, NoSuchKey or NotImplemented. */
export function checkWrite(conditions: WriteConditions, latest: Version | undefined, key: string): void {
  const there = latest?.marker ? undefined : latest;
  if (conditions.ifNoneMatch !== undefined) {
    if (bare(conditions.ifNoneMatch) !== '*') {
      throw new ObjectsError('NotImplemented', 'A header you provided implies functionality that is not implemented', { Header: 'If-None-Match' });
    }
    if (there) throw failed('If-None-Match');
  }
  if (conditions.ifMatch !== undefined) {
    if (!there) throw noSuchKey(key);
    if (!names(conditions.ifMatch, there.etag)) throw failed('If-Match');
  }
}
