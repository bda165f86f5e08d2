/**
 * backup: what an instance keeps, as encrypted pieces on a target, each named by its content. Knows folders, S3,
 * keys and retention; knows neither stores nor registries: they are given to it as streams. Imports base only.
 */
export { BackupError } from './errors.ts';
export { Repository } from './repository.ts';
export type { Retention } from './retention.ts';
export { s3Target, type S3TargetOptions } from './s3-target.ts';
export type { Secret } from './seal.ts';
export type { StateEntry } from './state.ts';
export { folderTarget, type Target } from './target.ts';
export type { BlobSource, Created, Manifest, Source, Summary } from './types.ts';
