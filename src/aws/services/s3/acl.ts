import { ObjectsError, type Bucket, type Grant, type ObjectStore } from '#objects';
import type { AnyAction } from '../../gateway/service.ts';
import { AwsError } from '../../gateway/errors.ts';
import { accessBlock, canonicalId, ownerOf, s3Action, type Names } from './action.ts';
import type { S3Events } from './events.ts';
import { ownershipOf } from './ownership.ts';
import { malformedXml } from './setting.ts';

/** Groups that grants may name (Amazon S3 User Guide, Access control list overview). */
export const groups = {
  all: 'http://acs.amazonaws.com/groups/global/AllUsers',
  authenticated: 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers',
  logs: 'http://acs.amazonaws.com/groups/s3/LogDelivery',
} as const;
const MOST_GRANTS = 100;

/** What may be said of grants in an input: a canned list, headers, or a document. */
export interface AclInput {
  readonly ACL?: string | undefined;
  readonly AccessControlPolicy?: { readonly Grants?: readonly Partial<Grant>[] | undefined; readonly Owner?: { readonly ID?: string } | undefined } | undefined;
  readonly GrantFullControl?: string | undefined;
  readonly GrantRead?: string | undefined;
  readonly GrantReadACP?: string | undefined;
  readonly GrantWrite?: string | undefined;
  readonly GrantWriteACP?: string | undefined;
}

const user = (id: string, permission: string): Grant => ({ Grantee: { Type: 'CanonicalUser', ID: id }, Permission: permission });
const group = (uri: string, permission: string): Grant => ({ Grantee: { Type: 'Group', URI: uri }, Permission: permission });
export const fullControl = (account: string): Grant => user(canonicalId(account), 'FULL_CONTROL');

/** The grants that a canned list stands for, besides the owner's own. */
function cannedGrants(canned: string, bucketOwner: string, owner: string): readonly Grant[] {
  switch (canned) {
    case 'private':
      return [];
    case 'public-read':
      return [group(groups.all, 'READ')];
    case 'public-read-write':
      return [group(groups.all, 'READ'), group(groups.all, 'WRITE')];
    case 'authenticated-read':
      return [group(groups.authenticated, 'READ')];
    case 'bucket-owner-read':
      return bucketOwner === owner ? [] : [user(canonicalId(bucketOwner), 'READ')];
    case 'bucket-owner-full-control':
      return bucketOwner === owner ? [] : [fullControl(bucketOwner)];
    case 'log-delivery-write':
      return [group(groups.logs, 'WRITE'), group(groups.logs, 'READ_ACP')];
    default:
      throw new ObjectsError('NotImplemented', `The canned list ${canned} is not implemented here`);
  }
}

const headerGrants: readonly (readonly [keyof AclInput, string])[] = [
  ['GrantFullControl', 'FULL_CONTROL'],
  ['GrantRead', 'READ'],
  ['GrantReadACP', 'READ_ACP'],
  ['GrantWrite', 'WRITE'],
  ['GrantWriteACP', 'WRITE_ACP'],
];
function fromHeaders(input: AclInput): Grant[] {
  return headerGrants.flatMap(([member, permission]) => {
    const text = input[member] as string | undefined;
    if (text === undefined) return [];
    return text.split(',').map((one) => {
      const [, kind, value = ''] = /^\s*(id|uri|emailAddress)\s*=\s*"?([^"]*)"?\s*$/i.exec(one) ?? [];
      if (kind === undefined)
        throw new ObjectsError('InvalidArgument', 'Argument format not recognized', { ArgumentName: `x-amz-${kebab(member)}`, ArgumentValue: text });
      if (kind.toLowerCase() === 'emailaddress') throw noEmail(value);
      return kind.toLowerCase() === 'id' ? user(value, permission) : group(value, permission);
    });
  });
}
const kebab = (name: string): string => name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
const noEmail = (value: string): ObjectsError =>
  new ObjectsError('UnresolvableGrantByEmailAddress', 'The e-mail address you provided does not match any account on record.', { ArgumentValue: value });

const permissions = new Set(['FULL_CONTROL', 'READ', 'WRITE', 'READ_ACP', 'WRITE_ACP']);
function checkGrant(given: Partial<Grant> & { Grantee?: { EmailAddress?: string } & Partial<Grant['Grantee']> }): Grant {
  const { Grantee, Permission } = given;
  if (!Grantee || Permission === undefined || !permissions.has(Permission)) throw malformedXml();
  if (Grantee.EmailAddress !== undefined) throw noEmail(Grantee.EmailAddress);
  if (Grantee.URI !== undefined) {
    if (!(Object.values(groups) as string[]).includes(Grantee.URI))
      throw new ObjectsError('InvalidArgument', 'Invalid group uri', { ArgumentValue: Grantee.URI });
    return group(Grantee.URI, Permission);
  }
  if (!/^[0-9a-f]{64}$/.test(Grantee.ID ?? ''))
    throw new ObjectsError('InvalidArgument', 'Invalid id', { ArgumentName: 'CanonicalUser/ID', ArgumentValue: Grantee.ID ?? '' });
  return user(Grantee.ID as string, Permission);
}

export const saysAcl = (input: AclInput): boolean =>
  input.ACL !== undefined || input.AccessControlPolicy !== undefined || headerGrants.some(([member]) => input[member] !== undefined);

