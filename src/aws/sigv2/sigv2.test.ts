import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { loadContract } from '../protocol/schema.ts';
import { SignatureError, type SignatureProblem, type WireRequest } from '../sigv4/request.ts';
import type { Payload } from '../sigv4/verify.ts';
import { isQuerySigned, readQueryClaim, withQueryHeaders } from './claim.ts';
import { canonicalResource, subresources } from './resource.ts';
import { signatureOf, stringToSign, verifyQuery } from './verify.ts';

// The key, requests and signatures of the S3 developer guide, "Signing and authenticating REST requests".
const id = 'AKIAIOSFODNN7EXAMPLE';
const key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const expires = 1175139620;
const before = (expires - 60) * 1000;
const host = 'johnsmith.s3.amazonaws.com';
const puppy = `/photos/puppy.jpg?AWSAccessKeyId=${id}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=${expires}`;

const get = (url: string, more: readonly string[] = []): WireRequest => ({ method: 'GET', url, rawHeaders: ['Host', host, ...more] });
function check(request: WireRequest, { now = before, secret = key } = {}): Payload {
  const read = { ...request, rawHeaders: withQueryHeaders(request) };
  return verifyQuery({ request: read, claim: readQueryClaim(read), secret, now });
}
const refuses = (problem: SignatureProblem, work: () => unknown): void =>
  assert.throws(work, (error) => error instanceof SignatureError && (assert.equal(error.problem, problem, error.message), true));

/** Presigns this very string, so that what the verifier makes of the request is held against the guide. */
function presigned(text: string, { url, headers = [], until = expires }: { url: string; headers?: readonly string[]; until?: number }): WireRequest {
  const more = `AWSAccessKeyId=${id}&Signature=${encodeURIComponent(signatureOf(key, text))}&Expires=${until}`;
  return { method: text.split('\n', 1)[0] as string, url: `${url}${url.includes('?') ? '&' : '?'}${more}`, rawHeaders: ['Host', host, ...headers] };
}

describe("AWS's own examples of version 2", () => {
  test('query string request authentication', () => {
    assert.deepEqual(check(get(puppy)), { kind: 'unsigned' });
    assert.deepEqual(check({ ...get(puppy.replace('/photos', '/johnsmith/photos')), rawHeaders: ['Host', 's3.amazonaws.com'] }), { kind: 'unsigned' });
  });
  for (const [name, signature, date, method, url, headers] of [
    ['object GET', 'bWq2s1WEIj+Ydj0vQ697zp+IXMU=', 'Tue, 27 Mar 2007 19:36:42 +0000', 'GET', '/photos/puppy.jpg', ['Host', host]],
    ['object PUT', 'MyyxeRY7whkBe+bq8fHCL/2kKUg=', 'Tue, 27 Mar 2007 21:15:45 +0000', 'PUT', '/photos/puppy.jpg', ['Content-Type', 'image/jpeg', 'Host', host]],
    ['list', 'htDYFYduRNen8P9ZfE/s9SuKy0U=', 'Tue, 27 Mar 2007 19:42:41 +0000', 'GET', '/?prefix=photos&max-keys=50&marker=puppy', ['Host', host]],
    ['fetch', 'c2WLPFtWHVgbEmeEG93a4cG37dM=', 'Tue, 27 Mar 2007 19:44:46 +0000', 'GET', '/?acl', ['Host', host]],
    [
      'upload',
      'ilyl83RwaSoYIEdixDQcA4OnAnc=',
      'Tue, 27 Mar 2007 21:06:08 +0000',
      'PUT',
      '/static.johnsmith.net/db-backup.dat.gz',
      [
        'Host',
        's3.amazonaws.com',
        'x-amz-acl',
        'public-read',
        'content-type',
        'application/x-download',
        'Content-MD5',
        '4gJE4saaMU4BqNR0kLY+lw==',
        'X-Amz-Meta-ReviewedBy',
        'joe@johnsmith.net',
        'X-Amz-Meta-ReviewedBy',
        'jane@johnsmith.net',
        'X-Amz-Meta-FileChecksum',
        '0x02661779',
        'X-Amz-Meta-ChecksumAlgorithm',
        'crc32',
        'Content-Encoding',
        'gzip',
        'Content-Length',
        '5913339',
      ],
    ],
  ] as const) {
    test(`the string of ${name}`, () => assert.equal(signatureOf(key, stringToSign({ method, url, rawHeaders: headers }, date)), signature));
  }
});

