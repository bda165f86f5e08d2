import type { CreateBucketOutput, CreateBucketRequest, HeadBucketOutput, PutBucketVersioningRequest } from '@aws-sdk/client-s3';
import {
  checkStorageClass,
  checkTags,
  ObjectsError,
  type Bucket,
  type LifecycleRule,
  type ObjectsErrorCode,
  type ObjectStore,
  type SettingName,
  type Tag,
} from '#objects';
import { AwsError } from '../../gateway/errors.ts';
import type { AnyAction } from '../../gateway/service.ts';
import { parsePolicy, PolicyError, type Policy } from '../../iam/policy/document.ts';
import { accessBlock, ownerOf, s3Action, type Names } from './action.ts';
import { notImplemented } from './attributes.ts';

const blocked = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };

/** A policy that lets everybody in, without a condition (The meaning of "public", Amazon S3 User Guide; conditions are not looked into). */
const isPublic = (policy: Policy): boolean =>
  policy.statements.some(
    ({ effect, principal, conditions }) =>
      effect === 'Allow' && principal !== undefined && (principal.any || principal.aws.includes('*')) && conditions.length === 0,
  );

export function bucketActions(store: ObjectStore): Record<string, AnyAction> {
  const { buckets } = store;
  const of = (input: Names): Bucket => buckets.get(input.Bucket as string);
  return {
    CreateBucket: s3Action<CreateBucketRequest, CreateBucketOutput>(store, {
      permission: 's3:CreateBucket',
      on: 'bucket',
      handle(input, call) {
        if (input.ObjectLockEnabledForBucket) throw notImplemented('Object Lock');
        const asked = input.CreateBucketConfiguration?.LocationConstraint as string | undefined;
        const region = asked === 'EU' ? 'eu-west-1' : (asked ?? 'us-east-1');
        if (call.region !== 'us-east-1' && region !== call.region) {
          const what = asked === undefined ? 'unspecified' : asked;
          throw new AwsError(
            'IllegalLocationConstraintException',
            `The ${what} location constraint is incompatible for the region specific endpoint this request was sent to.`,
            { status: 400 },
          );
        }
        const there = buckets.find(input.Bucket as string);
        const bucket = buckets.create(input.Bucket as string, call.account, region);
        if (!there) buckets.set(bucket, 'publicAccessBlock', blocked);
        return { Location: `/${bucket.name}`, BucketArn: `arn:${call.partition}:s3:::${bucket.name}` };
      },
    }),
    HeadBucket: s3Action<Names, HeadBucketOutput>(store, {
      permission: 's3:ListBucket',
      on: 'bucket',
      handle: (input) => ({ BucketRegion: of(input).region, AccessPointAlias: false }),
    }),
    DeleteBucket: s3Action<Names, object>(store, {
      permission: 's3:DeleteBucket',
      on: 'bucket',
      handle(input) {
        buckets.delete(of(input).name);
        return {};
      },
    }),
    GetBucketLocation: s3Action<Names, object>(store, {
      permission: 's3:GetBucketLocation',
      on: 'bucket',
      handle(input) {
        const { region } = of(input);
        return region === 'us-east-1' ? {} : { LocationConstraint: region };
      },
    }),
    GetBucketVersioning: s3Action<Names, object>(store, {
      permission: 's3:GetBucketVersioning',
      on: 'bucket',
      handle(input) {
        const { versioning } = of(input);
        return versioning === undefined ? {} : { Status: versioning };
      },
    }),
    PutBucketVersioning: s3Action<PutBucketVersioningRequest, object>(store, {
      permission: 's3:PutBucketVersioning',
      on: 'bucket',
      handle(input) {
        const { Status, MFADelete } = input.VersioningConfiguration ?? {};
        if (MFADelete === 'Enabled') throw notImplemented('MFA Delete');
        if (Status === undefined) throw new ObjectsError('MalformedXML', 'The Versioning element must be specified');
        buckets.setVersioning(of(input).name, Status);
        return {};
      },
    }),
    GetBucketPolicy: s3Action<Names, object>(store, {
      permission: 's3:GetBucketPolicy',
      on: 'bucket',
      handle: (input) => ({ Policy: needed(of(input), 'policy', 'NoSuchBucketPolicy', 'The bucket policy does not exist') }),
    }),
    GetBucketPolicyStatus: s3Action<Names, object>(store, {
      permission: 's3:GetBucketPolicyStatus',
      on: 'bucket',
      handle(input) {
        const text = needed(of(input), 'policy', 'NoSuchBucketPolicy', 'The bucket policy does not exist') as string;
        return { PolicyStatus: { IsPublic: isPublic(parsePolicy(text, 'resource')) } };
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
    DeleteBucketPolicy: removal('policy', 's3:DeleteBucketPolicy'),
    ...setting('Tagging', 'tagging', 'BucketTagging', ['NoSuchTagSet', 'The TagSet does not exist'], (value: { TagSet?: Tag[] }) =>
      checkTags(value.TagSet ?? [], 50),
    ),
    DeleteBucketTagging: removal('tagging', 's3:PutBucketTagging'),
    ...setting(
      'PublicAccessBlockConfiguration',
      'publicAccessBlock',
      'PublicAccessBlock',
      ['NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found'],
      undefined,
      'BucketPublicAccessBlock',
      true,
    ),
    DeletePublicAccessBlock: removal('publicAccessBlock', 's3:PutBucketPublicAccessBlock'),
    ...setting(
      'OwnershipControls',
      'ownership',
      'BucketOwnershipControls',
      ['OwnershipControlsNotFoundError', 'The bucket ownership controls were not found'],
      onlyOwner,
      undefined,
      true,
    ),
    DeleteBucketOwnershipControls: removal('ownership', 's3:PutBucketOwnershipControls'),
    ...setting(
      'ServerSideEncryptionConfiguration',
      'encryption',
      'BucketEncryption',
      ['ServerSideEncryptionConfigurationNotFoundError', 'The server side encryption configuration was not found'],
      onlyAes,
      'EncryptionConfiguration',
      true,
    ),
    DeleteBucketEncryption: removal('encryption', 's3:PutEncryptionConfiguration'),
    ...setting(
      'LifecycleConfiguration',
      'lifecycle',
      'BucketLifecycleConfiguration',
      ['NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'],
      checkLifecycle,
      'LifecycleConfiguration',
    ),
    DeleteBucketLifecycle: removal('lifecycle', 's3:PutLifecycleConfiguration'),
    GetBucketAcl: s3Action<Names, object>(store, {
      permission: 's3:GetBucketAcl',
      on: 'bucket',
      handle(input) {
        const owner = ownerOf(of(input).account);
        return { Owner: owner, Grants: [{ Grantee: { ID: owner.ID, Type: 'CanonicalUser' }, Permission: 'FULL_CONTROL' }] };
      },
    }),
    // What cannot be set here is not set: these are the answers of a bucket without it.
    ...unset('GetBucketCors', 's3:GetBucketCORS', 'NoSuchCORSConfiguration', 'The CORS configuration does not exist'),
    ...unset('GetBucketWebsite', 's3:GetBucketWebsite', 'NoSuchWebsiteConfiguration', 'The specified bucket does not have a website configuration'),
    ...unset('GetBucketReplication', 's3:GetReplicationConfiguration', 'ReplicationConfigurationNotFoundError', 'The replication configuration was not found'),
    ...unset(
      'GetObjectLockConfiguration',
      's3:GetBucketObjectLockConfiguration',
      'ObjectLockConfigurationNotFoundError',
      'Object Lock configuration does not exist for this bucket',
    ),
    GetBucketLogging: empty('s3:GetBucketLogging'),
    GetBucketNotificationConfiguration: empty('s3:GetBucketNotification'),
    GetBucketAccelerateConfiguration: empty('s3:GetAccelerateConfiguration'),
    GetBucketRequestPayment: empty('s3:GetBucketRequestPayment', { Payer: 'BucketOwner' }),
  };

  function needed(bucket: Bucket, name: SettingName, code: ObjectsErrorCode, message: string): unknown {
    const value = buckets.setting(bucket, name) ?? (name === 'encryption' ? usualEncryption : name === 'ownership' ? usualOwnership : undefined);
    if (value === undefined) throw new ObjectsError(code, message, { BucketName: bucket.name });
    return value;
  }
  function removal(name: SettingName, permission: string): AnyAction {
    return s3Action<Names, object>(store, {
      permission,
      on: 'bucket',
      handle(input) {
        buckets.unset(of(input), name);
        return {};
      },
    });
  }
  /** Put and Get of a configuration: kept as it came, once it was checked. `wrapped`: the answer holds it as a member. */
  function setting(
    member: string,
    name: SettingName,
    noun: string,
    [code, message]: [ObjectsErrorCode, string],
    check: (value: never) => void = () => {},
    permission = noun,
    wrapped = false,
  ): Record<string, AnyAction> {
    return {
      [`Put${noun}`]: s3Action<Names & { readonly [member: string]: unknown }, object>(store, {
        permission: `s3:Put${permission}`,
        on: 'bucket',
        handle(input) {
          const value = input[member];
          if (value === undefined)
            throw new ObjectsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
          check(value as never);
          buckets.set(of(input), name, value);
          return {};
        },
      }),
      [`Get${noun}`]: s3Action<Names, object>(store, {
        permission: `s3:Get${permission}`,
        on: 'bucket',
        handle(input) {
          const value = revive(needed(of(input), name, code, message)) as object;
          return wrapped ? { [member]: value } : value;
        },
      }),
    };
  }
  function unset(action: string, permission: string, code: ObjectsErrorCode, message: string): Record<string, AnyAction> {
    const refuse = (input: Names): never => {
      throw new ObjectsError(code, message, { BucketName: of(input).name });
    };
    return { [action]: s3Action<Names, object>(store, { permission, on: 'bucket', handle: refuse }) };
  }
  function empty(permission: string, value: object = {}): AnyAction {
    return s3Action<Names, object>(store, {
      permission,
      on: 'bucket',
      handle(input) {
        of(input);
        return value;
      },
    });
  }
}

const usualEncryption = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }] };
const usualOwnership = { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] };

