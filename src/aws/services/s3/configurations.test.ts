import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { ObjectStore } from '#objects';
import type { Call, Caller } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { EventBus } from '../../events/bus.ts';
import { decide } from '../../gateway/authorize.ts';
import type { Action } from '../../gateway/service.ts';
import type { Value } from '../../protocol/types.ts';
import { testCall, testState } from '../../testing.ts';
import { canonicalId } from './action.ts';
import { groups } from './acl.ts';
import { corsHeaders } from './cors.ts';
import { S3Events } from './events.ts';
import { s3Service } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'batuta-s3-'));
const clock = new FakeClock();
const store = new ObjectStore({ dir, clock, random: seededRandom(1), log: silentLogger });
const service = s3Service(store);
after(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});
const state = await testState([]);
const action = (name: string): Action<Value, Value> => service.actions[name] as unknown as Action<Value, Value>;
const contextOf = (name: string, more: Partial<Call> = {}): Call => testCall('s3', name, { state, clock, ...more });
const call = async (name: string, input: Value, more: Partial<Call> = {}): Promise<Value> => action(name).handle(input, contextOf(name, more));
const refuses = (code: string, work: Promise<unknown>): Promise<void> =>
  assert.rejects(work, (error) => error instanceof AwsError && (assert.equal(error.code, code), true));
