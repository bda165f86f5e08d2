import { resolve } from 'node:path';
import { folderTarget, s3Target, type S3TargetOptions, type Target } from '#backup';
import { UsageError } from '../errors.ts';

/** Where backups go, in a form that can be kept and sent. */
export type TargetPlace =
  | { readonly kind: 'folder'; readonly path: string }
  | (Omit<S3TargetOptions, 'credentials'> & { readonly kind: 's3'; readonly credentials?: S3TargetOptions['credentials'] | undefined });

export interface PlaceOptions {
  /** DIR or s3://BUCKET[/PREFIX]; undefined: the instance's own S3. */
  readonly to?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

/** The bucket of the instance's own S3 that takes backups when no other place is named. */
export const ownBucket = 'batuta-backups';

/** Throws UsageError. */
export function readPlace({ to, endpoint, region = 'us-east-1' }: PlaceOptions, awsPort: number): TargetPlace {
  const own = `http://127.0.0.1:${awsPort}`;
  if (to === undefined) {
    if (endpoint !== undefined) throw new UsageError('--endpoint goes with --to s3://BUCKET');
    return {
      kind: 's3',
      bucket: ownBucket,
      prefix: '',
      region,
      endpoint: own,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      createBucket: true,
    };
  }
  const match = /^s3:\/\/([^/]+)(?:\/(.*?))?\/?$/.exec(to);
  if (!match) {
    if (/^[a-z0-9]+:\/\//.test(to)) throw new UsageError(`--to ${to}: a folder, or s3://BUCKET/PREFIX`);
    if (endpoint !== undefined) throw new UsageError('--endpoint goes with --to s3://BUCKET');
    return { kind: 'folder', path: resolve(to) };
  }
  const prefix = match[2] ? `${match[2]}/` : '';
  return { kind: 's3', bucket: match[1] as string, prefix, region, endpoint };
}

export async function openTarget(place: TargetPlace): Promise<Target> {
  return place.kind === 'folder' ? folderTarget(place.path) : s3Target(place);
}

/** A place with the credentials of this process's environment, for another process to use. */
export function withCredentials(place: TargetPlace, env: NodeJS.ProcessEnv): TargetPlace {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
  if (place.kind === 'folder' || place.credentials || !accessKeyId || !secretAccessKey) return place;
  return { ...place, credentials: { accessKeyId, secretAccessKey, sessionToken } };
}

export const placeText = (place: TargetPlace): string =>
  place.kind === 'folder' ? place.path : `s3://${place.bucket}/${place.prefix}${place.endpoint === undefined ? '' : ` at ${place.endpoint}`}`;