/** Dates are texts where they are kept. */
function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, name === 'Date' && typeof one === 'string' ? new Date(one) : revive(one)]));
}

function readPolicy(text: string): Policy {
  try {
    return parsePolicy(text, 'resource');
  } catch (error) {
    if (error instanceof PolicyError) throw new ObjectsError('MalformedPolicy', error.message);
    throw error;
  }
}
function onlyOwner({ Rules = [] }: { Rules?: { ObjectOwnership?: string }[] }): void {
  if (Rules.some((rule) => rule.ObjectOwnership !== 'BucketOwnerEnforced'))
    throw notImplemented('Object ownership other than BucketOwnerEnforced, and with it ACLs,');
}
function onlyAes({ Rules = [] }: { Rules?: { ApplyServerSideEncryptionByDefault?: { SSEAlgorithm?: string } }[] }): void {
  if (Rules.some((rule) => (rule.ApplyServerSideEncryptionByDefault?.SSEAlgorithm ?? 'AES256') !== 'AES256'))
    throw notImplemented('Encryption with keys of KMS');
}
function checkLifecycle({ Rules = [] }: { Rules?: LifecycleRule[] }): void {
  const malformed = (why: string): ObjectsError => new ObjectsError('InvalidRequest', why);
  if (Rules.length === 0 || Rules.length > 1000)
    throw new ObjectsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  if (new Set(Rules.map((rule, i) => rule.ID ?? i)).size !== Rules.length)
    throw new ObjectsError('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
  for (const rule of Rules) {
    const does =
      rule.Expiration ?? rule.Transitions ?? rule.NoncurrentVersionExpiration ?? rule.NoncurrentVersionTransitions ?? rule.AbortIncompleteMultipartUpload;
    if (!does) throw malformed('At least one action needs to be specified in a rule');
    if (rule.Filter && rule.Prefix !== undefined) throw malformed('Filter and Prefix cannot be used together in a rule');
    if (rule.Expiration?.Days !== undefined && rule.Expiration.Days < 1)
      throw new ObjectsError('InvalidArgument', "'Days' for Expiration action must be a positive integer");
    for (const { StorageClass } of [...(rule.Transitions ?? []), ...(rule.NoncurrentVersionTransitions ?? [])]) checkStorageClass(StorageClass ?? '');
  }
}
