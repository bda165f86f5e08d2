import { ObjectsError, type Bucket, type ObjectStore } from '#objects';
import { AwsError } from '../../gateway/errors.ts';
import type { AnyAction } from '../../gateway/service.ts';
import { parsePolicy, PolicyError, type Policy } from '../../iam/policy/document.ts';
import { accessBlock, s3Action, type Names } from './action.ts';
import { bucketGrants, isPublicGrant } from './acl.ts';

/** A policy that lets everybody in, without a condition (The meaning of "public", Amazon S3 User Guide; conditions are not looked into). */
export const isPublic = (policy: Policy): boolean =>
  policy.statements.some(
    ({ effect, principal, conditions }) =>
      effect === 'Allow' && principal !== undefined && (principal.any || principal.aws.includes('*')) && conditions.length === 0,
  );

function readPolicy(text: string): Policy {
  try {
    return parsePolicy(text, 'resource');
  } catch (error) {
    if (error instanceof PolicyError) throw new ObjectsError('MalformedPolicy', error.message);
    throw error;
  }
}

export function policyActions(store: ObjectStore): Record<string, AnyAction> {
  const { buckets } = store;
  const of = (input: Names): Bucket => buckets.get(input.Bucket as string);
  const textOf = (bucket: Bucket): string => {
    const text = buckets.setting(bucket, 'policy');
    if (typeof text !== 'string') throw new ObjectsError('NoSuchBucketPolicy', 'The bucket policy does not exist', { BucketName: bucket.name });
    return text;
  };
  return {
    GetBucketPolicy: s3Action<Names, object>(store, {
      permission: 's3:GetBucketPolicy',
      on: 'bucket',
      handle: (input) => ({ Policy: textOf(of(input)) }),
    }),
    GetBucketPolicyStatus: s3Action<Names, object>(store, {
      permission: 's3:GetBucketPolicyStatus',
      on: 'bucket',
      handle(input) {
        const bucket = of(input);
        const grants = accessBlock(store, bucket)['IgnorePublicAcls'] === true ? [] : bucketGrants(store, bucket);
        return { PolicyStatus: { IsPublic: isPublic(parsePolicy(textOf(bucket), 'resource')) || grants.some(isPublicGrant) } };
      },
    }),
    PutBucketPolicy: s3Action<Names & { Policy?: string }, object>(store, {
      permission: 's3:PutBucketPolicy',
      on: 'bucket',
      handle(input) {
        const bucket = of(input);
        const policy = readPolicy(input.Policy ?? '');
        if (isPublic(policy) && accessBlock(store, bucket)['BlockPublicPolicy'] === true)
          throw new AwsError('AccessDenied', 'Public policies are prevented by the BlockPublicPolicy setting of the block public access configuration.', {
            status: 403,
          });
        buckets.set(bucket, 'policy', input.Policy);
        return {};
      },
    }),
    DeleteBucketPolicy: s3Action<Names, object>(store, {
      permission: 's3:DeleteBucketPolicy',
      on: 'bucket',
      handle(input) {
        buckets.unset(of(input), 'policy');
        return {};
      },
    }),
  };
}