async function* body(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
const put = (input: Value, more: Partial<Call> = {}): Promise<Value> => call('PutObject', { Body: body('x'), ...input }, more);

const nobody: Caller = { type: 'anonymous', arn: '', account: '', userId: '', accessKeyId: '' };
const stranger: Caller = { type: 'root', arn: 'arn:aws:iam::111111111111:root', account: '111111111111', userId: '111111111111', accessKeyId: 'x' };
/** Whether a caller may do all that an action asks for. */
function may(caller: Caller, name: string, input: Value): boolean {
  const asked = contextOf(name, { caller, account: caller.account });
  return (action(name).permissions?.(input, asked) ?? []).every((one) => decide(asked, one, asked.identities).effect === 'allowed');
}

describe('configurations of buckets', () => {
  test('a fresh bucket answers each as AWS does', async () => {
    await call('CreateBucket', { Bucket: 'fresh', ACL: 'private' });
    const of = (name: string): Promise<Value> => call(name, { Bucket: 'fresh' });
    for (const [name, code] of [
      ['GetBucketPolicy', 'NoSuchBucketPolicy'],
      ['GetBucketCors', 'NoSuchCORSConfiguration'],
      ['GetBucketWebsite', 'NoSuchWebsiteConfiguration'],
      ['GetBucketLifecycleConfiguration', 'NoSuchLifecycleConfiguration'],
      ['GetBucketReplication', 'ReplicationConfigurationNotFoundError'],
      ['GetObjectLockConfiguration', 'ObjectLockConfigurationNotFoundError'],
      ['GetBucketTagging', 'NoSuchTagSet'],
    ] as const)
      await refuses(code, of(name));
    assert.deepEqual(await of('GetBucketVersioning'), {});
    assert.deepEqual(await of('GetBucketLogging'), {});
    assert.deepEqual(await of('GetBucketAccelerateConfiguration'), {});
    assert.deepEqual(await of('GetBucketRequestPayment'), { Payer: 'BucketOwner' });
    assert.deepEqual(await of('GetBucketNotificationConfiguration'), {});
    assert.deepEqual(await of('GetBucketAbac'), { AbacStatus: { Status: 'Disabled' } });
    assert.deepEqual(await of('GetBucketOwnershipControls'), { OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] } });
    assert.deepEqual((await of('ListBucketMetricsConfigurations'))['MetricsConfigurationList'], []);
  });
  test('what is set comes back, and goes', async () => {
    await call('CreateBucket', { Bucket: 'logs' });
    const Bucket = 'fresh';
    for (const [noun, member, value] of [
      ['BucketCors', 'CORSConfiguration', { CORSRules: [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }] }],
      ['BucketWebsite', 'WebsiteConfiguration', { IndexDocument: { Suffix: 'index.html' } }],
      ['BucketLogging', 'BucketLoggingStatus', { LoggingEnabled: { TargetBucket: 'logs', TargetPrefix: 'a/' } }],
      ['BucketNotificationConfiguration', 'NotificationConfiguration', { EventBridgeConfiguration: {} }],
      ['BucketAccelerateConfiguration', 'AccelerateConfiguration', { Status: 'Enabled' }],
      ['BucketRequestPayment', 'RequestPaymentConfiguration', { Payer: 'Requester' }],
    ] as const) {
      await call(`Put${noun}`, { Bucket, [member]: value });
      assert.deepEqual(await call(`Get${noun}`, { Bucket }), value);
    }
    await call('PutBucketLogging', { Bucket, BucketLoggingStatus: {} });
    assert.deepEqual(await call('GetBucketLogging', { Bucket }), {});
    await call('DeleteBucketCors', { Bucket });
    await refuses('NoSuchCORSConfiguration', call('GetBucketCors', { Bucket }));
    await call('DeleteBucketOwnershipControls', { Bucket });
    await refuses('OwnershipControlsNotFoundError', call('GetBucketOwnershipControls', { Bucket }));
  });
  test('rules of lifecycle get the names and the least size that they lack', async () => {
    const rule = { Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 3 } };
    const answer = await call('PutBucketLifecycleConfiguration', { Bucket: 'fresh', LifecycleConfiguration: { Rules: [rule] } });
    assert.deepEqual(answer, { TransitionDefaultMinimumObjectSize: 'all_storage_classes_128K' });
    const got = await call('GetBucketLifecycleConfiguration', { Bucket: 'fresh' });
    assert.equal(got['TransitionDefaultMinimumObjectSize'], 'all_storage_classes_128K');
    assert.match(String((got['Rules'] as { ID: string }[])[0]?.ID), /^[\w-]{43}$/);
  });
  test('what cannot be meant, or cannot be had, is refused', async () => {
    const Bucket = 'fresh';
    await refuses('NotImplemented', call('PutBucketReplication', { Bucket, ReplicationConfiguration: {} }));
    await refuses('NotImplemented', call('PutBucketNotificationConfiguration', { Bucket, NotificationConfiguration: { QueueConfigurations: [{}] } }));
    await refuses('InvalidTargetBucketForLogging', call('PutBucketLogging', { Bucket, BucketLoggingStatus: { LoggingEnabled: { TargetBucket: 'none' } } }));
    await refuses('InvalidArgument', call('PutBucketWebsite', { Bucket, WebsiteConfiguration: { ErrorDocument: { Key: 'x' } } }));
    const cors = { CORSRules: [{ AllowedMethods: ['TRACE'], AllowedOrigins: ['*'] }] };
    await refuses('InvalidRequest', call('PutBucketCors', { Bucket, CORSConfiguration: cors }));
    await refuses('MalformedXML', call('PutBucketMetricsConfiguration', { Bucket, Id: 'a', MetricsConfiguration: { Id: 'b' } }));
    await refuses('NoSuchConfiguration', call('GetBucketInventoryConfiguration', { Bucket, Id: 'a' }));
  });
  test('configurations with ids come in pages of 100', async () => {
    const Bucket = 'fresh';
    for (let n = 0; n < 101; n++) await call('PutBucketMetricsConfiguration', { Bucket, Id: `id-${n}`, MetricsConfiguration: { Id: `id-${n}` } });
    const first = await call('ListBucketMetricsConfigurations', { Bucket });
    assert.deepEqual([(first['MetricsConfigurationList'] as unknown[]).length, first['IsTruncated'], first['NextContinuationToken']], [100, true, 'id-98']);
    const rest = await call('ListBucketMetricsConfigurations', { Bucket, ContinuationToken: 'id-98' });
    assert.deepEqual(rest['MetricsConfigurationList'], [{ Id: 'id-99' }]);
    await call('DeleteBucketMetricsConfiguration', { Bucket, Id: 'id-99' });
    await refuses('NoSuchConfiguration', call('DeleteBucketMetricsConfiguration', { Bucket, Id: 'id-99' }));
  });
});

