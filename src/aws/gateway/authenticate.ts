import type { Clock } from '#base';
import type { Identities } from '../iam/identities.ts';
import type { CallRequest, Protocol } from '../protocol/types.ts';
import { sha256 } from '../sigv4/canonical.ts';
import { verifyQuery } from '../sigv2/verify.ts';
import { SignatureError } from '../sigv4/request.ts';
import { verify, type Payload } from '../sigv4/verify.ts';
import { AwsError } from './errors.ts';
import type { Caller, Source } from './call.ts';
import type { AnyClaim } from './claim.ts';
import { expiredToken, unknownKey } from './signature.ts';

export interface Authenticated {
  readonly caller: Caller;
  /** What the body must be. */
  readonly payload: Payload;
}

export interface AuthenticateOptions {
  readonly request: CallRequest;
  readonly claim: AnyClaim | undefined;
  /** Whether nobody in particular may call, too. */
  readonly optional: boolean;
  /** Whether it comes from a page that `up` was told to trust. */
  readonly trusted: boolean;
  readonly identities: Identities;
  readonly clock: Clock;
  readonly source: Source;
  readonly protocol: Protocol;
}

const anonymous: Caller = { type: 'anonymous', arn: '', account: '', userId: '', accessKeyId: '' };
export const anonymously: Authenticated = { caller: anonymous, payload: { kind: 'unsigned' } };

/**
 * Everybody knows the key of root, so a page on the web could sign a URL with it and make a browser on this machine call
 * it. Browsers say where a request comes from. Objects of S3 may be shown: links to them are signed URLs.
 */
function isOfAPage(request: CallRequest, claim: AnyClaim): boolean {
  if (claim.service === 's3' && (request.method === 'GET' || request.method === 'HEAD')) return false;
  const site = request.header('sec-fetch-site');
  return request.header('origin') !== undefined || (site !== undefined && site !== 'none');
}

/** Proves who calls. Throws SignatureError or AwsError: nobody passes who does not hold the secret of a living key. */
export function authenticate({ request, claim, optional, trusted, identities, clock, source, protocol }: AuthenticateOptions): Authenticated {
  if (!claim) {
    if (optional) return anonymously;
    throw new SignatureError('missing', 'Request is missing Authentication Token');
  }
  const now = clock.now();
  const found = identities.credentials(claim.accessKeyId, claim.sessionToken, source, now);
  if (found === undefined) throw unknownKey(protocol);
  const { secret } = found;
  const payload =
    claim.version === 2 ? verifyQuery({ request, claim, secret, now }) : verify({ request, claim, secret, now, bodyHash: () => sha256(request.body) });
  if (found.caller.type === 'root' && found.caller.accessKeyId === 'test' && !trusted && isOfAPage(request, claim)) {
    throw new AwsError('AccessDeniedException', 'The root user of this instance is not for pages of the web: use a key of a user');
  }
  if (found.expired) throw expiredToken(protocol);
  return { caller: found.caller, payload };
}
