import type { GetObjectRetentionRequest, PutObjectLegalHoldRequest, PutObjectRetentionRequest } from '@aws-sdk/client-s3';
import { ObjectsError, type Bucket, type Found, type Lock, type ObjectStore, type Retention } from '#objects';
import type { Call } from '../../gateway/call.ts';
import type { AnyAction, Conditions, Permission } from '../../gateway/service.ts';
import { bucketArn, notImplemented, permissionOn, s3Action, type Names } from './action.ts';
import { malformedXml, settingActions, type Setting } from './setting.ts';

const DAY = 24 * 60 * 60 * 1000;

interface LockConfiguration {
  readonly ObjectLockEnabled?: string | undefined;
  readonly Rule?: { readonly DefaultRetention?: { readonly Mode?: Retention['mode']; readonly Days?: number; readonly Years?: number } } | undefined;
}
export const lockSetting: Setting = {
  noun: 'ObjectLockConfiguration',
  name: 'objectLock',
  member: 'ObjectLockConfiguration',
  permission: 'BucketObjectLockConfiguration',
  wrapped: true,
  unset: ['ObjectLockConfigurationNotFoundError', 'Object Lock configuration does not exist for this bucket'],
  take(value: LockConfiguration, { bucket }) {
    if (bucket.versioning !== 'Enabled')
      throw new ObjectsError('InvalidBucketState', "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
    if (value.ObjectLockEnabled !== 'Enabled') throw malformedXml();
    const { Mode, Days, Years } = value.Rule?.DefaultRetention ?? {};
    if (!value.Rule) return value;
    if (Mode === undefined || (Days === undefined) === (Years === undefined)) throw malformedXml();
    if ((Days ?? Years ?? 0) <= 0) throw new ObjectsError('InvalidRetentionPeriod', 'Default retention period must be a positive integer value.');
    if ((Days ?? 0) > 36_500 || (Years ?? 0) > 100)
      throw new ObjectsError('InvalidRetentionPeriod', 'Default retention period too large. It must be less than or equal to 36500 days.');
    return value;
  },
};
const configurationOf = (store: ObjectStore, bucket: Bucket): LockConfiguration | undefined =>
  store.buckets.setting(bucket, 'objectLock') as LockConfiguration | undefined;

/** What an object put now is kept for, unless its upload says another. */
export function usualLock(store: ObjectStore, bucket: Bucket, now: number): Lock | undefined {
  const { Mode, Days, Years } = configurationOf(store, bucket)?.Rule?.DefaultRetention ?? {};
  if (Mode === undefined) return undefined;
  const end = new Date(now);
  if (Years !== undefined) end.setUTCFullYear(end.getUTCFullYear() + Years);
  return { retention: { mode: Mode, until: Years === undefined ? now + (Days ?? 0) * DAY : end.getTime() } };
}

/** Members of uploads that put the object under a lock. */
interface LockInput {
  readonly ObjectLockMode?: string | undefined;
  readonly ObjectLockRetainUntilDate?: Date | undefined;
  readonly ObjectLockLegalHoldStatus?: string | undefined;
}
/** The lock that an upload asks for; undefined: none. Throws where the bucket has no Object Lock. */
export function lockOfUpload(store: ObjectStore, bucket: Bucket, input: LockInput, now: number): Lock | undefined {
  const { ObjectLockMode: mode, ObjectLockRetainUntilDate: until, ObjectLockLegalHoldStatus: hold } = input;
  if (mode === undefined && until === undefined && hold === undefined) return undefined;
  needsLock(store, bucket);
  if ((mode === undefined) !== (until === undefined))
    throw new ObjectsError('InvalidArgument', 'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied');
  if (until && until.getTime() <= now) throw new ObjectsError('InvalidArgument', 'The retain until date must be in the future!');
  const retention = mode !== undefined && until ? { mode: mode as Retention['mode'], until: until.getTime() } : usualLock(store, bucket, now)?.retention;
  return { retention, ...(hold === undefined ? {} : { hold: hold === 'ON' }) };
}
/** A body that nobody vouches for must not be locked in. */
export function checkLockedBody(lock: Lock | undefined, body: { md5?: string | undefined; algorithm?: string | undefined }): void {
  if (!lock || body.md5 !== undefined || body.algorithm !== undefined) return;
  throw new ObjectsError('InvalidRequest', 'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters');
}
export const lockConditions = (input: LockInput): Conditions => ({
  's3:object-lock-mode': input.ObjectLockMode,
  's3:object-lock-retain-until-date': input.ObjectLockRetainUntilDate?.toISOString(),
  's3:object-lock-legal-hold': input.ObjectLockLegalHoldStatus,
});
/** What an upload needs besides s3:PutObject. */
export function lockPermissions(input: Names & LockInput, call: Call, store: ObjectStore): readonly Permission[] {
  return [
    ...(input.ObjectLockMode === undefined ? [] : ['s3:PutObjectRetention']),
    ...(input.ObjectLockLegalHoldStatus === undefined ? [] : ['s3:PutObjectLegalHold']),
  ].map((action) =>
    permissionOn(store, call, { action, resource: bucketArn(call, input.Bucket ?? '', input.Key), bucket: input.Bucket, conditions: lockConditions(input) }),
  );
}
export function bypassPermission(
  input: Names & { readonly BypassGovernanceRetention?: boolean | undefined },
  call: Call,
  store: ObjectStore,
): readonly Permission[] {
  if (input.BypassGovernanceRetention !== true) return [];
  const resource = bucketArn(call, input.Bucket ?? '', input.Key);
  return [permissionOn(store, call, { action: 's3:BypassGovernanceRetention', resource, bucket: input.Bucket })];
}

/** What GetObject and HeadObject tell of a lock. */
export const lockFields = (lock: Lock | undefined): object => ({
  ...(lock?.retention ? { ObjectLockMode: lock.retention.mode, ObjectLockRetainUntilDate: new Date(lock.retention.until) } : {}),
  ...(lock?.hold === undefined ? {} : { ObjectLockLegalHoldStatus: lock.hold ? 'ON' : 'OFF' }),
});

function needsLock(store: ObjectStore, bucket: Bucket): void {
  if (configurationOf(store, bucket) === undefined) throw new ObjectsError('InvalidRequest', 'Bucket is missing Object Lock Configuration');
}

export function lockActions(store: ObjectStore): Record<string, AnyAction> {
  const find = (input: Names): Found => {
    const bucket = store.buckets.get(input.Bucket as string);
    needsLock(store, bucket);
    return store.objects.find(bucket, input.Key as string, input.VersionId);
  };
  const none = (): ObjectsError => new ObjectsError('NoSuchObjectLockConfiguration', 'The specified object does not have a ObjectLock configuration');
  return {
    ...settingActions(store, lockSetting),
    GetObjectRetention: s3Action<GetObjectRetentionRequest, object>(store, {
      permission: 's3:GetObjectRetention',
      on: 'object',
      handle(input) {
        const { retention } = find(input).version.meta.lock ?? {};
        if (!retention) throw none();
        return { Retention: { Mode: retention.mode, RetainUntilDate: new Date(retention.until) } };
      },
    }),
    PutObjectRetention: s3Action<PutObjectRetentionRequest, object>(store, {
      permission: 's3:PutObjectRetention',
      on: 'object',
      conditions: ({ Retention: r }) => lockConditions({ ObjectLockMode: r?.Mode, ObjectLockRetainUntilDate: r?.RetainUntilDate }),
      also: bypassPermission,
      handle(input) {
        const found = find(input);
        const { Mode, RetainUntilDate, ...more } = input.Retention ?? {};
        if (Object.values(more).some((one) => one !== undefined)) throw notImplemented('A hold of events');
        if ((Mode === undefined) !== (RetainUntilDate === undefined)) throw malformedXml();
        const retention = Mode !== undefined && RetainUntilDate ? { mode: Mode, until: RetainUntilDate.getTime() } : undefined;
        store.objects.setRetention(found, retention, input.BypassGovernanceRetention ?? false);
        return {};
      },
    }),
    GetObjectLegalHold: s3Action<GetObjectRetentionRequest, object>(store, {
      permission: 's3:GetObjectLegalHold',
      on: 'object',
      handle(input) {
        const { hold } = find(input).version.meta.lock ?? {};
        if (hold === undefined) throw none();
        return { LegalHold: { Status: hold ? 'ON' : 'OFF' } };
      },
    }),
    PutObjectLegalHold: s3Action<PutObjectLegalHoldRequest, object>(store, {
      permission: 's3:PutObjectLegalHold',
      on: 'object',
      handle(input) {
        const status = input.LegalHold?.Status;
        if (status === undefined) throw malformedXml();
        store.objects.setHold(find(input), status === 'ON');
        return {};
      },
    }),
  };
}
