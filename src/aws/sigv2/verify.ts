import { createHmac, timingSafeEqual } from 'node:crypto';
import { longestPresigned, mismatch } from '../sigv4/claim.ts';
import { headersOf, SignatureError, splitUrl, type WireRequest } from '../sigv4/request.ts';
import { skew, type Payload } from '../sigv4/verify.ts';
import type { QueryClaim } from './claim.ts';
import { canonicalResource, pathWithBucket } from './resource.ts';

export interface QueryVerifyOptions {
  /** Its headers include those of its query. */
  readonly request: WireRequest;
  readonly claim: QueryClaim;
  readonly secret: string;
  /** ms since the epoch. */
  readonly now: number;
}

/** Proves that the holder of the secret made this URL, and that it still holds. Nothing vouches for a body. Throws SignatureError. */
export function verifyQuery({ request, claim, secret, now }: QueryVerifyOptions): Payload {
  const until = claim.expires * 1000;
  if (now >= until) throw new SignatureError('presigned', 'Request has expired');
  if (until > now + longestPresigned * 1000 + skew) throw new SignatureError('presigned', `Expires must be at most ${longestPresigned} seconds ahead`);
  const path = pathOf(request);
  // botocore sends /BUCKET and signs /BUCKET/, which is the same resource.
  const paths = /^\/[^/]+$/.test(path) ? [path, `${path}/`] : [path];
  const isSigned = (one: string): boolean => isSame(signatureOf(secret, stringToSign(request, String(claim.expires), one)), claim.signature);
  if (!paths.some(isSigned)) throw new SignatureError('mismatch', mismatch);
  return payloadOf(request);
}
function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export const signatureOf = (secret: string, text: string): string => createHmac('sha1', secret).update(text).digest('base64');

/** `date`: what stands in its place, the end of a presigned URL (S3 developer guide, signing and authenticating REST requests). */
export function stringToSign(request: WireRequest, date: string, path = pathOf(request)): string {
  const headers = headersOf(request.rawHeaders);
  const one = (name: string): string => {
    const values = headers.get(name) ?? [''];
    if (values.length > 1) throw new SignatureError('presigned', `Header ${name} is given more than once`);
    return (values[0] as string).trim();
  };
  const amz = [...headers]
    .filter(([name]) => name.startsWith('x-amz-'))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, values]) => `${name}:${values.map((value) => value.trim()).join(',')}\n`);
  const resource = canonicalResource(path, splitUrl(request.url).query);
  return `${request.method}\n${one('content-md5')}\n${one('content-type')}\n${date}\n${amz.join('')}${resource}`;
}

const pathOf = ({ url, rawHeaders }: WireRequest): string => pathWithBucket(splitUrl(url).path, headersOf(rawHeaders).get('host')?.[0]);

function payloadOf(request: WireRequest): Payload {
  const said = headersOf(request.rawHeaders).get('x-amz-content-sha256')?.[0] ?? 'UNSIGNED-PAYLOAD';
  if (said === 'UNSIGNED-PAYLOAD') return { kind: 'unsigned' };
  if (/^[0-9a-f]{64}$/.test(said)) return { kind: 'hash', sha256: said };
  throw new SignatureError('payload', 'Chunks are signed with version 4 only');
}
