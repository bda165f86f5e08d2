import { BackupError } from './errors.ts';
import type { Target } from './target.ts';

export interface S3TargetOptions {
  readonly bucket: string;
  /** '' or a prefix that ends with a slash. */
  readonly prefix: string;
  readonly region: string;
  /** Undefined: that of AWS. */
  readonly endpoint?: string | undefined;
  /** Undefined: what the SDK finds in the environment and in ~/.aws. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string | undefined } | undefined;
  /** Makes the bucket when it is not there. */
  readonly createBucket?: boolean;
}

/** A bucket of anything that speaks S3. The SDK is loaded when the first backup goes there. */
export async function s3Target(options: S3TargetOptions): Promise<Target> {
  const { S3Client, CreateBucketCommand, DeleteObjectCommand, GetObjectCommand, HeadBucketCommand, ListObjectsV2Command, PutObjectCommand } =
    await import('@aws-sdk/client-s3');
  const { bucket: Bucket, prefix, region, endpoint, credentials } = options;
  const client = new S3Client({
    region,
    // Buckets of an endpoint of one's own rarely have host names.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials ? { credentials: { ...credentials, sessionToken: credentials.sessionToken ?? '' } } : {}),
  });
  try {
    await client.send(new HeadBucketCommand({ Bucket }));
  } catch (error) {
    if (options.createBucket !== true || status(error) !== 404) throw explain(error, options);
    await client.send(new CreateBucketCommand({ Bucket }));
  }
  const put = async (name: string, content: Buffer, IfNoneMatch?: string): Promise<void> => {
    await client.send(new PutObjectCommand({ Bucket, Key: prefix + name, Body: content, ...(IfNoneMatch ? { IfNoneMatch } : {}) }));
  };
  return {
    async list(under) {
      const names: string[] = [];
      let token: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix + under, ...(token ? { ContinuationToken: token } : {}) }));
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) names.push(Key.slice(prefix.length));
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return names;
    },
    async get(name) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: prefix + name }));
        return Body && Buffer.from(await Body.transformToByteArray());
      } catch (error) {
        if ((error as Error).name === 'NoSuchKey') return undefined;
        throw explain(error, options);
      }
    },
    put: (name, content) => put(name, content),
    async putNew(name, content) {
      try {
        await put(name, content, '*');
        return true;
      } catch (error) {
        if (status(error) === 412 || status(error) === 409) return false;
        throw explain(error, options);
      }
    },
    async delete(name) {
      await client.send(new DeleteObjectCommand({ Bucket, Key: prefix + name }));
    },
  };
}

const status = (error: unknown): number | undefined => (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
function explain(error: unknown, { bucket, endpoint }: S3TargetOptions): BackupError {
  const { name, message } = error as Error;
  const why = status(error) === 404 && name === 'NotFound' ? 'there is no such bucket' : `${name}: ${message}`;
  return new BackupError(`s3://${bucket}${endpoint === undefined ? '' : ` at ${endpoint}`}: ${why}`);
}
