import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import { S3 } from '@aws-sdk/client-s3';
import { canonicalRequest, sha256 } from '../../sigv4/canonical.ts';
import { signingKey } from '../../sigv4/verify.ts';
import { serveAws } from '../../testing-server.ts';

const gateway = serveAws();
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const s3 = (): S3 => new S3({ region: 'us-east-1', credentials, endpoint: `http://127.0.0.1:${gateway.port}`, forcePathStyle: true });

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
const ask = (method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port: gateway.port, method, path, headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
    });
    outgoing.on('error', reject).end(body);
  });

describe('CORS', () => {
  const asked = { origin: 'https://a.example', 'access-control-request-method': 'PUT', 'access-control-request-headers': 'Content-Type' };
  test('preflights are answered by the rules of the bucket', async () => {
    await s3().createBucket({ Bucket: 'shop' });
    assert.equal((await ask('OPTIONS', '/shop/key', asked)).status, 403);
    const CORSRules = [{ AllowedMethods: ['GET', 'PUT'], AllowedOrigins: ['https://*.example'], AllowedHeaders: ['*'] }];
    await s3().putBucketCors({ Bucket: 'shop', CORSConfiguration: { CORSRules } });
    const allowed = await ask('OPTIONS', '/shop/key', asked);
    assert.deepEqual([allowed.status, allowed.headers['access-control-allow-headers']], [200, 'content-type']);
    assert.equal((await ask('OPTIONS', '/shop/key', { ...asked, 'access-control-request-method': 'DELETE' })).status, 403);
    assert.equal((await ask('OPTIONS', '/shop/key', { origin: asked.origin })).status, 400);
    assert.equal((await ask('OPTIONS', '/', { ...asked, host: `shop.s3.localhost:${gateway.port}` })).status, 200);
  });
  test('answers tell the page that it may have them, refusals too', async () => {
    const refused = await ask('GET', '/shop/key', { origin: 'https://a.example' });
    assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [403, 'https://a.example']);
    assert.equal((await ask('GET', '/shop/key', { origin: 'https://b.test' })).headers['access-control-allow-origin'], undefined);
  });
});