describe('lists of grants', () => {
  test('a bucket of its owner takes none but its own', async () => {
    await call('CreateBucket', { Bucket: 'owned' });
    await refuses('AccessControlListNotSupported', call('PutBucketAcl', { Bucket: 'owned', ACL: 'private' }));
    await refuses('AccessControlListNotSupported', put({ Bucket: 'owned', Key: 'a', ACL: 'public-read' }));
    await put({ Bucket: 'owned', Key: 'a', ACL: 'bucket-owner-full-control' });
    const owner = { ID: canonicalId('000000000000') };
    const alone = [{ Grantee: { Type: 'CanonicalUser', ID: owner.ID }, Permission: 'FULL_CONTROL' }];
    assert.deepEqual(await call('GetBucketAcl', { Bucket: 'owned' }), { Owner: owner, Grants: alone });
    assert.deepEqual(await call('GetObjectAcl', { Bucket: 'owned', Key: 'a' }), { Owner: owner, Grants: alone });
    assert.equal(may(nobody, 'GetObject', { Bucket: 'owned', Key: 'a' }), false);
    await refuses('InvalidBucketAclWithObjectOwnership', call('CreateBucket', { Bucket: 'opened', ACL: 'public-read' }));
    const open = { Bucket: 'opened', ACL: 'public-read', ObjectOwnership: 'ObjectWriter' };
    await refuses('InvalidBucketAclWithBlockPublicAccessError', call('CreateBucket', open));
  });
  test('grants let in whom they name, as long as public access is not blocked', async () => {
    const Bucket = 'shared';
    await call('CreateBucket', { Bucket, ObjectOwnership: 'ObjectWriter' });
    await refuses('AccessDenied', put({ Bucket, Key: 'a', ACL: 'public-read' }));
    await call('DeletePublicAccessBlock', { Bucket });
    await put({ Bucket, Key: 'a', ACL: 'public-read' });
    await put({ Bucket, Key: 'b' });
    assert.deepEqual([may(nobody, 'GetObject', { Bucket, Key: 'a' }), may(nobody, 'GetObject', { Bucket, Key: 'b' })], [true, false]);
    assert.equal(may(nobody, 'ListObjectsV2', { Bucket }), false);
    await call('PutBucketAcl', { Bucket, GrantRead: `uri="${groups.authenticated}"`, GrantWrite: `id=${canonicalId('111111111111')}` });
    assert.deepEqual([may(nobody, 'ListObjectsV2', { Bucket }), may(stranger, 'ListObjectsV2', { Bucket })], [false, true]);
    assert.deepEqual([may(stranger, 'PutObject', { Bucket, Key: 'c' }), may(stranger, 'PutBucketPolicy', { Bucket })], [true, false]);
    await call('PutPublicAccessBlock', { Bucket, PublicAccessBlockConfiguration: { IgnorePublicAcls: true } });
    assert.deepEqual([may(nobody, 'GetObject', { Bucket, Key: 'a' }), may(stranger, 'PutObject', { Bucket, Key: 'c' })], [false, true]);
  });
  test('who wrote an object owns it, where the bucket says so', async () => {
    const Bucket = 'shared';
    await put({ Bucket, Key: 'theirs' }, { caller: stranger, account: stranger.account });
    const owner = await call('GetObjectAcl', { Bucket, Key: 'theirs' });
    assert.deepEqual(owner['Owner'], { ID: canonicalId(stranger.account) });
    const ours = contextOf('GetObject').caller;
    assert.deepEqual([may(stranger, 'GetObject', { Bucket, Key: 'theirs' }), may(ours, 'GetObject', { Bucket, Key: 'theirs' })], [true, false]);
    await put({ Bucket, Key: 'given', ACL: 'bucket-owner-full-control' }, { caller: stranger, account: stranger.account });
    assert.equal(may(ours, 'GetObject', { Bucket, Key: 'given' }), true);
  });
  test('what cannot be read as a list is refused', async () => {
    const Bucket = 'shared';
    await refuses('MissingSecurityHeader', call('PutBucketAcl', { Bucket }));
    await refuses('InvalidRequest', call('PutBucketAcl', { Bucket, ACL: 'private', GrantRead: `uri="${groups.all}"` }));
    await refuses('InvalidArgument', call('PutBucketAcl', { Bucket, GrantRead: 'uri="http://nowhere"' }));
    await refuses('InvalidArgument', call('PutBucketAcl', { Bucket, GrantRead: 'somebody' }));
    await refuses('UnresolvableGrantByEmailAddress', call('PutBucketAcl', { Bucket, GrantRead: 'emailAddress="a@b.c"' }));
    await refuses('AccessDenied', call('PutBucketAcl', { Bucket, AccessControlPolicy: { Owner: { ID: 'x' }, Grants: [] } }));
    await refuses('MalformedXML', call('PutBucketAcl', { Bucket, AccessControlPolicy: { Grants: [] } }));
  });
});

