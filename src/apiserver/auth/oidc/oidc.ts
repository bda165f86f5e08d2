import type { Clock, Logger } from '#base';
import type { UserInfo } from '#machinery';
import type { Outbound } from '../../outbound/outbound.ts';
import { parseJwt, verifyJwt, type Jwt } from '../../pki/jws.ts';
import type { TokenAuthenticator, TokenVerdict } from '../../types.ts';
import { forServer, withAuthenticated } from '../tokens/bearer.ts';
import { IssuerKeys, type SigningKey } from './keys.ts';
import type { OidcIssuer } from './types.ts';

export interface OidcOptions {
  readonly issuer: OidcIssuer;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly log: Logger;
  /** The server's own audiences. */
  readonly own: readonly string[];
}
/** A claim that makes a token worthless; the text says which, never its value. */
class BadClaim extends Error {}

/** ID tokens of one OpenID Connect issuer ("OpenID Connect Tokens"). */
export function oidcTokens({ issuer, outbound, clock, log, own }: OidcOptions): TokenAuthenticator {
  const keys = new IssuerKeys(issuer, outbound, clock);
  const conclude = (jwt: Jwt, candidates: readonly SigningKey[], audiences: readonly string[]): TokenVerdict => {
    if (!candidates.some(({ key }) => verifyJwt(jwt, key))) return { error: 'oidc: verify token: failed to verify signature' };
    try {
      return forServer(userOf(issuer, jwt.claims, clock.now()), audiences, own);
    } catch (error) {
      if (!(error instanceof BadClaim)) throw error;
      return { error: `oidc: ${error.message}` };
    }
  };
  return {
    name: 'oidc',
    review(token, audiences) {
      const jwt = parseJwt(token);
      if (!jwt || jwt.claims['iss'] !== issuer.url) return undefined;
      const { alg, kid } = jwt.header;
      if (typeof alg !== 'string' || !issuer.signingAlgorithms.includes(alg)) return { error: 'oidc: verify token: the signing algorithm is not accepted' };
      const candidates = keys.candidates(typeof kid === 'string' ? kid : undefined);
      if (!(candidates instanceof Promise)) return conclude(jwt, candidates, audiences);
      return candidates.then(
        (found) => conclude(jwt, found, audiences),
        (error: Error) => {
          log.warn('the OIDC issuer cannot be asked for its keys', { issuer: issuer.url, error });
          return { error: 'oidc: authenticator not initialized' };
        },
      );
    },
  };
}

type JwtClaims = Jwt['claims'];

function userOf(issuer: OidcIssuer, claims: JwtClaims, now: number): UserInfo {
  checkTimes(claims, now);
  const aud = claims['aud'];
  const audiences = Array.isArray(aud) ? (aud as unknown[]) : [aud];
  if (!issuer.audiences.some((audience) => audiences.includes(audience)))
    throw new BadClaim(`verify token: expected audience in ${JSON.stringify(issuer.audiences)}`);
  for (const [claim, wanted] of Object.entries(issuer.requiredClaims)) {
    if (claims[claim] === undefined) throw new BadClaim(`required claim ${claim} not present in ID token`);
    if (claims[claim] !== wanted) throw new BadClaim(`required claim ${claim} value does not match`);
  }
  const uid = issuer.uidClaim === undefined ? undefined : textClaim(claims, issuer.uidClaim);
  return {
    username: issuer.username.prefix + usernameOf(issuer, claims),
    groups: withAuthenticated(groupsOf(issuer, claims)),
    ...(uid ? { uid } : {}),
    ...(typeof claims['jti'] === 'string' && claims['jti'] ? { extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${claims['jti']}`] } } : {}),
  };
}
function checkTimes({ exp, nbf }: JwtClaims, now: number): void {
  if (typeof exp !== 'number') throw new BadClaim('verify token: the exp claim is missing');
  if (exp * 1000 <= now) throw new BadClaim('verify token: token is expired');
  if (typeof nbf === 'number' && nbf * 1000 > now + 300_000) throw new BadClaim('verify token: current time before the nbf (not before) time');
}
/** An address that the issuer says is not verified names nobody. */
function usernameOf({ username: { claim } }: OidcIssuer, claims: JwtClaims): string {
  if (claim === 'email' && claims['email_verified'] !== undefined && claims['email_verified'] !== true) throw new BadClaim('email not verified');
  return textClaim(claims, claim);
}
function textClaim(claims: JwtClaims, claim: string): string {
  const value = claims[claim];
  if (typeof value !== 'string' || value === '') throw new BadClaim(`claim ${JSON.stringify(claim)} is missing or no text`);
  return value;
}
function groupsOf({ groups }: OidcIssuer, claims: JwtClaims): string[] {
  if (!groups) return [];
  const value = claims[groups.claim];
  if (value === undefined || value === null) return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (!list.every((group) => typeof group === 'string')) throw new BadClaim(`claim ${JSON.stringify(groups.claim)} is no list of texts`);
  return list.map((group) => groups.prefix + group);
}
