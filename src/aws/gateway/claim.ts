import type { CallRequest } from '../protocol/types.ts';
import { isQuerySigned, readQueryClaim, withQueryHeaders, type QueryClaim } from '../sigv2/claim.ts';
import { readClaim, type Claim } from '../sigv4/claim.ts';
import { liftedHeaders } from '../sigv4/lifted.ts';
import { withHeaders, withReadHeaders } from './wire.ts';

/** Version 4 for all services, version 2 for presigned URLs of S3. */
export type AnyClaim = Claim | QueryClaim;

/** What a request says of its signature, and the request as it is to be read. Throws SignatureError. */
export function takeClaim(request: CallRequest): { request: CallRequest; claim: AnyClaim | undefined } {
  if (isQueryClaimed(request)) {
    const whole = withHeaders(request, withQueryHeaders(request));
    return { request: whole, claim: readQueryClaim(whole) };
  }
  const claim = isSigned(request) ? readClaim(request) : undefined;
  const presigned = claim?.expires !== undefined && claim.service === 's3';
  return { request: presigned ? withReadHeaders(request, liftedHeaders(request)) : request, claim };
}
export const isQueryClaimed = (request: CallRequest): boolean => isQuerySigned(request.query, isSigned(request));
const isSigned = (request: CallRequest): boolean =>
  request.header('authorization') !== undefined || /(?:^|&)X-Amz-(?:Algorithm|Signature)=/i.test(request.query);
