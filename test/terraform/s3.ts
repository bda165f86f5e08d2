import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { S3 } from '@aws-sdk/client-s3';
import { S3Control } from '@aws-sdk/client-s3-control';
import { test } from 'node:test';
import { maybe, refuses, replay } from './replay.ts';

const account = '000000000000';

/** The S3 resources of the provider: internal/service/s3 of its sources. */
export function s3Replays(clients: () => { s3: S3; control: S3Control }): void {
  const s3 = (): S3 => clients().s3;
  const Bucket = 'tf-bucket';
  const arn = `arn:aws:s3:::${Bucket}`;
  const everybody = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 's3:GetObject', Resource: `${arn}/*` };

  /** All that aws_s3_bucket reads of a bucket, other resources' parts included. */
  async function readBucket(): Promise<object> {
    const input = { Bucket };
    return {
      head: await s3().headBucket(input),
      policy: await maybe(s3().getBucketPolicy(input), 'NoSuchBucketPolicy'),
      acl: await s3().getBucketAcl(input),
      cors: await maybe(s3().getBucketCors(input), 'NoSuchCORSConfiguration'),
      website: await maybe(s3().getBucketWebsite(input), 'NoSuchWebsiteConfiguration'),
      versioning: await s3().getBucketVersioning(input),
      accelerate: await s3().getBucketAccelerateConfiguration(input),
      payer: await s3().getBucketRequestPayment(input),
      logging: await s3().getBucketLogging(input),
      lifecycle: await maybe(s3().getBucketLifecycleConfiguration(input), 'NoSuchLifecycleConfiguration'),
      replication: await maybe(s3().getBucketReplication(input), 'ReplicationConfigurationNotFoundError'),
      encryption: await s3().getBucketEncryption(input),
      lock: await maybe(s3().getObjectLockConfiguration(input), 'ObjectLockConfigurationNotFoundError'),
      location: await s3().getBucketLocation(input),
      tags: await clients().control.listTagsForResource({ AccountId: account, ResourceArn: arn }),
    };
  }

  test('aws_s3_bucket: read before it is made', async () => {
    await assert.rejects(
      s3().headBucket({ Bucket }),
      (error: { name: string; $metadata: { httpStatusCode?: number } }) => error.name === 'NotFound' && error.$metadata.httpStatusCode === 404,
    );
  });
  replay({
    name: 'aws_s3_bucket, with tags that change',
    create: async () => {
      await s3().createBucket({ Bucket, ACL: 'private', CreateBucketConfiguration: { Tags: [{ Key: 'team', Value: 'a' }] } });
      await s3().headBucket({ Bucket });
    },
    read: readBucket,
    wanted: {
      policy: 'NoSuchBucketPolicy',
      lock: 'ObjectLockConfigurationNotFoundError',
      payer: { Payer: 'BucketOwner' },
      head: { BucketRegion: 'us-east-1' },
      tags: { Tags: [{ Key: 'team', Value: 'a' }] },
      encryption: {
        ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }] },
      },
    },
    update: async () => {
      const { control } = clients();
      await control.untagResource({ AccountId: account, ResourceArn: arn, TagKeys: ['team'] });
      await control.tagResource({ AccountId: account, ResourceArn: arn, Tags: [{ Key: 'tier', Value: 'b' }] });
    },
    updated: { tags: { Tags: [{ Key: 'tier', Value: 'b' }] } },
    // It stays: the other resources are its parts.
    gone: { tags: { Tags: [{ Key: 'tier', Value: 'b' }] } },
  });

  test('aws_s3_bucket: tags as the provider read them before 6.23', async () => {
    assert.deepEqual((await s3().getBucketTagging({ Bucket })).TagSet, [{ Key: 'tier', Value: 'b' }]);
    await s3().putBucketTagging({ Bucket, Tagging: { TagSet: [{ Key: 'x', Value: 'y' }] } });
    await s3().deleteBucketTagging({ Bucket });
    await refuses('NoSuchTagSet', s3().getBucketTagging({ Bucket }));
  });

  replay({
    name: 'aws_s3_bucket_versioning',
    create: () => s3().putBucketVersioning({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    read: () => s3().getBucketVersioning({ Bucket }),
    wanted: { Status: 'Enabled' },
    delete: () => s3().putBucketVersioning({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }),
    gone: { Status: 'Suspended' },
  });
  replay({
    name: 'aws_s3_bucket_policy',
    create: () => s3().putBucketPolicy({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [everybody] }) }),
    read: () => s3().getBucketPolicy({ Bucket }),
    wanted: { Policy: JSON.stringify({ Version: '2012-10-17', Statement: [everybody] }) },
    delete: () => s3().deleteBucketPolicy({ Bucket }),
    gone: 'NoSuchBucketPolicy',
  });
  replay({
    name: 'aws_s3_bucket_public_access_block',
    create: () =>
      s3().putPublicAccessBlock({
        Bucket,
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: false, IgnorePublicAcls: true, RestrictPublicBuckets: false },
      }),
    read: () => s3().getPublicAccessBlock({ Bucket }),
    wanted: { PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: false, IgnorePublicAcls: true, RestrictPublicBuckets: false } },
    delete: () => s3().deletePublicAccessBlock({ Bucket }),
    gone: 'NoSuchPublicAccessBlockConfiguration',
  });
  test('aws_s3_bucket_acl is refused while the owner is enforced', async () => {
    await refuses('AccessControlListNotSupported', s3().putBucketAcl({ Bucket, ACL: 'private' }));
  });
  replay({
    name: 'aws_s3_bucket_ownership_controls',
    create: () => s3().putBucketOwnershipControls({ Bucket, OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerPreferred' }] } }),
    read: () => s3().getBucketOwnershipControls({ Bucket }),
    wanted: { OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerPreferred' }] } },
    update: () => s3().putBucketOwnershipControls({ Bucket, OwnershipControls: { Rules: [{ ObjectOwnership: 'ObjectWriter' }] } }),
    updated: { OwnershipControls: { Rules: [{ ObjectOwnership: 'ObjectWriter' }] } },
    delete: () => s3().deleteBucketOwnershipControls({ Bucket }),
    gone: 'OwnershipControlsNotFoundError',
  });
  replay({
    name: 'aws_s3_bucket_acl, canned and by grants',
    create: () => s3().putBucketAcl({ Bucket, ACL: 'public-read' }),
    read: () => s3().getBucketAcl({ Bucket }),
    wanted: {
      Grants: [{ Permission: 'FULL_CONTROL' }, { Grantee: { Type: 'Group', URI: 'http://acs.amazonaws.com/groups/global/AllUsers' }, Permission: 'READ' }],
    },
    update: async () => {
      const { Owner } = await s3().getBucketAcl({ Bucket });
      const Grants = [{ Grantee: { Type: 'CanonicalUser' as const, ID: Owner?.ID ?? '' }, Permission: 'READ' as const }];
      await s3().putBucketAcl({ Bucket, AccessControlPolicy: { Owner, Grants } });
    },
    updated: { Grants: [{ Grantee: { Type: 'CanonicalUser' }, Permission: 'READ' }] },
    gone: {},
  });
  replay({
    name: 'aws_s3_bucket_server_side_encryption_configuration',
    create: () =>
      s3().putBucketEncryption({
        Bucket,
        ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: true }] },
      }),
    read: () => s3().getBucketEncryption({ Bucket }),
    wanted: { ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: true }] } },
    delete: () => s3().deleteBucketEncryption({ Bucket }),
    gone: { ServerSideEncryptionConfiguration: { Rules: [{ BucketKeyEnabled: false }] } },
  });
  const rule = (Days: number) => ({ ID: 'old', Status: 'Enabled' as const, Filter: { Prefix: '' }, Expiration: { Days } });
  replay({
    name: 'aws_s3_bucket_lifecycle_configuration',
    create: () =>
      s3().putBucketLifecycleConfiguration({
        Bucket,
        TransitionDefaultMinimumObjectSize: 'all_storage_classes_128K',
        LifecycleConfiguration: { Rules: [rule(3)] },
      }),
    read: () => s3().getBucketLifecycleConfiguration({ Bucket }),
    wanted: { Rules: [rule(3)], TransitionDefaultMinimumObjectSize: 'all_storage_classes_128K' },
    update: () =>
      s3().putBucketLifecycleConfiguration({
        Bucket,
        TransitionDefaultMinimumObjectSize: 'varies_by_storage_class',
        LifecycleConfiguration: {
          Rules: [
            { ...rule(9), Filter: { And: { Prefix: 'a/', Tags: [{ Key: 'k', Value: 'v' }] } } },
            { ID: 'parts', Status: 'Disabled', Filter: {}, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } },
            { ID: 'date', Status: 'Enabled', Filter: { Prefix: 'b' }, Expiration: { Date: new Date('2030-01-01T00:00:00Z') } },
            {
              ID: 'moves',
              Status: 'Enabled',
              Filter: { ObjectSizeGreaterThan: 5 },
              Transitions: [{ Days: 30, StorageClass: 'STANDARD_IA' }],
              NoncurrentVersionExpiration: { NoncurrentDays: 4, NewerNoncurrentVersions: 2 },
            },
          ],
        },
      }),
    updated: {
      TransitionDefaultMinimumObjectSize: 'varies_by_storage_class',
      Rules: [
        { ...rule(9), Filter: { And: { Prefix: 'a/', Tags: [{ Key: 'k', Value: 'v' }] } } },
        { ID: 'parts', Status: 'Disabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } },
        { ID: 'date', Expiration: { Date: '2030-01-01T00:00:00.000Z' } },
        { ID: 'moves', Filter: { ObjectSizeGreaterThan: 5 }, Transitions: [{ Days: 30, StorageClass: 'STANDARD_IA' }] },
      ],
    },
    delete: () => s3().deleteBucketLifecycle({ Bucket }),
    gone: 'NoSuchLifecycleConfiguration',
  });
  const cors = {
    ID: 'all',
    AllowedMethods: ['GET', 'PUT'],
    AllowedOrigins: ['https://a.example'],
    AllowedHeaders: ['*'],
    ExposeHeaders: ['ETag'],
    MaxAgeSeconds: 3000,
  };
  replay({
    name: 'aws_s3_bucket_cors_configuration',
    create: () => s3().putBucketCors({ Bucket, CORSConfiguration: { CORSRules: [cors] } }),
    read: () => s3().getBucketCors({ Bucket }),
    wanted: { CORSRules: [cors] },
    delete: () => s3().deleteBucketCors({ Bucket }),
    gone: 'NoSuchCORSConfiguration',
  });
  replay({
    name: 'aws_s3_bucket_website_configuration',
    create: () => s3().putBucketWebsite({ Bucket, WebsiteConfiguration: { IndexDocument: { Suffix: 'index.html' }, ErrorDocument: { Key: 'error.html' } } }),
    read: async () => ({ ...(await s3().getBucketWebsite({ Bucket })), location: await s3().getBucketLocation({ Bucket }) }),
    wanted: { IndexDocument: { Suffix: 'index.html' }, ErrorDocument: { Key: 'error.html' } },
    update: () =>
      s3().putBucketWebsite({
        Bucket,
        WebsiteConfiguration: {
          IndexDocument: { Suffix: 'index.html' },
          RoutingRules: [{ Condition: { KeyPrefixEquals: 'docs/' }, Redirect: { ReplaceKeyPrefixWith: 'documents/' } }],
        },
      }),
    updated: { RoutingRules: [{ Condition: { KeyPrefixEquals: 'docs/' }, Redirect: { ReplaceKeyPrefixWith: 'documents/' } }] },
    delete: () => s3().deleteBucketWebsite({ Bucket }),
    gone: 'NoSuchWebsiteConfiguration',
  });
  replay({
    name: 'aws_s3_bucket_logging',
    create: () => s3().putBucketLogging({ Bucket, BucketLoggingStatus: { LoggingEnabled: { TargetBucket: Bucket, TargetPrefix: 'log/' } } }),
    read: () => s3().getBucketLogging({ Bucket }),
    wanted: { LoggingEnabled: { TargetBucket: Bucket, TargetPrefix: 'log/' } },
    delete: () => s3().putBucketLogging({ Bucket, BucketLoggingStatus: {} }),
    gone: {},
  });
  replay({
    name: 'aws_s3_bucket_notification',
    create: () => s3().putBucketNotificationConfiguration({ Bucket, NotificationConfiguration: { EventBridgeConfiguration: {} } }),
    read: () => s3().getBucketNotificationConfiguration({ Bucket }),
    wanted: { EventBridgeConfiguration: {} },
    delete: () => s3().putBucketNotificationConfiguration({ Bucket, NotificationConfiguration: {} }),
    gone: {},
  });
  replay({
    name: 'aws_s3_bucket_accelerate_configuration',
    create: () => s3().putBucketAccelerateConfiguration({ Bucket, AccelerateConfiguration: { Status: 'Enabled' } }),
    read: () => s3().getBucketAccelerateConfiguration({ Bucket }),
    wanted: { Status: 'Enabled' },
    delete: () => s3().putBucketAccelerateConfiguration({ Bucket, AccelerateConfiguration: { Status: 'Suspended' } }),
    gone: { Status: 'Suspended' },
  });
  replay({
    name: 'aws_s3_bucket_request_payment_configuration',
    create: () => s3().putBucketRequestPayment({ Bucket, RequestPaymentConfiguration: { Payer: 'Requester' } }),
    read: () => s3().getBucketRequestPayment({ Bucket }),
    wanted: { Payer: 'Requester' },
    delete: () => s3().putBucketRequestPayment({ Bucket, RequestPaymentConfiguration: { Payer: 'BucketOwner' } }),
    gone: { Payer: 'BucketOwner' },
  });
  const tiers = (Days: number) => ({ Id: 'all', Status: 'Enabled' as const, Tierings: [{ AccessTier: 'ARCHIVE_ACCESS' as const, Days }] });
  replay({
    name: 'aws_s3_bucket_intelligent_tiering_configuration',
    create: () => s3().putBucketIntelligentTieringConfiguration({ Bucket, Id: 'all', IntelligentTieringConfiguration: tiers(90) }),
    read: () => s3().getBucketIntelligentTieringConfiguration({ Bucket, Id: 'all' }),
    wanted: { IntelligentTieringConfiguration: tiers(90) },
    update: () => s3().putBucketIntelligentTieringConfiguration({ Bucket, Id: 'all', IntelligentTieringConfiguration: tiers(125) }),
    updated: { IntelligentTieringConfiguration: tiers(125) },
    delete: () => s3().deleteBucketIntelligentTieringConfiguration({ Bucket, Id: 'all' }),
    gone: 'NoSuchConfiguration',
  });
  const inventory = {
    Id: 'weekly',
    IsEnabled: true,
    IncludedObjectVersions: 'All' as const,
    Schedule: { Frequency: 'Weekly' as const },
    OptionalFields: ['Size' as const, 'ETag' as const],
    Filter: { Prefix: 'documents/' },
    Destination: { S3BucketDestination: { Bucket: arn, Format: 'CSV' as const, Prefix: 'inventory' } },
  };
  replay({
    name: 'aws_s3_bucket_inventory',
    create: () => s3().putBucketInventoryConfiguration({ Bucket, Id: 'weekly', InventoryConfiguration: inventory }),
    read: () => s3().getBucketInventoryConfiguration({ Bucket, Id: 'weekly' }),
    wanted: { InventoryConfiguration: inventory },
    delete: () => s3().deleteBucketInventoryConfiguration({ Bucket, Id: 'weekly' }),
    gone: 'NoSuchConfiguration',
  });
  replay({
    name: 'aws_s3_bucket_metric',
    create: () => s3().putBucketMetricsConfiguration({ Bucket, Id: 'all', MetricsConfiguration: { Id: 'all', Filter: { Tag: { Key: 'k', Value: 'v' } } } }),
    read: () => s3().getBucketMetricsConfiguration({ Bucket, Id: 'all' }),
    wanted: { MetricsConfiguration: { Id: 'all', Filter: { Tag: { Key: 'k', Value: 'v' } } } },
    delete: () => s3().deleteBucketMetricsConfiguration({ Bucket, Id: 'all' }),
    gone: 'NoSuchConfiguration',
  });
  replay({
    name: 'aws_s3_bucket_analytics_configuration',
    create: () => s3().putBucketAnalyticsConfiguration({ Bucket, Id: 'all', AnalyticsConfiguration: { Id: 'all', StorageClassAnalysis: {} } }),
    read: () => s3().getBucketAnalyticsConfiguration({ Bucket, Id: 'all' }),
    wanted: { AnalyticsConfiguration: { Id: 'all' } },
    delete: () => s3().deleteBucketAnalyticsConfiguration({ Bucket, Id: 'all' }),
    gone: 'NoSuchConfiguration',
  });

  const etag = createHash('md5').update('hello').digest('hex');
  const head = (Key: string) => s3().headObject({ Bucket, Key, ChecksumMode: 'ENABLED' });
  replay({
    name: 'aws_s3_object, and what its data sources read',
    create: () =>
      s3().putObject({
        Bucket,
        Key: 'a/b',
        Body: 'hello',
        ContentType: 'text/plain',
        ChecksumAlgorithm: 'CRC32',
        Tagging: 'k=v',
        Metadata: { m: '1' },
        ServerSideEncryption: 'AES256',
      }),
    read: async () => ({
      head: await head('a/b'),
      tags: await s3().getObjectTagging({ Bucket, Key: 'a/b' }),
      list: (await s3().listObjectsV2({ Bucket, Prefix: 'a/', MaxKeys: 1000, FetchOwner: true })).Contents,
      acl: (await s3().getObjectAcl({ Bucket, Key: 'a/b' })).Grants,
    }),
    wanted: {
      head: { ETag: `"${etag}"`, ContentType: 'text/plain', Metadata: { m: '1' }, ServerSideEncryption: 'AES256' },
      tags: { TagSet: [{ Key: 'k', Value: 'v' }] },
      list: [{ Key: 'a/b' }],
    },
    update: () => s3().putObjectTagging({ Bucket, Key: 'a/b', Tagging: { TagSet: [{ Key: 'k', Value: 'w' }] } }),
    updated: { tags: { TagSet: [{ Key: 'k', Value: 'w' }] } },
    delete: async () => {
      // The provider goes through all versions of the key.
      const { Versions = [], DeleteMarkers = [] } = await s3().listObjectVersions({ Bucket, Prefix: 'a/b' });
      for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) await s3().deleteObject({ Bucket, Key, VersionId });
    },
    gone: 'NotFound',
  });
  test('aws_s3_object_copy', async () => {
    await s3().putObject({ Bucket, Key: 'from', Body: 'hello' });
    await s3().copyObject({ Bucket, Key: 'to', CopySource: `${Bucket}/from`, MetadataDirective: 'COPY', TaggingDirective: 'COPY' });
    assert.equal((await head('to')).ETag, `"${etag}"`);
  });

  replay({
    name: 'aws_s3_bucket_object_lock_configuration',
    create: async () => {
      await s3().createBucket({ Bucket: 'tf-locked', ACL: 'private', ObjectLockEnabledForBucket: true });
      const Rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 3 } };
      await s3().putObjectLockConfiguration({ Bucket: 'tf-locked', ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule } });
    },
    read: () => s3().getObjectLockConfiguration({ Bucket: 'tf-locked' }),
    wanted: { ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 3 } } } },
    delete: () => s3().putObjectLockConfiguration({ Bucket: 'tf-locked', ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' } }),
    gone: { ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' } },
  });
  test('aws_s3_bucket, force_destroy: every version goes, locked ones with the bypass', async () => {
    await s3().putObject({
      Bucket: 'tf-locked',
      Key: 'x',
      Body: 'x',
      ObjectLockMode: 'GOVERNANCE',
      ObjectLockRetainUntilDate: new Date(Date.now() + 86_400_000),
      ChecksumAlgorithm: 'CRC32',
    });
    for (const name of [Bucket, 'tf-locked']) {
      await s3().deleteObject({ Bucket: name, Key: 'x' });
      await refuses('BucketNotEmpty', s3().deleteBucket({ Bucket: name }));
      const { Versions = [], DeleteMarkers = [] } = await s3().listObjectVersions({ Bucket: name });
      const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
      const { Errors = [] } = await s3().deleteObjects({ Bucket: name, Delete: { Objects, Quiet: true }, BypassGovernanceRetention: true });
      assert.deepEqual(Errors, []);
      await s3().deleteBucket({ Bucket: name });
      await assert.rejects(s3().headBucket({ Bucket: name }), { name: 'NotFound' });
      await refuses('NoSuchBucket', s3().getBucketPolicy({ Bucket: name }));
    }
  });
}