/** The list that an input asks for. `owner`: account that owns what it is for. Throws ObjectsError. */
export function grantsOf(input: AclInput, bucketOwner: string, owner: string): readonly Grant[] {
  const headers = fromHeaders(input);
  if (input.ACL !== undefined && headers.length > 0) throw new ObjectsError('InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed');
  if (input.AccessControlPolicy !== undefined) {
    if (input.ACL !== undefined || headers.length > 0) throw new ObjectsError('InvalidRequest', 'This request does not support content');
    const { Owner, Grants = [] } = input.AccessControlPolicy;
    if (Owner?.ID === undefined) throw malformedXml();
    if (Owner.ID !== canonicalId(owner)) throw new ObjectsError('AccessDenied', 'Access Denied');
    if (Grants.length > MOST_GRANTS) throw malformedXml();
    return Grants.map(checkGrant);
  }
  return headers.length > 0 ? headers.map(checkGrant) : [fullControl(owner), ...cannedGrants(input.ACL ?? 'private', bucketOwner, owner)];
}

export const isPublicGrant = ({ Grantee }: Grant): boolean => Grantee.URI === groups.all || Grantee.URI === groups.authenticated;

/** Refuses lists that a bucket does not take: all but its owner's where it is enforced, public ones where they are blocked. */
export function checkAcl(store: ObjectStore, bucket: Bucket, grants: readonly Grant[]): void {
  if (ownershipOf(store, bucket) === 'BucketOwnerEnforced') {
    const ours = grants.length === 1 && grants[0]?.Permission === 'FULL_CONTROL' && grants[0].Grantee.ID === canonicalId(bucket.account);
    if (!ours) throw new ObjectsError('AccessControlListNotSupported', 'The bucket does not allow ACLs');
  }
  if (grants.some(isPublicGrant) && accessBlock(store, bucket)['BlockPublicAcls'] === true)
    throw new AwsError('AccessDenied', 'Public access control lists are prevented by the BlockPublicAcls setting of the block public access configuration.', {
      status: 403,
    });
}

/** The list of an object about to be written: undefined for its owner alone. */
export function aclOfUpload(store: ObjectStore, bucket: Bucket, input: AclInput, writer: string): { acl?: readonly Grant[]; owner?: string } {
  const ownership = ownershipOf(store, bucket);
  const foreign = writer !== '' && writer !== bucket.account && ownership !== 'BucketOwnerEnforced';
  const given = foreign && !(ownership === 'BucketOwnerPreferred' && input.ACL === 'bucket-owner-full-control');
  const owner = given ? writer : bucket.account;
  if (!saysAcl(input)) return given ? { acl: [fullControl(owner)], owner } : {};
  const grants = grantsOf(input, bucket.account, owner);
  checkAcl(store, bucket, grants);
  if (ownership === 'BucketOwnerEnforced') return {};
  return { acl: grants, ...(given ? { owner } : {}) };
}

type BucketAclInput = Names & AclInput;
const missing = (): ObjectsError => new ObjectsError('MissingSecurityHeader', 'Your request was missing a required header', { MissingHeaderName: 'x-amz-acl' });

export function aclActions(store: ObjectStore, events: S3Events): Record<string, AnyAction> {
  const of = (input: Names): Bucket => store.buckets.get(input.Bucket as string);
  const versioned =
    (name: string) =>
    ({ VersionId }: Names): string =>
      VersionId === undefined ? `s3:${name}Acl` : `s3:${name}VersionAcl`;
  const ofObject = (input: Names) => {
    const bucket = of(input);
    const found = store.objects.find(bucket, input.Key as string, input.VersionId);
    return { bucket, found, owner: found.version.meta.owner ?? bucket.account };
  };
  return {
    GetBucketAcl: s3Action<Names, object>(store, {
      permission: 's3:GetBucketAcl',
      on: 'bucket',
      handle(input) {
        const bucket = of(input);
        return { Owner: ownerOf(bucket.account), Grants: bucketGrants(store, bucket) };
      },
    }),
    PutBucketAcl: s3Action<BucketAclInput, object>(store, {
      permission: 's3:PutBucketAcl',
      on: 'bucket',
      conditions: ({ ACL }) => ({ 's3:x-amz-acl': ACL }),
      handle(input) {
        const bucket = of(input);
        if (!saysAcl(input)) throw missing();
        if (ownershipOf(store, bucket) === 'BucketOwnerEnforced') throw new ObjectsError('AccessControlListNotSupported', 'The bucket does not allow ACLs');
        const grants = grantsOf(input, bucket.account, bucket.account);
        checkAcl(store, bucket, grants);
        store.buckets.set(bucket, 'acl', grants);
        return {};
      },
    }),
    GetObjectAcl: s3Action<Names, object>(store, {
      permission: versioned('GetObject'),
      on: 'object',
      handle(input) {
        const { bucket, found, owner } = ofObject(input);
        const grants = ownershipOf(store, bucket) === 'BucketOwnerEnforced' ? undefined : found.version.meta.acl;
        return { Owner: ownerOf(owner), Grants: grants ?? [fullControl(owner)] };
      },
    }),
    PutObjectAcl: s3Action<BucketAclInput, object>(store, {
      permission: versioned('PutObject'),
      on: 'object',
      conditions: ({ ACL }) => ({ 's3:x-amz-acl': ACL }),
      handle(input, call) {
        const { bucket, found, owner } = ofObject(input);
        if (!saysAcl(input)) throw missing();
        const grants = grantsOf(input, bucket.account, owner);
        checkAcl(store, bucket, grants);
        store.objects.setAcl(found, grants, found.version.meta.owner);
        events.granted(bucket, found.version, call);
        return {};
      },
    }),
  };
}

export function bucketGrants(store: ObjectStore, bucket: Bucket): readonly Grant[] {
  const kept = ownershipOf(store, bucket) === 'BucketOwnerEnforced' ? undefined : (store.buckets.setting(bucket, 'acl') as readonly Grant[] | undefined);
  return kept ?? [fullControl(bucket.account)];
}