describe('URLs presigned with version 2', () => {
  test('what was signed is what passes: method, path, bucket, key, end', () => {
    refuses('mismatch', () => check({ ...get(puppy), method: 'PUT' }));
    refuses('mismatch', () => check(get(puppy.replace('puppy', 'kitten'))));
    refuses('mismatch', () => check({ ...get(puppy), rawHeaders: ['Host', 'janesmith.s3.amazonaws.com'] }));
    refuses('mismatch', () => check({ ...get(puppy), rawHeaders: ['Host', 's3.amazonaws.com'] }));
    refuses('mismatch', () => check(get(puppy), { secret: `${key}x` }));
    refuses('mismatch', () => check(get(puppy.replace(`${expires}`, `${expires + 1}`))));
    for (const signature of ['x', 'NpgCjnDzrM%2BWFzoENXmpNDUsSn9%3D', 'NpgCjnDzrM%2BWFzoENXmpNDUsSn8']) {
      refuses('mismatch', () => check(get(puppy.replace(/Signature=[^&]+/, `Signature=${signature}`))));
    }
  });
  test('they hold until their end, a week at most', () => {
    check(get(puppy), { now: expires * 1000 - 1 });
    refuses('presigned', () => check(get(puppy), { now: expires * 1000 }));
    check(get(puppy), { now: (expires - 604_800) * 1000 });
    refuses('presigned', () => check(get(puppy), { now: (expires - 604_800 - 901) * 1000 }));
    for (const end of ['', 'never', '-1', '1e9', `0${expires}`, '99999999999999999999']) {
      refuses('presigned', () => check(get(puppy.replace(/Expires=.*/, `Expires=${end}`))));
    }
  });
  test('headers of AWS are part of the string, other headers are not', () => {
    check(get(puppy, ['User-Agent', 'any', 'Range', 'bytes=0-1']));
    for (const more of [
      ['x-amz-acl', 'public-read'],
      ['x-amz-copy-source', 'a/b'],
      ['Content-Type', 'text/html'],
      ['Content-MD5', 'x'],
    ]) {
      refuses('mismatch', () => check(get(puppy, more)));
    }
    const text = `PUT\n\ntext/plain\n${expires}\nx-amz-meta-a:b\n/johnsmith/k`;
    const headers = ['Content-Type', 'text/plain', 'X-Amz-Meta-A', ' b '];
    check(presigned(text, { url: '/k', headers }));
    refuses('mismatch', () => check(presigned(text, { url: '/k', headers: headers.slice(0, 2) })));
    const byName = `GET\n\n\n${expires}\nx-amz-meta-a:1\nx-amz-meta-a-b:2\n/johnsmith/k`;
    check(presigned(byName, { url: '/k', headers: ['x-amz-meta-a-b', '2', 'x-amz-meta-a', '1'] }));
    refuses('presigned', () => check(presigned(text, { url: '/k', headers: [...headers, 'content-type', 'text/plain'] })));
  });
  test('x-amz- parameters are headers, above all the token', () => {
    const text = `GET\n\n\n${expires}\nx-amz-security-token:a+/=\n/johnsmith/k`;
    const request = presigned(text, { url: '/k?x-amz-security-token=a%2B%2F%3D' });
    check(request);
    const rawHeaders = withQueryHeaders(request);
    assert.equal(readQueryClaim({ ...request, rawHeaders }).sessionToken, 'a+/=');
    check({ ...request, rawHeaders });
    refuses('presigned', () => check({ ...request, rawHeaders: ['Host', host, 'x-amz-security-token', 'other'] }));
    refuses('mismatch', () => check({ ...request, url: request.url.replace('a%2B', 'b') }));
    refuses('mismatch', () => check(get(`${puppy}&x-amz-security-token=a`)));
    refuses('mismatch', () => check(get(`${puppy}&x-amz-acl=public-read`)));
    refuses('presigned', () => check(presigned(text, { url: '/k?x-amz-meta-a=b%0Ax-amz-acl:public-read' })));
    refuses('presigned', () => check(presigned(text, { url: '/k?x-amz-meta:a=b' })));
    check(presigned(`PUT\n\n\n${expires}\nx-amz-meta-a_b:ü\n/johnsmith/k`, { url: '/k?x-amz-meta-a_b=%C3%BC' }));
    refuses('presigned', () => check(presigned(text, { url: '/k', headers: ['x-amz-security-token', 'a', 'x-amz-security-token', 'b'] })));
  });
  test('sub-resources and overrides are part of the string, pages of lists are not', () => {
    for (const more of ['acl', 'versionId=x', 'uploads', 'tagging', 'encryption', 'response-content-type=text%2Fhtml'])
      refuses('mismatch', () => check(get(`${puppy}&${more}`)));
    check(get(`${puppy}&prefix=a&x-id=GetObject`));
    const url = '/k?versionId=v&response-content-disposition=attachment%3B%20filename%3D%22a%26b%22';
    check(presigned(`GET\n\n\n${expires}\n/johnsmith/k?response-content-disposition=attachment; filename="a&b"&versionId=v`, { url }));
    check(presigned(`POST\n\n\n${expires}\n/johnsmith/k%20%2B?uploads`, { url: '/k%20%2B?uploads' }));
    const merged = '/k?response-content-type=a%26versionId%3Dv';
    refuses('presigned', () => check(presigned(`GET\n\n\n${expires}\n/johnsmith/k?response-content-type=a&versionId=v`, { url: merged })));
    assert.equal(canonicalResource('/b/k', 'uploadId=u&partNumber=1'), '/b/k?partNumber=1&uploadId=u');
  });
  test('a bucket in the path may be signed with a slash behind it, a key may not', () => {
    const bucket = { headers: ['x-amz-meta-a', '1'] };
    const text = (path: string): string => `GET\n\n\n${expires}\nx-amz-meta-a:1\n${path}`;
    const plain = (request: WireRequest): WireRequest => ({ ...request, rawHeaders: ['Host', 's3.amazonaws.com', ...bucket.headers] });
    for (const path of ['/box', '/box/']) check(plain(presigned(text(path), { url: '/box?prefix=a' })));
    refuses('mismatch', () => check(plain(presigned(text('/box'), { url: '/box/' }))));
    refuses('mismatch', () => check(plain(presigned(text('/box/k/'), { url: '/box/k' }))));
    refuses('mismatch', () => check(presigned(text('/johnsmith/k/'), { url: '/k', ...bucket })));
  });
  test('parameters twice, in another case, or missing', () => {
    for (const more of ['Expires=1', 'expires=1', '%45xpires=1', 'signature=x', 'awsaccesskeyid=x', 'VersionID=x', 'X-Amz-Acl=private', 'a=1&A=2']) {
      refuses('presigned', () => check(get(`${puppy}&${more}`)));
    }
    for (const less of [/AWSAccessKeyId=[^&]+&/, /Signature=[^&]+&/, /&Expires=.*/]) refuses('presigned', () => check(get(puppy.replace(less, ''))));
    refuses('presigned', () => check(get(puppy.replace('AWSAccessKeyId', 'AwsAccessKeyId'))));
    refuses('incomplete', () => check(get(`${puppy}&a=%zz`)));
    for (const mark of ['?', '%3F']) refuses('presigned', () => check(get(puppy.replace('?', `?${mark}acl&`))));
  });
  test('one mechanism only', () => {
    refuses('incomplete', () => check(get(puppy, ['Authorization', `AWS ${id}:x`])));
    refuses('incomplete', () => check(get(`${puppy}&X-Amz-Signature=x`)));
    const query = puppy.slice(puppy.indexOf('?') + 1);
    assert.deepEqual([isQuerySigned(query, false), isQuerySigned(query, true), isQuerySigned('Signature=x', true)], [true, true, false]);
    assert.deepEqual(
      [isQuerySigned(`${query}&SignatureVersion=2`, false), isQuerySigned('list-type=2', false), isQuerySigned('Signature', false)],
      [false, false, true],
    );
  });
  test('a body is not signed, but the hash that a header gives is held against it; chunks are refused', () => {
    const with256 = (hash: string): WireRequest =>
      presigned(`PUT\n\n\n${expires}\nx-amz-content-sha256:${hash}\n/johnsmith/k`, { url: '/k', headers: ['x-amz-content-sha256', hash] });
    assert.deepEqual(check(with256('UNSIGNED-PAYLOAD')), { kind: 'unsigned' });
    assert.deepEqual(check(with256('a'.repeat(64))), { kind: 'hash', sha256: 'a'.repeat(64) });
    refuses('payload', () => check(with256('STREAMING-UNSIGNED-PAYLOAD-TRAILER')));
  });
});

/** What may be put to a URL of somebody else: which page of a list is shown, and hints that nobody reads. */
const unsigned = new Set(
  `prefix delimiter encoding-type marker max-keys list-type continuation-token start-after fetch-owner key-marker version-id-marker
  upload-id-marker max-uploads max-parts part-number-marker max-buckets bucket-region max-directory-buckets max-annotation-results
  annotation-prefix x-id`.split(/\s+/),
);
test('every parameter of the contract that decides what is done is signed', () => {
  const contract = loadContract('s3');
  const names = contract.operations.flatMap((name) => {
    const operation = contract.operation(name);
    const literals = (operation?.http?.uri.split('?')[1] ?? '').split('&').map((pair) => pair.split('=', 1)[0] as string);
    const { shape } = operation?.input ?? {};
    return [...literals, ...(shape?.kind === 'structure' ? shape.members.map(({ traits }) => traits.httpQuery ?? '') : [])];
  });
  const left = [...new Set(names)].filter((name) => name !== '' && !subresources.has(name) && !unsigned.has(name) && !name.startsWith('x-amz-'));
  assert.deepEqual(left, []);
});
