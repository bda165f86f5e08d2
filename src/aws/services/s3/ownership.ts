import { ObjectsError, type Bucket, type ObjectStore } from '#objects';
import { malformedXml, type Setting } from './setting.ts';

/** Whom objects belong to, and whether lists of grants count (Amazon S3 User Guide, Controlling ownership of objects). */
export type Ownership = 'BucketOwnerEnforced' | 'BucketOwnerPreferred' | 'ObjectWriter';

interface OwnershipControls {
  readonly Rules?: readonly { readonly ObjectOwnership?: string }[];
}

export const ownership: Setting = {
  noun: 'BucketOwnershipControls',
  name: 'ownership',
  member: 'OwnershipControls',
  wrapped: true,
  // Buckets are made so, since April 2023. Without controls, everybody owns what he wrote.
  unset: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
  gone: ['OwnershipControlsNotFoundError', 'The bucket ownership controls were not found'],
  removal: ['DeleteBucketOwnershipControls', 'PutBucketOwnershipControls'],
  take(value: OwnershipControls, { store, bucket }) {
    if (value.Rules?.length !== 1 || value.Rules[0]?.ObjectOwnership === undefined) throw malformedXml();
    const grants = store.buckets.setting(bucket, 'acl') as readonly { Grantee?: { ID?: string; Type?: string } }[] | undefined;
    if (value.Rules[0].ObjectOwnership === 'BucketOwnerEnforced' && (grants?.length ?? 0) > 1)
      throw new ObjectsError('InvalidBucketAclWithObjectOwnership', "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
    return value;
  },
};

/** What is set; absent controls are ObjectWriter. */
export function ownershipOf(store: ObjectStore, bucket: Bucket): Ownership {
  const value = store.buckets.setting(bucket, 'ownership');
  if (value === undefined) return 'BucketOwnerEnforced';
  return ((value as OwnershipControls).Rules?.[0]?.ObjectOwnership as Ownership | undefined) ?? 'ObjectWriter';
}