describe('presigned URLs of version 4', () => {
  /** As clients do it: `moved` are headers that they put into the query. */
  function presign(method: string, path: string, moved: Record<string, string>): string {
    const host = `127.0.0.1:${gateway.port}`;
    const date = new Date().toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
    const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
    const said = {
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': `test/${scope}`,
      'X-Amz-Date': date,
      'X-Amz-Expires': '60',
      'X-Amz-SignedHeaders': 'host',
    };
    const query = Object.entries({ ...said, 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD', ...moved })
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
      .join('&');
    const headers = new Map([['host', [host]]]);
    const canonical = canonicalRequest({ method, path, query, service: 's3', headers, signedHeaders: ['host'], payloadHash: 'UNSIGNED-PAYLOAD' });
    const key = signingKey('test', date.slice(0, 8), 'us-east-1', 's3');
    const signature = createHmac('sha256', key)
      .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`)
      .digest('hex');
    return `${path}?${query}&X-Amz-Signature=${signature}`;
  }
  test('headers that were moved into the query count as headers', async () => {
    const url = presign('PUT', '/shop/moved', { 'x-amz-meta-a': 'b', 'x-amz-storage-class': 'STANDARD_IA', 'x-amz-tagging': 'k=v' });
    const put = await ask('PUT', url, {}, 'hello');
    assert.equal(put.status, 200, put.body);
    const head = await s3().headObject({ Bucket: 'shop', Key: 'moved' });
    assert.deepEqual([head.Metadata, head.StorageClass, head.TagCount], [{ a: 'b' }, 'STANDARD_IA', 1]);
    assert.equal((await ask('PUT', url.replace('x-amz-meta-a=b', 'x-amz-meta-a=c'), {}, 'x')).status, 403);
    assert.equal((await ask('PUT', `${url}&x-amz-acl=public-read`, {}, 'x')).status, 403);
  });
  test('a copy is told from an upload by what was moved', async () => {
    const copied = await ask('PUT', presign('PUT', '/shop/copy', { 'x-amz-copy-source': 'shop/moved' }));
    assert.match(copied.body, /<CopyObjectResult/);
  });
  test('checksums in the query are ignored: SDKs put that of an empty body there', async () => {
    const url = presign('PUT', '/shop/sum', { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-sdk-checksum-algorithm': 'CRC32' });
    assert.equal((await ask('PUT', url, {}, 'hello')).status, 200);
  });
});

describe('websites', () => {
  const Bucket = 'site';
  const visit = (path: string, method = 'GET'): Promise<Answer> => ask(method, path, { host: `${Bucket}.s3-website.localhost:${gateway.port}` });
  test('nothing is shown before it is meant to be', async () => {
    assert.match((await visit('/')).body, /NoSuchBucket/);
    await s3().createBucket({ Bucket });
    assert.match((await visit('/')).body, /NoSuchWebsiteConfiguration/);
    await s3().putBucketWebsite({ Bucket, WebsiteConfiguration: { IndexDocument: { Suffix: 'index.html' }, ErrorDocument: { Key: 'error.html' } } });
    for (const [Key, Body] of Object.entries({ 'index.html': 'home', 'docs/index.html': 'docs', 'error.html': 'oops' }))
      await s3().putObject({ Bucket, Key, Body, ContentType: 'text/html' });
    assert.equal((await visit('/')).status, 403);
  });
  test('pages, folders, and the document for errors', async () => {
    await s3().deletePublicAccessBlock({ Bucket });
    const Statement = [
      { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` },
      { Effect: 'Allow', Principal: '*', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${Bucket}` },
    ];
    await s3().putBucketPolicy({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
    const home = await visit('/');
    assert.deepEqual([home.status, home.body, home.headers['content-type']], [200, 'home', 'text/html']);
    assert.equal((await visit('/docs/')).body, 'docs');
    const folder = await visit('/docs');
    assert.deepEqual([folder.status, folder.headers.location], [302, '/docs/']);
    const missing = await visit('/none');
    assert.deepEqual([missing.status, missing.body], [404, 'oops']);
    const head = await visit('/', 'HEAD');
    assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '4']);
    assert.equal((await visit('/', 'POST')).status, 405);
  });
  test('redirects of rules and of objects', async () => {
    const RoutingRules = [
      { Condition: { KeyPrefixEquals: 'old/' }, Redirect: { ReplaceKeyPrefixWith: 'new/', HttpRedirectCode: '302' } },
      { Condition: { HttpErrorCodeReturnedEquals: '404' }, Redirect: { HostName: 'elsewhere.example', Protocol: 'https' as const, ReplaceKeyWith: 'lost' } },
    ];
    await s3().putBucketWebsite({ Bucket, WebsiteConfiguration: { IndexDocument: { Suffix: 'index.html' }, RoutingRules } });
    await s3().putObject({ Bucket, Key: 'moved', WebsiteRedirectLocation: '/docs/' });
    const to = async (path: string): Promise<unknown[]> => {
      const { status, headers } = await visit(path);
      return [status, headers.location];
    };
    assert.deepEqual(await to('/old/a%20b'), [302, `http://${Bucket}.s3-website.localhost:${gateway.port}/new/a%20b`]);
    assert.deepEqual(await to('/none'), [301, 'https://elsewhere.example/lost']);
    assert.deepEqual(await to('/moved'), [301, '/docs/']);
    await s3().putBucketWebsite({ Bucket, WebsiteConfiguration: { RedirectAllRequestsTo: { HostName: 'new.example' } } });
    assert.deepEqual(await to('/x?y'), [301, 'http://new.example/x?y']);
  });
});
