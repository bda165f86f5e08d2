import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { ObjectStore } from '#objects';
import type { Action } from '../../gateway/service.ts';
import { AwsError } from '../../gateway/errors.ts';
import { loadContract } from '../../protocol/schema.ts';
import type { Value } from '../../protocol/types.ts';
import { bucketOfHost } from '../../sigv2/resource.ts';
import { testCall, testState } from '../../testing.ts';
import { s3Service } from './index.ts';
import { readCopySource } from './objects.ts';
import { s3Xml } from './protocol.ts';
import { bucketOfWebsite } from './website-host.ts';

const dir = mkdtempSync(join(tmpdir(), 'batuta-s3-'));
const store = new ObjectStore({ dir, clock: new FakeClock(), random: seededRandom(1), log: silentLogger });
const service = s3Service(store);
const contract = loadContract('s3');
after(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});
const action = (name: string): Action<Value, Value> => service.actions[name] as unknown as Action<Value, Value>;
const call = async (name: string, input: Value): Promise<Value> => action(name).handle(input, testCall('s3', name, { state: await testState([]) }));
const refuses = (code: string, work: Promise<unknown>): Promise<void> =>
  assert.rejects(work, (error) => error instanceof AwsError && (assert.equal(error.code, code), true));

describe('S3', () => {
  test('every action is one of the contract', () => {
    assert.deepEqual(
      Object.keys(service.actions).filter((name) => !contract.operations.includes(name)),
      [],
    );
  });
  test('buckets stand in hosts or in paths', () => {
    for (const [host, bucket] of [
      ['demo.s3.localhost:4566', 'demo'],
      ['a.b.s3.eu-west-1.localhost:4566', 'a.b'],
      ['demo.localhost', 'demo'],
      ['demo.s3.us-east-1.amazonaws.com', 'demo'],
      ['localhost:4566', undefined],
      ['s3.localhost:4566', undefined],
      ['127.0.0.1:4566', undefined],
      // What awslocal, tflocal and cdklocal say.
      ['localhost.localstack.cloud:4566', undefined],
      ['s3.localhost.localstack.cloud:4566', undefined],
      ['s3.us-east-1.localhost.localstack.cloud:4566', undefined],
      ['demo.s3.localhost.localstack.cloud:4566', 'demo'],
      ['demo.s3.us-east-1.localhost.localstack.cloud:4566', 'demo'],
      [undefined, undefined],
    ] as const) {
      assert.equal(bucketOfHost(host), bucket, host);
    }
  });
  test('websites stand in hosts', () => {
    for (const [host, bucket] of [
      ['demo.s3-website.localhost:4566', 'demo'],
      ['a.b.s3-website-us-east-1.localhost', 'a.b'],
      ['demo.s3-website.eu-central-1.amazonaws.com', 'demo'],
      ['demo.s3-website.localhost.localstack.cloud:4566', 'demo'],
      ['demo.s3.localhost', undefined],
      [undefined, undefined],
    ] as const)
      assert.equal(bucketOfWebsite(host), bucket, host);
  });
  test('sources of copies', () => {
    assert.deepEqual(readCopySource('/b/k%20x?versionId=v'), { bucket: 'b', key: 'k x', version: 'v' });
    assert.deepEqual(readCopySource('b/a/b?c'), { bucket: 'b', key: 'a/b?c', version: undefined });
    assert.throws(() => readCopySource('b'), /Copy Source must mention/);
  });
  test('settings: the usual ones, those that are kept, and those that are refused', async () => {
    await call('CreateBucket', { Bucket: 'box' });
    await refuses('NoSuchBucketPolicy', call('GetBucketPolicy', { Bucket: 'box' }));
    const everybody = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::box/*' }] };
    await refuses('AccessDenied', call('PutBucketPolicy', { Bucket: 'box', Policy: JSON.stringify(everybody) }));
    await call('DeletePublicAccessBlock', { Bucket: 'box' });
    await call('PutBucketPolicy', { Bucket: 'box', Policy: JSON.stringify(everybody) });
    assert.deepEqual(await call('GetBucketPolicyStatus', { Bucket: 'box' }), { PolicyStatus: { IsPublic: true } });
    await refuses('MalformedPolicy', call('PutBucketPolicy', { Bucket: 'box', Policy: '{' }));
    await refuses('InvalidRequest', call('PutBucketLifecycleConfiguration', { Bucket: 'box', LifecycleConfiguration: { Rules: [{ Status: 'Enabled' }] } }));
    await refuses('NoSuchBucket', call('GetBucketTagging', { Bucket: 'nothing' }));
    await refuses('AccessDenied', call('HeadBucket', { Bucket: 'box', ExpectedBucketOwner: '111111111111' }));
  });
  test('permissions name the key, the account of the bucket and its policy', async () => {
    const of = async (name: string, input: Value, more = {}): Promise<readonly (readonly [string, string, string | undefined])[]> =>
      (action(name).permissions?.(input, testCall('s3', name, { state: await testState([]), ...more })) ?? []).map((p) => [
        p.action,
        p.resource,
        p.resourceAccount,
      ]);
    const owner = '000000000000';
    assert.deepEqual(await of('GetObject', { Bucket: 'box', Key: 'a/b' }), [['s3:GetObject', 'arn:aws:s3:::box/a/b', owner]]);
    assert.deepEqual(await of('GetObject', { Bucket: 'box', Key: 'a', VersionId: 'v' }), [['s3:GetObjectVersion', 'arn:aws:s3:::box/a', owner]]);
    assert.deepEqual(await of('CopyObject', { Bucket: 'box', Key: 'a', CopySource: 'other/b' }), [
      ['s3:PutObject', 'arn:aws:s3:::box/a', owner],
      ['s3:GetObject', 'arn:aws:s3:::other/b', undefined],
    ]);
    assert.deepEqual(await of('DeleteObjects', { Bucket: 'box', Delete: { Objects: [{ Key: 'a' }] } }), [], 'each key is asked for by itself');
    assert.deepEqual(await of('ListBuckets', {}), [['s3:ListAllMyBuckets', '*', undefined]]);
  });
  test('answers: a part of an object is 206, a location is its text', () => {
    const encode = (name: string, output: Value) => s3Xml.encode(output, contract.operation(name) as never, contract, 'id');
    assert.equal(encode('GetObject', { ContentRange: 'bytes 0-1/5', Body: Buffer.from('ab') }).status, 206);
    const { body } = encode('GetBucketLocation', { LocationConstraint: 'eu-west-1' });
    assert.ok(typeof body === 'string' && /<LocationConstraint xmlns="[^"]+">eu-west-1<\/LocationConstraint>$/.test(body));
  });
});
