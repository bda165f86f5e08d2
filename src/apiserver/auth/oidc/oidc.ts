import type { Clock, Logger } from '#base';
import type { Json, UserInfo } from '#machinery';
import type { Outbound } from '../../outbound/outbound.ts';
import { parseJwt, verifyJwt, type Jwt } from '../../pki/jws.ts';
import type { TokenAuthenticator, TokenVerdict } from '../../types.ts';
import { forServer, withAuthenticated } from '../tokens/bearer.ts';
import { IssuerKeys, type SigningKey } from './keys.ts';
import type { TokenExpression } from './expressions.ts';
import type { OidcIssuer, TokenRule } from './types.ts';

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
  check(issuer.claimRules, claims as Json, 'claim validation expression');
  const user = { username: usernameOf(issuer, claims), groups: groupsOf(issuer, claims), uid: uidOf(issuer, claims), extra: extraOf(issuer, claims) };
  check(issuer.userRules, user, 'user info validation rule');
  return {
    username: user.username,
    groups: withAuthenticated(user.groups),
    ...(user.uid ? { uid: user.uid } : {}),
    ...(Object.keys(user.extra).length > 0 ? { extra: user.extra } : {}),
  };
}
function check(rules: readonly TokenRule[] = [], value: Json, what: string): void {
  for (const { test, message } of rules)
    if (run(test, value, what) !== true) throw new BadClaim(`error evaluating ${what}: validation expression '${test.source}' failed: ${message}`);
}
/** What fails makes the token worthless. */
function run(expression: TokenExpression, value: Json, what: string): Json {
  try {
    return expression.evaluate(value);
  } catch (error) {
    throw new BadClaim(`error evaluating ${what}: ${(error as Error).message}`, { cause: error });
  }
}
function checkTimes({ exp, nbf }: JwtClaims, now: number): void {
  if (typeof exp !== 'number') throw new BadClaim('verify token: the exp claim is missing');
  if (exp * 1000 <= now) throw new BadClaim('verify token: token is expired');
  if (typeof nbf === 'number' && nbf * 1000 > now + 300_000) throw new BadClaim('verify token: current time before the nbf (not before) time');
}
/** An address that the issuer says is not verified names nobody. */
function usernameOf({ username }: OidcIssuer, claims: JwtClaims): string {
  if ('source' in username) return textOf(run(username, claims as Json, 'username claim expression'), 'username claim expression must return a string');
  if (username.claim === 'email' && claims['email_verified'] !== undefined && claims['email_verified'] !== true) throw new BadClaim('email not verified');
  return username.prefix + textClaim(claims, username.claim);
}
function textOf(value: Json, otherwise: string): string {
  if (typeof value !== 'string' || value === '') throw new BadClaim(otherwise);
  return value;
}
function uidOf({ uid }: OidcIssuer, claims: JwtClaims): string {
  if (!uid) return '';
  return 'source' in uid ? textOf(run(uid, claims as Json, 'uid claim expression'), 'uid claim expression must return a string') : textClaim(claims, uid.claim);
}
function extraOf({ extra = [] }: OidcIssuer, claims: JwtClaims): { [key: string]: string[] } {
  const id = claims['jti'];
  const out: { [key: string]: string[] } = typeof id === 'string' && id ? { 'authentication.kubernetes.io/credential-id': [`JTI=${id}`] } : {};
  for (const { key, value } of extra) {
    const list = textsOf(run(value, claims as Json, 'extra claim expression'), 'extra claim expression must return a string or a list of strings');
    if (list.length > 0) out[key] = list;
  }
  return out;
}
/** Nothing, one text or several: absent and empty are the same. */
function textsOf(value: unknown, otherwise: string): string[] {
  if (value === undefined || value === null || value === '') return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (!list.every((item) => typeof item === 'string')) throw new BadClaim(otherwise);
  return list;
}
function textClaim(claims: JwtClaims, claim: string): string {
  const value = claims[claim];
  if (typeof value !== 'string' || value === '') throw new BadClaim(`claim ${JSON.stringify(claim)} is missing or no text`);
  return value;
}
function groupsOf({ groups }: OidcIssuer, claims: JwtClaims): string[] {
  if (!groups) return [];
  if ('source' in groups)
    return textsOf(run(groups, claims as Json, 'group claim expression'), 'groups claim expression must return a string or a list of strings');
  return textsOf(claims[groups.claim], `claim ${JSON.stringify(groups.claim)} is no list of texts`).map((group) => groups.prefix + group);
}