describe('Object Lock', () => {
  const Bucket = 'locked';
  const day = 24 * 60 * 60 * 1000;
  const version = async (Key: string, more: Value = {}): Promise<string> =>
    String((await put({ Bucket, Key, ChecksumAlgorithm: 'CRC32', ...more }))['VersionId']);
  test('only where the bucket has versions', async () => {
    await call('CreateBucket', { Bucket: 'plain' });
    const enabled = { ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' } };
    await refuses('InvalidBucketState', call('PutObjectLockConfiguration', { Bucket: 'plain', ...enabled }));
    await refuses('InvalidRequest', put({ Bucket: 'plain', Key: 'a', ObjectLockLegalHoldStatus: 'ON' }));
    await call('CreateBucket', { Bucket, ObjectLockEnabledForBucket: true });
    assert.deepEqual(await call('GetObjectLockConfiguration', { Bucket }), enabled);
    await refuses('InvalidBucketState', call('PutBucketVersioning', { Bucket, VersioningConfiguration: { Status: 'Suspended' } }));
  });
  test('a version stays until its time, for all but those who may bypass', async () => {
    const ObjectLockRetainUntilDate = new Date(clock.now() + day);
    await refuses('InvalidRequest', put({ Bucket, Key: 'a', ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate }));
    const governed = await version('a', { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate });
    assert.equal((await call('HeadObject', { Bucket, Key: 'a' }))['ObjectLockMode'], 'GOVERNANCE');
    await refuses('AccessDenied', call('DeleteObject', { Bucket, Key: 'a', VersionId: governed }));
    const many = await call('DeleteObjects', { Bucket, Delete: { Objects: [{ Key: 'a', VersionId: governed }, { Key: 'none' }] } });
    assert.deepEqual([(many['Errors'] as { Code: string }[])[0]?.Code, (many['Deleted'] as object[]).length], ['AccessDenied', 1]);
    await call('DeleteObject', { Bucket, Key: 'a', VersionId: governed, BypassGovernanceRetention: true });
    const asked = action('DeleteObject').permissions?.({ Bucket, Key: 'a', VersionId: 'v', BypassGovernanceRetention: true }, contextOf('DeleteObject'));
    assert.deepEqual(
      asked?.map((one) => one.action),
      ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention'],
    );
  });
  test('what the bucket says counts for objects that say nothing', async () => {
    const Rule = { DefaultRetention: { Mode: 'COMPLIANCE', Days: 1 } };
    await call('PutObjectLockConfiguration', { Bucket, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule } });
    const kept = await version('b');
    await refuses('AccessDenied', call('DeleteObject', { Bucket, Key: 'b', VersionId: kept, BypassGovernanceRetention: true }));
    await clock.advance(day + 1);
    await call('DeleteObject', { Bucket, Key: 'b', VersionId: kept });
  });
  test('a hold has no end', async () => {
    await call('PutObjectLockConfiguration', { Bucket, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' } });
    const held = await version('c');
    await refuses('NoSuchObjectLockConfiguration', call('GetObjectLegalHold', { Bucket, Key: 'c' }));
    await call('PutObjectLegalHold', { Bucket, Key: 'c', LegalHold: { Status: 'ON' } });
    await refuses('AccessDenied', call('DeleteObject', { Bucket, Key: 'c', VersionId: held, BypassGovernanceRetention: true }));
    await call('PutObjectLegalHold', { Bucket, Key: 'c', LegalHold: { Status: 'OFF' } });
    await call('DeleteObject', { Bucket, Key: 'c', VersionId: held });
  });
});

test('CORS: the first rule that allows it all answers', () => {
  const rules = [
    { AllowedOrigins: ['https://*.example'], AllowedMethods: ['GET', 'PUT'], AllowedHeaders: ['x-*'], ExposeHeaders: ['ETag'], MaxAgeSeconds: 9 },
    { AllowedOrigins: ['*'], AllowedMethods: ['GET'] },
  ];
  assert.deepEqual(corsHeaders(rules, { origin: 'https://a.example', method: 'PUT', headers: ['x-a'] }), {
    'access-control-allow-origin': 'https://a.example',
    'access-control-allow-methods': 'GET, PUT',
    'access-control-allow-headers': 'x-a',
    'access-control-expose-headers': 'ETag',
    'access-control-max-age': '9',
    'access-control-allow-credentials': 'true',
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  });
  assert.equal(corsHeaders(rules, { origin: 'http://b', method: 'GET', headers: [] })?.['access-control-allow-origin'], '*');
  assert.equal(corsHeaders(rules, { origin: 'http://b', method: 'PUT', headers: [] }), undefined);
  assert.equal(corsHeaders(rules, { origin: 'https://a.example', method: 'GET', headers: ['y'] }), undefined);
});

test('events go on the bus for buckets that ask for it', async () => {
  const seen: { type: string; detail: Record<string, unknown> }[] = [];
  const bus = new EventBus({ clock, random: seededRandom(2), log: silentLogger });
  bus.subscribe((event) => seen.push({ type: event['detail-type'], detail: event.detail as Record<string, unknown> }));
  const told = s3Service(store, new S3Events(store, bus));
  const tell = (name: string, input: Value): Promise<unknown> =>
    Promise.resolve((told.actions[name] as unknown as Action<Value, Value>).handle(input, contextOf(name)));
  const Bucket = 'told';
  await tell('CreateBucket', { Bucket });
  await tell('PutObject', { Bucket, Key: 'silent', Body: body('x') });
  assert.deepEqual(seen, []);
  await tell('PutBucketNotificationConfiguration', { Bucket, NotificationConfiguration: { EventBridgeConfiguration: {} } });
  await tell('PutObject', { Bucket, Key: 'a', Body: body('x') });
  await tell('CopyObject', { Bucket, Key: 'b', CopySource: `${Bucket}/a` });
  await tell('PutObjectTagging', { Bucket, Key: 'b', Tagging: { TagSet: [] } });
  await tell('DeleteObjects', { Bucket, Delete: { Objects: [{ Key: 'a' }] } });
  await tell('PutBucketVersioning', { Bucket, VersioningConfiguration: { Status: 'Enabled' } });
  await tell('DeleteObject', { Bucket, Key: 'b' });
  assert.deepEqual(
    seen.map(({ type, detail }) => [type, detail['reason'], detail['deletion-type']]),
    [
      ['Object Created', 'PutObject', undefined],
      ['Object Created', 'CopyObject', undefined],
      ['Object Tags Added', undefined, undefined],
      ['Object Deleted', 'DeleteObject', 'Permanently Deleted'],
      ['Object Deleted', 'DeleteObject', 'Delete Marker Created'],
    ],
  );
  const [first] = seen as readonly { detail: Record<string, unknown> }[];
  const { object, ...rest } = (first?.detail ?? {}) as { object: Record<string, unknown> };
  assert.deepEqual([object['key'], object['size'], object['etag']], ['a', 1, '9dd4e461268c8034f5c8564e155c67a6']);
  assert.deepEqual(rest, {
    version: '0',
    bucket: { name: Bucket },
    reason: 'PutObject',
    'request-id': '00000000-0000-4000-8000-000000000000',
    requester: '000000000000',
    'source-ip-address': '127.0.0.1',
  });
});
