import { createHash } from 'node:crypto';
import { ObjectsError, type Bucket, type ObjectStore } from '#objects';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction, type AnyAction, type Conditions, type Permission } from '../../gateway/service.ts';
import { parsePolicy } from '../../iam/policy/document.ts';
import type { NamedPolicy } from '../../iam/policy/evaluate.ts';
import { S3Refusal } from './protocol.ts';

/** What every input of S3 may name. */
export interface Names {
  readonly Bucket?: string | undefined;
  readonly Key?: string | undefined;
  readonly VersionId?: string | undefined;
  readonly ExpectedBucketOwner?: string | undefined;
}
export interface S3ActionOptions<I, O> {
  /** `s3:GetObject`; of the input where versions have a permission of their own; '' for what `also` alone says. */
  readonly permission: string | ((input: I) => string);
  /** What the permission is on. */
  readonly on: 'bucket' | 'object' | 'all';
  conditions?(input: I, store: ObjectStore): Conditions;
  /** Further permissions. */
  also?(input: I, call: Call, store: ObjectStore): readonly Permission[];
  handle(input: I, call: Call, store: ObjectStore): O | Promise<O>;
}

export const bucketArn = (call: Pick<Call, 'partition'>, bucket: string, key?: string): string =>
  `arn:${call.partition}:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;

/** An action of S3: its permission is asked of identity and bucket policies, its errors are S3's. */
export function s3Action<I extends Names, O>(store: ObjectStore, options: S3ActionOptions<I, O>): AnyAction {
  return defineAction<I, O>({
    authentication: 'optional',
    permissions(input, call) {
      const action = typeof options.permission === 'string' ? options.permission : options.permission(input);
      const resource = options.on === 'all' ? '*' : bucketArn(call, input.Bucket ?? '', options.on === 'object' ? input.Key : undefined);
      const own = permissionOn(store, call, { action, resource, bucket: input.Bucket, conditions: options.conditions?.(input, store) ?? {} });
      return [...(action === '' ? [] : [own]), ...(options.also?.(input, call, store) ?? [])];
    },
    handle: (input, call) =>
      inWordsOfS3(call, () => {
        checkOwner(store, input, call);
        return options.handle(input, call, store);
      }),
  });
}

/** One permission on something of a bucket, with the bucket's owner and policy. */
export function permissionOn(
  store: ObjectStore,
  call: Call,
  wanted: { action: string; resource: string; bucket: string | undefined; conditions?: Conditions },
): Permission {
  const bucket = wanted.bucket === undefined ? undefined : store.buckets.find(wanted.bucket);
  return {
    action: wanted.action,
    resource: wanted.resource,
    conditions: wanted.conditions ?? {},
    resourceAccount: bucket?.account,
    resourcePolicy: bucket && policyOf(store, bucket, call),
  };
}

/** Whether anybody may be let in by a bucket's policy (PublicAccessBlockConfiguration). */
export const accessBlock = (store: ObjectStore, bucket: Bucket): Record<string, boolean | undefined> =>
  (store.buckets.setting(bucket, 'publicAccessBlock') as Record<string, boolean | undefined> | undefined) ?? {};

const parsed = new Map<string, NamedPolicy>();
function policyOf(store: ObjectStore, bucket: Bucket, call: Call): NamedPolicy | undefined {
  const text = store.buckets.setting(bucket, 'policy');
  if (typeof text !== 'string') return undefined;
  if (call.caller.type === 'anonymous' && accessBlock(store, bucket)['RestrictPublicBuckets'] === true) return undefined;
  let policy = parsed.get(text);
  if (!policy) {
    if (parsed.size > 1000) parsed.clear();
    parsed.set(text, (policy = { name: bucket.name, policy: parsePolicy(text, 'resource') }));
  }
  return policy;
}

function checkOwner(store: ObjectStore, { Bucket: name, ExpectedBucketOwner: owner }: Names, call: Call): void {
  if (owner === undefined || name === undefined) return;
  const bucket = store.buckets.find(name);
  if (bucket && bucket.account !== owner) throw new AwsError('AccessDenied', 'Access Denied', { status: 403, fields: { Resource: call.request.path } });
}

async function inWordsOfS3<O>(call: Call, work: () => O | Promise<O>): Promise<O> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ObjectsError)) throw error;
    const { code, message, status, fields, headers } = error;
    const fault = status >= 500 ? 'server' : 'client';
    throw new S3Refusal(code, message, { status, fault, fields: { ...fields, Resource: call.request.path } }, headers);
  }
}

/** What S3 calls an account where it does not write its number. */
export const canonicalId = (account: string): string => createHash('sha256').update(`canonical user ${account}`).digest('hex');
export const ownerOf = (account: string): { ID: string } => ({ ID: canonicalId(account) });
export const quoted = (etag: string): string => `"${etag}"`;
