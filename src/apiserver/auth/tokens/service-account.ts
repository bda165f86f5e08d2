import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '#base';
import type { KubeObject, UserInfo } from '#machinery';
import { parseJwt } from '../../pki/jws.ts';
import { legacyIssuer, type BoundRef, type Claims, type LegacyClaims, type TokenSigner } from '../../pki/jwt.ts';
import type { ObjectReader, TokenAuthenticator, TokenVerdict } from '../../types.ts';
import { forServer } from './bearer.ts';

export interface ServiceAccountTokenOptions {
  readonly signer: TokenSigner;
  /** The server's own audiences, which tokens without any are for. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
  /** Told that the token in a Secret was used on a day that its label does not say yet (YYYY-MM-DD, UTC). */
  legacyTokenUsed?(namespace: string, secret: string, day: string): void;
}
interface Secret extends KubeObject {
  type?: string;
  data?: { token?: string };
}
/** What is being deleted may be used for so long, for clocks and caches that lag. */
const leewayMs = 60_000;
const refused = { error: 'invalid bearer token' };
const invalidated = { error: 'service account token has been invalidated' };
const lastUsed = 'kubernetes.io/legacy-token-last-used';
const invalidSince = 'kubernetes.io/legacy-token-invalid-since';

/** Tokens that this server signed, as long as the account, and what they are bound to, live under the same uid. */
export function serviceAccountTokens(options: ServiceAccountTokenOptions): TokenAuthenticator {
  const { signer, clock } = options;
  let reader: ObjectReader | undefined;
  const cache = new Map<string, Claims>();
  const claimsOf = (token: string): Claims | undefined => {
    const known = cache.get(token);
    if (known) return known.exp * 1000 > clock.now() ? known : undefined;
    const claims = signer.verify(token, clock.now());
    if (!claims) return undefined;
    if (cache.size >= 10_000) cache.clear();
    cache.set(token, claims);
    return claims;
  };
  return {
    name: 'service-account',
    start: (given) => void (reader = given),
    review(token, audiences) {
      if (!reader) return undefined;
      const known = cache.has(token);
      const issuer = known ? signer.issuer : parseJwt(token)?.claims['iss'];
      if (issuer === legacyIssuer) return reviewLegacy(options, reader, token, audiences);
      if (issuer !== signer.issuer) return undefined;
      const claims = claimsOf(token);
      return claims ? reviewBound(claims, reader, audiences, clock.now()) : refused;
    },
  };
}

function reviewBound(claims: Claims, reader: ObjectReader, wanted: readonly string[], now: number): TokenVerdict {
  const audiences = wanted.filter((audience) => claims.aud.includes(audience));
  if (audiences.length === 0) return { error: `token audiences ${JSON.stringify(claims.aud)} is invalid for the target audiences ${JSON.stringify(wanted)}` };
  const bound = claims['kubernetes.io'];
  if (!bound?.serviceaccount) return refused;
  const { namespace, serviceaccount, pod, secret, node } = bound;
  const lives = (plural: string, where: string | undefined, ref: BoundRef | undefined): boolean =>
    !ref || isAlive(reader.get('', plural, where, ref.name), ref, now);
  if (!lives('serviceaccounts', namespace, serviceaccount) || !lives('pods', namespace, pod) || !lives('secrets', namespace, secret)) return invalidated;
  // A pod's token dies with the pod; only a token bound to the node itself asks for the node.
  if (!pod && !lives('nodes', undefined, node)) return invalidated;
  const extra: Record<string, string[]> = {};
  if (claims.jti) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.jti}`];
  if (node) Object.assign(extra, named('node', node));
  if (pod) Object.assign(extra, named('pod', pod));
  return { user: accountUser(namespace, serviceaccount, extra), audiences };
}
function named(what: string, { name, uid }: BoundRef): Record<string, string[]> {
  return { [`authentication.kubernetes.io/${what}-name`]: [name], ...(uid ? { [`authentication.kubernetes.io/${what}-uid`]: [uid] } : {}) };
}
function isAlive(object: KubeObject | undefined, ref: BoundRef, now: number): boolean {
  const { uid, deletionTimestamp } = object?.metadata ?? {};
  return uid === ref.uid && uid !== undefined && (deletionTimestamp === undefined || Date.parse(deletionTimestamp) >= now - leewayMs);
}
function accountUser(namespace: string, { name, uid }: BoundRef, extra: Record<string, string[]>): UserInfo {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/** The token in a Secret of type kubernetes.io/service-account-token: good for as long as the Secret holds it. */
function reviewLegacy(
  { signer, audiences: own, clock, legacyTokenUsed }: ServiceAccountTokenOptions,
  reader: ObjectReader,
  token: string,
  audiences: readonly string[],
): TokenVerdict {
  const claims = signer.verifyLegacy(token);
  if (!claims) return refused;
  const secret: Secret | undefined = reader.get('', 'secrets', claims.namespace, claims.secret);
  if (!secret || !holds(secret, token, clock.now())) return invalidated;
  if (!isAlive(reader.get('', 'serviceaccounts', claims.namespace, claims.serviceaccount.name), claims.serviceaccount, clock.now())) return invalidated;
  noteUse(claims, secret, new Date(clock.now()).toISOString().slice(0, 10), legacyTokenUsed);
  return forServer(accountUser(claims.namespace, claims.serviceaccount, {}), audiences, own);
}
function holds({ metadata, data }: Secret, token: string, now: number): boolean {
  if (metadata?.labels?.[invalidSince] !== undefined) return false;
  if (metadata?.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < now - leewayMs) return false;
  const held = Buffer.from(data?.token ?? '', 'base64');
  const shown = Buffer.from(token);
  return held.length === shown.length && timingSafeEqual(held, shown);
}
function noteUse({ namespace, secret: name }: LegacyClaims, { metadata }: Secret, day: string, tell: ServiceAccountTokenOptions['legacyTokenUsed']): void {
  if (metadata?.labels?.[lastUsed] !== day) tell?.(namespace, name, day);
}
