/**
 * objects: buckets and objects with the semantics of S3 over a directory: bytes in files, everything else in one
 * SQLite catalog. Knows no HTTP, no signatures and no permissions; imports base only.
 */
export { ObjectStore, type Care, type ListOptions, type ObjectStoreOptions } from './object-store.ts';
export type { Bucket, Buckets, SettingName, Versioning } from './buckets.ts';
export {
  checkChecksumForm,
  checksumAlgorithms,
  isChecksumAlgorithm,
  startChecksum,
  type Checksum,
  type ChecksumAlgorithm,
  type ChecksumType,
} from './checksums.ts';
export { bare, type ReadConditions, type WriteConditions } from './conditions.ts';
export { ObjectsError, type ObjectsErrorCode } from './errors.ts';
export { readAlgorithm, type Body } from './incoming.ts';
export type { LifecycleAction, LifecycleFilter, LifecycleRule } from './lifecycle.ts';
export { activeLock, checkLock, type Lock, type Retention } from './lock.ts';
export type { Page } from './listing.ts';
export type { Part, PartClaim, Upload, UploadAttributes } from './multipart.ts';
export { checkTags, type Tag } from './names.ts';
export { checkStorageClass, type Attributes, type Deleted, type Found } from './objects.ts';
export { parseCopyRange, parseRange } from './range.ts';
export type { Grant, ObjectMeta, Version } from './versions.ts';
