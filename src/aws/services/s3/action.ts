import { createHash } from 'node:crypto';
import { ObjectsError, type Bucket, type ObjectStore, type Tag } from '#objects';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction, type AnyAction, type Conditions, type Permission } from '../../gateway/service.ts';
import { parsePolicy, type Statement } from '../../iam/policy/document.ts';
import type { NamedPolicy } from '../../iam/policy/evaluate.ts';
import { grantStatements } from './grants.ts';
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
      const own = permissionOn(store, call, {
        action,
        resource,
        bucket: input.Bucket,
        version: input.VersionId,
        conditions: options.conditions?.(input, store) ?? {},
      });
      return [...(action === '' ? [] : [own]), ...(options.also?.(input, call, store) ?? [])];
    },
    handle: (input, call) =>
      inWordsOfS3(call, () => {
        checkOwner(store, input, call);
        return options.handle(input, call, store);
      }),
  });
}

/** One permission on something of a bucket, with its owner, and what the bucket's policy and lists of grants say. */
export function permissionOn(
  store: ObjectStore,
  call: Call,
  wanted: { action: string; resource: string; bucket: string | undefined; version?: string | undefined; conditions?: Conditions },
): Permission {
  const { action, resource, conditions = {} } = wanted;
  const bucket = wanted.bucket === undefined ? undefined : store.buckets.find(wanted.bucket);
  if (!bucket) return { action, resource, conditions };
  const policy = policyOf(store, bucket, call);
  const { statements, owner } = grantStatements(store, call, bucket, wanted);
  // The policy of a bucket gives nothing of objects that are not its owner's; what it denies it denies all the same.
  const given =
    owner === undefined
      ? policy
      : policy &&
        withStatements(
          policy,
          policy.policy.statements.filter(({ effect }) => effect === 'Deny'),
        );
  return {
    action,
    resource,
    conditions: { ...tagConditions(store, bucket), ...conditions },
    resourceAccount: owner ?? bucket.account,
    resourcePolicy: statements.length === 0 ? given : withStatements(given ?? noPolicy(bucket), [...(given?.policy.statements ?? []), ...statements]),
  };
}
const withStatements = ({ name, policy }: NamedPolicy, statements: readonly Statement[]): NamedPolicy => ({ name, policy: { ...policy, statements } });
const noPolicy = ({ name }: Bucket): NamedPolicy => ({ name, policy: { version: '2012-10-17', id: undefined, statements: [] } });

/** The tags of a bucket count in policies once it says so (attribute-based access control). */
function tagConditions(store: ObjectStore, bucket: Bucket): Conditions {
  if ((store.buckets.setting(bucket, 'abac') as { Status?: string } | undefined)?.Status !== 'Enabled') return {};
  const { TagSet = [] } = (store.buckets.setting(bucket, 'tagging') as { TagSet?: readonly Tag[] } | undefined) ?? {};
  return Object.fromEntries(TagSet.map(({ Key, Value }) => [`aws:ResourceTag/${Key}`, Value]));
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

/** Does some work, and tells of what the store refuses as S3 does. */
export async function inWordsOfS3<O>(call: Call, work: () => O | Promise<O>): Promise<O> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ObjectsError)) throw error;
    const { code, message, status, fields, headers } = error;
    const fault = status >= 500 ? 'server' : 'client';
    throw new S3Refusal(code, message, { status, fault, fields: { ...fields, Resource: call.request.path } }, headers);
  }
}

export const notImplemented = (what: string): AwsError => new AwsError('NotImplemented', `${what} is not implemented here`, { status: 501, fault: 'server' });

/** What S3 calls an account where it does not write its number. */
export const canonicalId = (account: string): string => createHash('sha256').update(`canonical user ${account}`).digest('hex');
export const ownerOf = (account: string): { ID: string } => ({ ID: canonicalId(account) });
export const quoted = (etag: string): string => `"${etag}"`;
