import { notImplemented } from './action.ts';
import { checkTags, ObjectsError, type ObjectStore, type Tag } from '#objects';
import type { AnyAction } from '../../gateway/service.ts';
import { takeCors } from './cors.ts';
import { takeLifecycle } from './lifecycle.ts';
import { takeLogging, takeNotifications } from './deliveries.ts';
import { ownership } from './ownership.ts';
import { malformedXml, settingActions, type Setting } from './setting.ts';
import { takeWebsite } from './website.ts';

/** Everything that is set on a bucket as one document. */
const settings: readonly Setting[] = [
  {
    noun: 'BucketTagging',
    name: 'tagging',
    member: 'Tagging',
    unset: ['NoSuchTagSet', 'The TagSet does not exist'],
    removal: ['DeleteBucketTagging', 'PutBucketTagging'],
    take(value: { TagSet?: Tag[] }) {
      checkTags(value.TagSet ?? [], 50);
      return value;
    },
  },
  {
    noun: 'PublicAccessBlock',
    name: 'publicAccessBlock',
    member: 'PublicAccessBlockConfiguration',
    permission: 'BucketPublicAccessBlock',
    wrapped: true,
    unset: ['NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found'],
    removal: ['DeletePublicAccessBlock', 'PutBucketPublicAccessBlock'],
    take: (value: Record<string, boolean | undefined>) =>
      Object.fromEntries(['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'].map((name) => [name, value[name] ?? false])),
  },
  ownership,
  {
    noun: 'BucketEncryption',
    name: 'encryption',
    member: 'ServerSideEncryptionConfiguration',
    permission: 'EncryptionConfiguration',
    wrapped: true,
    // Every bucket is encrypted, since January 2023.
    unset: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }] },
    removal: ['DeleteBucketEncryption', 'PutEncryptionConfiguration'],
    take: takeEncryption,
  },
  {
    noun: 'BucketLifecycleConfiguration',
    name: 'lifecycle',
    member: 'LifecycleConfiguration',
    permission: 'LifecycleConfiguration',
    unset: ['NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'],
    removal: ['DeleteBucketLifecycle', 'PutLifecycleConfiguration'],
    take: takeLifecycle,
    answer: ({ TransitionDefaultMinimumObjectSize }: { TransitionDefaultMinimumObjectSize: string }) => ({ TransitionDefaultMinimumObjectSize }),
  },
  {
    noun: 'BucketCors',
    name: 'cors',
    member: 'CORSConfiguration',
    permission: 'BucketCORS',
    unset: ['NoSuchCORSConfiguration', 'The CORS configuration does not exist'],
    removal: ['DeleteBucketCors', 'PutBucketCORS'],
    take: takeCors,
  },
  {
    noun: 'BucketWebsite',
    name: 'website',
    member: 'WebsiteConfiguration',
    unset: ['NoSuchWebsiteConfiguration', 'The specified bucket does not have a website configuration'],
    removal: ['DeleteBucketWebsite', 'DeleteBucketWebsite'],
    take: takeWebsite,
  },
  { noun: 'BucketLogging', name: 'logging', member: 'BucketLoggingStatus', unset: {}, take: takeLogging },
  {
    noun: 'BucketNotificationConfiguration',
    name: 'notification',
    member: 'NotificationConfiguration',
    permission: 'BucketNotification',
    unset: {},
    take: takeNotifications,
  },
  {
    noun: 'BucketAccelerateConfiguration',
    name: 'accelerate',
    member: 'AccelerateConfiguration',
    permission: 'AccelerateConfiguration',
    unset: {},
    take(value: { Status?: string }, { bucket }) {
      if (value.Status === undefined) throw malformedXml();
      if (bucket.name.includes('.'))
        throw new ObjectsError('InvalidRequest', 'S3 Transfer Acceleration is not supported for buckets with periods (.) in their names');
      return value;
    },
  },
  {
    noun: 'BucketRequestPayment',
    name: 'requestPayment',
    member: 'RequestPaymentConfiguration',
    unset: { Payer: 'BucketOwner' },
    take(value: { Payer?: string }) {
      if (value.Payer === undefined) throw malformedXml();
      return value;
    },
  },
  {
    noun: 'BucketReplication',
    name: 'replication',
    member: 'ReplicationConfiguration',
    permission: 'ReplicationConfiguration',
    wrapped: true,
    unset: ['ReplicationConfigurationNotFoundError', 'The replication configuration was not found'],
    removal: ['DeleteBucketReplication', 'PutReplicationConfiguration'],
    take() {
      throw notImplemented('Replication between buckets');
    },
  },
  { noun: 'BucketAbac', name: 'abac', member: 'AbacStatus', wrapped: true, unset: { Status: 'Disabled' } },
];

export const allSettings = (store: ObjectStore): Record<string, AnyAction> =>
  Object.assign({}, ...settings.map((setting) => settingActions(store, setting))) as Record<string, AnyAction>;

interface EncryptionRules {
  readonly Rules?: readonly { readonly ApplyServerSideEncryptionByDefault?: { readonly SSEAlgorithm?: string }; readonly BucketKeyEnabled?: boolean }[];
}
function takeEncryption(value: EncryptionRules): EncryptionRules {
  const { Rules = [] } = value;
  if (Rules.length !== 1) throw malformedXml();
  if (Rules.some((rule) => (rule.ApplyServerSideEncryptionByDefault?.SSEAlgorithm ?? 'AES256') !== 'AES256'))
    throw notImplemented('Encryption with keys of KMS');
  return { ...value, Rules: Rules.map((rule) => ({ ...rule, BucketKeyEnabled: rule.BucketKeyEnabled ?? false })) };
}
