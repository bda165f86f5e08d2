import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test, { describe } from 'node:test';
import { canonicalPath, canonicalQuery, canonicalRequest, sha256 } from './canonical.ts';
import { readClaim } from './claim.ts';
import { headersOf, SignatureError, splitUrl, type SignatureProblem, type WireRequest } from './request.ts';
import { checkBody, signingKey, verify, type Payload } from './verify.ts';

const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const at = Date.UTC(2015, 7, 30, 12, 36, 0);
const date = '20150830T123600Z';

interface Sent {
  method?: string;
  url?: string;
  headers?: [string, string][];
  body?: string;
  service?: string;
  signed?: string[];
}

/** Signs as a client does, from the documentation: an independent hand in one place, so that both sides can't be wrong alike. */
function sign({
  method = 'GET',
  url = '/',
  headers = [
    ['Host', 'example.amazonaws.com'],
    ['X-Amz-Date', date],
  ],
  body = '',
  service = 'service',
  signed,
}: Sent): WireRequest {
  const rawHeaders = headers.flat();
  const map = headersOf(rawHeaders);
  const signedHeaders = (signed ?? [...map.keys()]).toSorted();
  const { path, query } = splitUrl(url);
  const payloadHash = map.get('x-amz-content-sha256')?.[0] ?? sha256(body);
  const canonical = canonicalRequest({ method, path, query, service, headers: map, signedHeaders, payloadHash });
  const scope = `20150830/us-east-1/${service}/aws4_request`;
  const signature = createHmac('sha256', signingKey(secret, '20150830', 'us-east-1', service))
    .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`)
    .digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
  return { method, url, rawHeaders: [...rawHeaders, 'Authorization', authorization] };
}
const check = (request: WireRequest, { now = at, body = '', key = secret } = {}): Payload =>
  verify({ request, claim: readClaim(request), secret: key, now, bodyHash: () => sha256(body) });
const refuses = (problem: SignatureProblem, work: () => unknown): void =>
  assert.throws(work, (error) => error instanceof SignatureError && (assert.equal(error.problem, problem, error.message), true));

describe('signature version 4', () => {
  test("AWS's own example, get-vanilla", () => {
    const request = sign({});
    assert.match(request.rawHeaders.at(-1) as string, /Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31$/);
    check(request);
  });

  test('canonical paths and queries', () => {
    assert.equal(canonicalPath('/', 'x'), '/');
    assert.equal(canonicalPath('', 's3'), '/');
    assert.equal(canonicalPath('/a/../b/./c//d/', 'x'), '/b/c/d/');
    assert.equal(canonicalPath('/clusters/a%3Ab', 'eks'), '/clusters/a%253Ab');
    assert.equal(canonicalPath('/b/a%3Ab//x', 's3'), '/b/a%3Ab//x');
    assert.equal(canonicalQuery('b=2&a=1&a=0&c'), 'a=0&a=1&b=2&c=');
    assert.equal(canonicalQuery("x=a%20b*'&X-Amz-Signature=1"), 'x=a%20b%2A%27');
  });

  test('what was signed is what passes: method, path, query, headers, body, key', () => {
    const request = sign({ method: 'POST', url: '/a?b=c', body: 'x' });
    check(request, { body: 'x' });
    refuses('mismatch', () => check({ ...request, method: 'PUT' }, { body: 'x' }));
    refuses('mismatch', () => check({ ...request, url: '/b?b=c' }, { body: 'x' }));
    refuses('mismatch', () => check({ ...request, url: '/a?b=d' }, { body: 'x' }));
    refuses('mismatch', () => check(request, { body: 'y' }));
    refuses('mismatch', () => check(request, { body: 'x', key: `${secret}x` }));
    refuses('mismatch', () => check({ ...request, rawHeaders: request.rawHeaders.map((h) => h.replace('example.amazonaws.com', 'evil.test')) }, { body: 'x' }));
  });

  test('headers that steer the service must be signed', () => {
    const target: [string, string] = ['X-Amz-Target', 'Admin.DeleteEverything'];
    const request = sign({});
    refuses('mismatch', () => check({ ...request, rawHeaders: [...target, ...request.rawHeaders] }));
    refuses('mismatch', () => check(sign({ signed: ['x-amz-date'] })));
    refuses('mismatch', () => check(sign({ signed: ['host', 'x-amz-date', 'x-amz-not-there'] })));
    check({ ...request, rawHeaders: ['User-Agent', 'anything', ...request.rawHeaders] });
  });

  test('time: 15 minutes either way', () => {
    const request = sign({});
    check(request, { now: at + 14 * 60_000 });
    check(request, { now: at - 14 * 60_000 });
    refuses('expired', () => check(request, { now: at + 16 * 60_000 }));
    refuses('early', () => check(request, { now: at - 16 * 60_000 }));
  });

  test('the hash of the body is held against the body', () => {
    const headers: [string, string][] = [
      ['Host', 'h'],
      ['X-Amz-Date', date],
      ['X-Amz-Content-Sha256', sha256('x')],
    ];
    const payload = check(sign({ headers }));
    checkBody(payload, Buffer.from('x'));
    refuses('payload', () => checkBody(payload, Buffer.from('y')));
    const unsigned: [string, string][] = [
      ['Host', 'h'],
      ['X-Amz-Date', date],
      ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD'],
    ];
    refuses('payload', () => check(sign({ headers: unsigned })));
    assert.deepEqual(check(sign({ headers: unsigned, service: 's3' })), { kind: 'unsigned' });
    refuses('payload', () => check(sign({ service: 's3' })));
  });

  test('malformed credentials', () => {
    const good = sign({});
    const withAuthorization = (text: string): WireRequest => ({ ...good, rawHeaders: ['Host', 'h', 'X-Amz-Date', date, 'Authorization', text] });
    const scope = 'AKID/20150830/us-east-1/service/aws4_request';
    const signature = 'a'.repeat(64);
    const form = (credential: string, signed: string, s: string): string =>
      `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signed}, Signature=${s}`;
    refuses('missing', () => readClaim({ ...good, rawHeaders: ['Host', 'h'] }));
    for (const text of [
      'Basic YTpi',
      'AWS4-HMAC-SHA256',
      'AWS4-HMAC-SHA256 Credential=x',
      form('AKID/20150830/us-east-1/aws4_request', 'host', signature),
      form('AKID/20150830/us-east-1/service/aws4', 'host', signature),
      form('AKID/20150829/us-east-1/service/aws4_request', 'host', signature),
      form(scope, 'Host', signature),
      form(scope, 'host;host', signature),
      form(scope, 'host', signature) + ', Credential=other',
    ]) {
      refuses('incomplete', () => readClaim(withAuthorization(text)));
    }
    refuses('mismatch', () => readClaim(withAuthorization(form(scope, 'host', 'short'))));
    refuses('incomplete', () => readClaim({ ...good, rawHeaders: [...good.rawHeaders, 'Authorization', 'x'] }));
    refuses('incomplete', () => readClaim({ ...good, rawHeaders: ['Host', 'h', 'Authorization', form(scope, 'host', signature)] }));
    refuses('incomplete', () => readClaim({ ...good, rawHeaders: ['Host', 'h', 'X-Amz-Date', 'yesterday', 'Authorization', form(scope, 'host', signature)] }));
  });
});

describe('presigned URLs', () => {
  function presign(extra = '', expires = '60'): WireRequest {
    const scope = '20150830/us-east-1/service/aws4_request';
    const query = `Action=X${extra}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(`AKIDEXAMPLE/${scope}`)}&X-Amz-Date=${date}&X-Amz-Expires=${expires}&X-Amz-SignedHeaders=host`;
    const rawHeaders = ['Host', 'h'];
    const canonical = canonicalRequest({
      method: 'GET',
      path: '/',
      query,
      service: 'service',
      headers: headersOf(rawHeaders),
      signedHeaders: ['host'],
      payloadHash: sha256(''),
    });
    const signature = createHmac('sha256', signingKey(secret, '20150830', 'us-east-1', 'service'))
      .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`)
      .digest('hex');
    return { method: 'GET', url: `/?${query}&X-Amz-Signature=${signature}`, rawHeaders };
  }
  test('hold as long as they say', () => {
    check(presign());
    check(presign(), { now: at + 59_000 });
    refuses('presigned', () => check(presign(), { now: at + 60_000 }));
    for (const expires of ['0', '604801', '-1', '1.5', 'x']) refuses('incomplete', () => check(presign('', expires)));
  });
  test('what is added, twice, or in another case is refused', () => {
    const { url } = presign();
    const altered = (more: string): WireRequest => ({ ...presign(), url: url + more });
    refuses('mismatch', () => check(altered('&Action=Y')));
    refuses('incomplete', () => check(altered('&X-Amz-Expires=604800')));
    refuses('incomplete', () => check(altered('&x-amz-expires=604800')));
    refuses('incomplete', () => check({ ...presign(), url: url.replace('X-Amz-Date', 'X-amz-date') }));
    refuses('incomplete', () => check({ ...presign(), rawHeaders: ['Host', 'h', 'Authorization', 'AWS4-HMAC-SHA256 x'] }));
    refuses('mismatch', () => check({ ...presign(), rawHeaders: ['Host', 'h', 'x-amz-acl', 'public-read'] }));
    refuses('incomplete', () => check({ ...presign(), url: `${url}&a=%zz` }));
  });
});
