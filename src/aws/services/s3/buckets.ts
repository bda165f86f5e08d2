import type { CreateBucketOutput, CreateBucketRequest, HeadBucketOutput, PutBucketVersioningRequest } from '@aws-sdk/client-s3';
import { checkTags, ObjectsError, type Bucket, type Grant, type ObjectStore, type Tag } from '#objects';
import { AwsError } from '../../gateway/errors.ts';
import type { Call } from '../../gateway/call.ts';
import type { AnyAction, Permission } from '../../gateway/service.ts';
import { grantsOf, isPublicGrant, saysAcl } from './acl.ts';
import { bucketArn, notImplemented, permissionOn, s3Action, type Names } from './action.ts';

const blocked = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };

export function bucketActions(store: ObjectStore): Record<string, AnyAction> {
  const { buckets } = store;
  const of = (input: Names): Bucket => buckets.get(input.Bucket as string);
  return {
    CreateBucket: s3Action<CreateBucketRequest, CreateBucketOutput>(store, {
      permission: 's3:CreateBucket',
      on: 'bucket',
      conditions: ({ ACL, ObjectOwnership }) => ({ 's3:x-amz-acl': ACL, 's3:x-amz-object-ownership': ObjectOwnership }),
      also: furtherPermissions,
      handle(input, call) {
        const region = regionOf(input, call);
        const locks = input.ObjectLockEnabledForBucket === true;
        const tags = (input.CreateBucketConfiguration?.Tags ?? []) as Tag[];
        checkTags(tags, 50);
        const settings = {
          publicAccessBlock: blocked,
          ...(input.ObjectOwnership ? { ownership: { Rules: [{ ObjectOwnership: input.ObjectOwnership }] } } : {}),
          acl: firstGrants(input, call.account),
          ...(tags.length > 0 ? { tagging: { TagSet: tags } } : {}),
          ...(locks ? { objectLock: { ObjectLockEnabled: 'Enabled' } } : {}),
        };
        const bucket = buckets.create(input.Bucket as string, call.account, region, settings, locks ? 'Enabled' : undefined);
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
        const bucket = of(input);
        const { Status, MFADelete } = input.VersioningConfiguration ?? {};
        if (MFADelete === 'Enabled') throw notImplemented('MFA Delete');
        if (Status === undefined) throw new ObjectsError('MalformedXML', 'The Versioning element must be specified');
        if (Status === 'Suspended' && buckets.setting(bucket, 'objectLock') !== undefined)
          throw new ObjectsError('InvalidBucketState', 'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.');
        buckets.setVersioning(bucket.name, Status);
        return {};
      },
    }),
  };
}

/** What making a bucket needs besides s3:CreateBucket, by what it is made with. */
function furtherPermissions(input: CreateBucketRequest, call: Call, store: ObjectStore): readonly Permission[] {
  const acl = saysAcl(input) && input.ACL !== 'private';
  return [
    ...(acl ? ['s3:PutBucketAcl'] : []),
    ...(input.ObjectLockEnabledForBucket === true ? ['s3:PutBucketObjectLockConfiguration', 's3:PutBucketVersioning'] : []),
    ...(input.ObjectOwnership === undefined ? [] : ['s3:PutBucketOwnershipControls']),
    ...(input.CreateBucketConfiguration?.Tags?.length ? ['s3:TagResource'] : []),
  ].map((action) => permissionOn(store, call, { action, resource: bucketArn(call, input.Bucket ?? ''), bucket: input.Bucket }));
}

function regionOf(input: CreateBucketRequest, call: Call): string {
  const asked = input.CreateBucketConfiguration?.LocationConstraint as string | undefined;
  const region = asked === 'EU' ? 'eu-west-1' : (asked ?? 'us-east-1');
  if (call.region === 'us-east-1' || region === call.region) return region;
  const what = asked ?? 'unspecified';
  const message = `The ${what} location constraint is incompatible for the region specific endpoint this request was sent to.`;
  throw new AwsError('IllegalLocationConstraintException', message, { status: 400 });
}

/** The grants that a new bucket gets; undefined: its owner's alone. Public ones are blocked as long as public access is. */
function firstGrants(input: CreateBucketRequest, account: string): readonly Grant[] | undefined {
  if (!saysAcl(input) || input.ACL === 'private') return undefined;
  if (input.ObjectOwnership === undefined || input.ObjectOwnership === 'BucketOwnerEnforced')
    throw new ObjectsError('InvalidBucketAclWithObjectOwnership', "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
  const grants = grantsOf(input, account, account);
  if (grants.some(isPublicGrant))
    throw new ObjectsError('InvalidBucketAclWithBlockPublicAccessError', 'Bucket cannot have public ACLs set with BlockPublicAccess enabled');
  return grants;
}
