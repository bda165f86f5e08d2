import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { seededRandom, silentLogger, systemClock } from '#base';
import { createClient, createFakeApi } from '#client';
import { S3Client, CreateBucketCommand, GetBucketTaggingCommand, PutBucketCorsCommand, PutObjectCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { ListTagsForResourceCommand, S3ControlClient, TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-s3-control';
import { openAws } from '../../open.ts';

const dir = mkdtempSync(join(tmpdir(), 'batuta-s3-'));
const clock = systemClock;
const aws = openAws({
  client: createClient(createFakeApi(clock), clock, silentLogger),
  account: '000000000000',
  clock,
  random: seededRandom(1),
  log: silentLogger,
  key: Buffer.alloc(32, 7),
  version: 'test',
  allowReset: false,
  issuerKeys: () => Promise.reject(new Error('no network')),
  audit: () => {},
  s3Dir: dir,
});
const server = createServer((message, response) => void aws.handle(message, response));
let port = 0;
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await aws.close();
  rmSync(dir, { recursive: true, force: true });
});

const keys = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const s3 = (): S3Client => new S3Client({ ...keys, endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true });
/** The SDKs put the account before the endpoint's host: wherever that name leads to, it is this machine here. */
const httpAgent = new Agent({
  lookup: (_host, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)),
});
const control = (): S3ControlClient => new S3ControlClient({ ...keys, endpoint: `http://localhost:${port}`, requestHandler: { httpAgent } });

describe('S3 Control, as the Terraform provider calls it from 6.23 on', () => {
  const ResourceArn = 'arn:aws:s3:::tagged';
  const AccountId = '000000000000';
  test('tags of buckets', async () => {
    const Tags = [{ Key: 'a', Value: '1' }];
    await s3().send(new CreateBucketCommand({ Bucket: 'tagged', CreateBucketConfiguration: { Tags } }));
    const read = async (): Promise<unknown> => (await control().send(new ListTagsForResourceCommand({ AccountId, ResourceArn }))).Tags;
    assert.deepEqual(await read(), Tags);
    await control().send(
      new TagResourceCommand({
        AccountId,
        ResourceArn,
        Tags: [
          { Key: 'b', Value: '2' },
          { Key: 'a', Value: '3' },
        ],
      }),
    );
    const { TagSet } = await s3().send(new GetBucketTaggingCommand({ Bucket: 'tagged' }));
    assert.deepEqual(TagSet, [
      { Key: 'b', Value: '2' },
      { Key: 'a', Value: '3' },
    ]);
    await control().send(new UntagResourceCommand({ AccountId, ResourceArn, TagKeys: ['a', 'b'] }));
    assert.deepEqual(await read(), []);
  });
  test('what is not there is no resource', async () => {
    const ask = (arn: string): Promise<unknown> => control().send(new ListTagsForResourceCommand({ AccountId, ResourceArn: arn }));
    await assert.rejects(ask('arn:aws:s3:::none'), { name: 'NoSuchResource' });
    await assert.rejects(ask('arn:aws:s3:us-east-1:000000000000:storage-lens/x'), { name: 'NoSuchResource' });
  });
});

describe('CORS over HTTP', () => {
  const ask = (method: string, path: string, headers: Record<string, string>): Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }> =>
    new Promise((resolve, reject) => {
      const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (incoming) => {
        incoming.resume().on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers }));
      });
      outgoing.on('error', reject).end();
    });
  const asked = { origin: 'https://a.example', 'access-control-request-method': 'PUT', 'access-control-request-headers': 'Content-Type' };
  test('preflights are answered by the rules of the bucket', async () => {
    assert.equal((await ask('OPTIONS', '/tagged/key', asked)).status, 403);
    const CORSRules = [{ AllowedMethods: ['GET', 'PUT'], AllowedOrigins: ['https://*.example'], AllowedHeaders: ['*'] }];
    await s3().send(new PutBucketCorsCommand({ Bucket: 'tagged', CORSConfiguration: { CORSRules } }));
    const allowed = await ask('OPTIONS', '/tagged/key', asked);
    assert.deepEqual([allowed.status, allowed.headers['access-control-allow-headers']], [200, 'content-type']);
    assert.equal((await ask('OPTIONS', '/tagged/key', { ...asked, 'access-control-request-method': 'DELETE' })).status, 403);
    assert.equal((await ask('OPTIONS', '/tagged/key', { origin: asked.origin })).status, 400);
    assert.equal((await ask('OPTIONS', '/', { ...asked, host: `tagged.s3.localhost:${port}` })).status, 200);
  });
  test('answers tell the page that it may have them, refusals too', async () => {
    const refused = await ask('GET', '/tagged/key', { origin: 'https://a.example' });
    assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [403, 'https://a.example']);
    assert.equal((await ask('GET', '/tagged/key', { origin: 'https://b.test' })).headers['access-control-allow-origin'], undefined);
    await s3().send(new PutObjectCommand({ Bucket: 'tagged', Key: 'key', Body: 'x' }));
    const got = await s3().send(new GetObjectCommand({ Bucket: 'tagged', Key: 'key' }));
    assert.equal(await got.Body?.transformToString(), 'x');
  });
});
