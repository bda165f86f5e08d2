import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, test } from 'node:test';
import { CreateBucketCommand, GetBucketTaggingCommand, S3Client } from '@aws-sdk/client-s3';
import { ListTagsForResourceCommand, S3ControlClient, TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-s3-control';
import { serveAws } from '../../testing-server.ts';

const gateway = serveAws();
const keys = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const s3 = (): S3Client => new S3Client({ ...keys, endpoint: `http://127.0.0.1:${gateway.port}`, forcePathStyle: true });
/** The SDKs put the account before the endpoint's host: wherever that name leads to, it is this machine here. */
const httpAgent = new Agent({
  lookup: (_host, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)),
});
const control = (): S3ControlClient => new S3ControlClient({ ...keys, endpoint: `http://localhost:${gateway.port}`, requestHandler: { httpAgent } });

describe('S3 Control, as the Terraform provider calls it from 6.23 on', () => {
  const ResourceArn = 'arn:aws:s3:::tagged';
  const AccountId = '000000000000';
  test('tags of buckets', async () => {
    const Tags = [{ Key: 'a', Value: '1' }];
    await s3().send(new CreateBucketCommand({ Bucket: 'tagged', CreateBucketConfiguration: { Tags } }));
    const read = async (): Promise<unknown> => (await control().send(new ListTagsForResourceCommand({ AccountId, ResourceArn }))).Tags;
    assert.deepEqual(await read(), Tags);
    const changed = [
      { Key: 'b', Value: '2' },
      { Key: 'a', Value: '3' },
    ];
    await control().send(new TagResourceCommand({ AccountId, ResourceArn, Tags: changed }));
    assert.deepEqual((await s3().send(new GetBucketTaggingCommand({ Bucket: 'tagged' }))).TagSet, changed);
    await control().send(new UntagResourceCommand({ AccountId, ResourceArn, TagKeys: ['a', 'b'] }));
    assert.deepEqual(await read(), []);
  });
  test('what is not there is no resource', async () => {
    const ask = (arn: string): Promise<unknown> => control().send(new ListTagsForResourceCommand({ AccountId, ResourceArn: arn }));
    await assert.rejects(ask('arn:aws:s3:::none'), { name: 'NoSuchResource' });
    await assert.rejects(ask('arn:aws:s3:us-east-1:000000000000:storage-lens/x'), { name: 'NoSuchResource' });
  });
});
