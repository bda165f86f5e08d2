import type { Bucket, Grant, ObjectStore } from '#objects';
import type { Call } from '../../gateway/call.ts';
import type { PrincipalElement, Statement } from '../../iam/policy/document.ts';
import { fullControl, groups } from './acl.ts';
import { accessBlock, canonicalId } from './action.ts';
import { ownershipOf } from './ownership.ts';

/** Which entry of a list allows which action (Amazon S3 User Guide, Mapping of ACL permissions and access policy permissions). */
const ofBucket: Readonly<Record<string, string>> = {
  's3:ListBucket': 'READ',
  's3:ListBucketVersions': 'READ',
  's3:ListBucketMultipartUploads': 'READ',
  's3:PutObject': 'WRITE',
  's3:DeleteObject': 'WRITE',
  's3:GetBucketAcl': 'READ_ACP',
  's3:PutBucketAcl': 'WRITE_ACP',
};
const ofObject: Readonly<Record<string, string>> = {
  's3:GetObject': 'READ',
  's3:GetObjectVersion': 'READ',
  's3:GetObjectAcl': 'READ_ACP',
  's3:GetObjectVersionAcl': 'READ_ACP',
  's3:PutObjectAcl': 'WRITE_ACP',
  's3:PutObjectVersionAcl': 'WRITE_ACP',
};

const nobody: PrincipalElement = { any: false, aws: [], service: [], federated: [], canonicalUser: [] };

/** What the lists of a bucket and of one of its objects allow a caller, as statements of a policy; the account that owns the object, where it is not the bucket's. */
export function grantStatements(
  store: ObjectStore,
  call: Call,
  bucket: Bucket,
  wanted: { action: string; resource: string; version?: string | undefined },
): { statements: readonly Statement[]; owner?: string | undefined } {
  if (ownershipOf(store, bucket) === 'BucketOwnerEnforced') return { statements: [] };
  const permission = ofObject[wanted.action];
  if (permission !== undefined) {
    const meta = objectOf(store, bucket, wanted);
    return { statements: statementsOf(store, call, bucket, meta?.acl ?? [], permission, wanted.action), owner: meta?.owner };
  }
  const needed = ofBucket[wanted.action];
  const grants = (store.buckets.setting(bucket, 'acl') as readonly Grant[] | undefined) ?? [fullControl(bucket.account)];
  return { statements: needed === undefined ? [] : statementsOf(store, call, bucket, grants, needed, wanted.action) };
}

function objectOf(
  store: ObjectStore,
  bucket: Bucket,
  { resource, version }: { resource: string; version?: string | undefined },
): { acl?: readonly Grant[] | undefined; owner?: string | undefined } | undefined {
  try {
    return store.objects.find(bucket, resource.slice(resource.indexOf('/') + 1), version).version.meta;
  } catch {
    return undefined; // the handler refuses what is not there
  }
}

function statementsOf(store: ObjectStore, call: Call, bucket: Bucket, grants: readonly Grant[], permission: string, action: string): Statement[] {
  const block = accessBlock(store, bucket);
  return grants
    .filter((grant) => grant.Permission === permission || grant.Permission === 'FULL_CONTROL')
    .flatMap(({ Grantee }) => {
      const principal = principalOf(Grantee, call, block['IgnorePublicAcls'] === true);
      if (!principal) return [];
      const names = { notPrincipal: undefined, notActions: undefined, notResources: undefined, conditions: [] };
      return [{ sid: undefined, effect: 'Allow' as const, principal, actions: [action], resources: ['*'], ...names }];
    });
}

/** Accounts have no lists of users to look into: a grant concerns the caller or it does not. */
function principalOf({ ID, URI }: Grant['Grantee'], { caller }: Call, ignorePublic: boolean): PrincipalElement | undefined {
  if (ID !== undefined) return caller.account !== '' && canonicalId(caller.account) === ID ? { ...nobody, aws: [caller.account] } : undefined;
  if (ignorePublic) return undefined;
  return URI === groups.all || (URI === groups.authenticated && caller.type !== 'anonymous') ? { ...nobody, any: true } : undefined;
}
