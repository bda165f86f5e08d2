import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalRequest, sha256 } from './canonical.ts';
import { mismatch, type Claim } from './claim.ts';
import { headersOf, SignatureError, splitUrl, type WireRequest } from './request.ts';

/** How far the clocks of client and server may be apart, ms. */
export const skew = 15 * 60 * 1000;

/** What the body of a request must be, once its signature holds. */
export type Payload =
  | { readonly kind: 'hash'; readonly sha256: string }
  /** `UNSIGNED-PAYLOAD`: anything. */
  | { readonly kind: 'unsigned' }
  /** `STREAMING-…`: chunks, signed one by one or with a trailer. */
  | { readonly kind: 'streaming'; readonly mode: string; readonly seed: string; readonly key: Buffer };

export interface VerifyOptions {
  readonly request: WireRequest;
  readonly claim: Claim;
  readonly secret: string;
  /** ms since the epoch. */
  readonly now: number;
  /** SHA-256 of the body, where no header says it; asked for only then. */
  bodyHash(): string;
}

/** Proves that the holder of the secret made this very request, now. Says what its body must be. Throws SignatureError. */
export function verify(options: VerifyOptions): Payload {
  const { request, claim } = options;
  checkTime(claim, options.now);
  const headers = headersOf(request.rawHeaders);
  checkCoverage(claim, headers);
  const payloadHash = payloadHashOf(options, headers);
  const { path, query } = splitUrl(request.url);
  const canonical = canonicalRequest({ method: request.method, path, query, service: claim.service, headers, signedHeaders: claim.signedHeaders, payloadHash });
  const scope = `${claim.scopeDate}/${claim.region}/${claim.service}/aws4_request`;
  const key = signingKey(options.secret, claim.scopeDate, claim.region, claim.service);
  const expected = hmac(key, `AWS4-HMAC-SHA256\n${claim.date}\n${scope}\n${sha256(canonical)}`);
  if (!timingSafeEqual(expected, Buffer.from(claim.signature, 'hex'))) throw new SignatureError('mismatch', mismatch);
  if (payloadHash === 'UNSIGNED-PAYLOAD') return { kind: 'unsigned' };
  if (payloadHash.startsWith('STREAMING-')) return { kind: 'streaming', mode: payloadHash, seed: claim.signature, key };
  return { kind: 'hash', sha256: payloadHash };
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Keys that were made: a client signs with the same one all day. */
const made = new Map<string, Buffer>();
const mostKeys = 1000;
/** The key of a day, a region and a service. */
export function signingKey(secret: string, date: string, region: string, service: string): Buffer {
  const name = `${secret}\n${date}\n${region}\n${service}`;
  const found = made.get(name);
  if (found) return found;
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request');
  if (made.size >= mostKeys) made.clear();
  made.set(name, key);
  return key;
}

function checkTime(claim: Claim, now: number): void {
  const basic = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  if (claim.time > now + skew) {
    throw new SignatureError('early', `Signature not yet current: ${claim.date} is still later than ${basic(now + skew)} (${basic(now)} + 15 min.)`);
  }
  if (claim.expires !== undefined) {
    if (now >= claim.time + claim.expires * 1000) throw new SignatureError('presigned', 'Request has expired');
  } else if (claim.time < now - skew) {
    throw new SignatureError('expired', `Signature expired: ${claim.date} is now earlier than ${basic(now - skew)} (${basic(now)} - 15 min.)`);
  }
}

/** What steers the service must be signed: the host, and every x-amz- header. */
function checkCoverage(claim: Claim, headers: ReadonlyMap<string, readonly string[]>): void {
  const signed = new Set(claim.signedHeaders);
  if (!signed.has('host') && !signed.has(':authority'))
    throw new SignatureError('mismatch', "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  for (const name of claim.signedHeaders) if (!headers.has(name)) throw new SignatureError('mismatch', `Signed header ${name} is not in the request`);
  for (const name of headers.keys()) {
    if (!name.startsWith('x-amz-') || signed.has(name)) continue;
    throw new SignatureError('mismatch', `There were headers present in the request which were not signed: ${name}`);
  }
}

function payloadHashOf({ claim, bodyHash }: VerifyOptions, headers: ReadonlyMap<string, readonly string[]>): string {
  const said = headers.get('x-amz-content-sha256')?.[0];
  const isS3 = claim.service === 's3' || claim.service === 's3express';
  if (said !== undefined) {
    if (/^[0-9a-f]{64}$/.test(said)) return said;
    // Only S3 takes bodies that nobody vouches for.
    if (isS3 && (said === 'UNSIGNED-PAYLOAD' || said.startsWith('STREAMING-'))) return said;
    throw new SignatureError('payload', 'x-amz-content-sha256 must be the SHA-256 of the body in lower-case hexadecimal digits');
  }
  if (isS3) {
    if (claim.expires !== undefined) return 'UNSIGNED-PAYLOAD';
    throw new SignatureError('payload', 'Missing required header for this request: x-amz-content-sha256');
  }
  return bodyHash();
}

/** Whether a body is the one that was signed. Throws SignatureError. */
export function checkBody(payload: Payload, body: Buffer): void {
  if (payload.kind === 'hash' && sha256(body) !== payload.sha256) {
    throw new SignatureError('payload', "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
}
