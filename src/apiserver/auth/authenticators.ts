import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import type { Clock } from '#base';
import type { UserInfo } from '#machinery';
import type { Claims, TokenSigner } from '../pki/jwt.ts';
import { subjectOf, verifyClient } from '../pki/x509.ts';
import type { Authenticator, ObjectReader } from '../types.ts';

export const anonymous: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
const withAuthenticated = (groups: readonly string[]): string[] =>
  groups.includes('system:authenticated') ? [...groups] : [...groups, 'system:authenticated'];

/** Client certificates of one CA: CN is the user, O are the groups. Anyone else's certificate is refused. */
export function certificateAuthenticator(caPem: string, clock: Clock): Authenticator {
  const ca = new X509Certificate(caPem);
  // Connections hand in the same buffer with each request, so a certificate is parsed and verified once.
  const seen = new WeakMap<Buffer, { user: UserInfo; until: number } | false>();
  const examine = (certificate: Buffer): { user: UserInfo; until: number } | false => {
    const parsed = parse(certificate);
    if (!parsed || verifyClient(parsed, ca, clock.now()) !== 'ok') return false;
    const { commonName, organizations = [] } = subjectOf(parsed);
    return commonName !== '' && { user: { username: commonName, groups: withAuthenticated(organizations) }, until: Date.parse(parsed.validTo) };
  };
  return {
    name: 'x509',
    authenticate({ certificate }) {
      if (!certificate) return undefined;
      let known = seen.get(certificate);
      if (known === undefined) seen.set(certificate, (known = examine(certificate)));
      return known && known.until > clock.now() && known.user;
    },
  };
}
function parse(certificate: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

export function bearer(authorization: string | undefined): string | undefined {
  const match = authorization && /^bearer +(\S+)\s*$/i.exec(authorization);
  return match ? match[1] : undefined;
}

/** A fixed list of tokens; compared by digest in constant time. */
export function tokenAuthenticator(tokens: readonly { token: string; user: UserInfo }[]): Authenticator {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const known = tokens.map(({ token, user }) => ({ digest: digest(token), user: { ...user, groups: withAuthenticated(user.groups) } }));
  return {
    name: 'token',
    authenticate({ authorization }) {
      const token = bearer(authorization);
      if (!token || known.length === 0) return undefined;
      const hash = digest(token);
      return known.find((entry) => timingSafeEqual(entry.digest, hash))?.user;
    },
  };
}

/** Service-account tokens that this server signed, as long as the account (and the pod they are bound to) lives under the same uid. */
export function serviceAccountAuthenticator(
  signer: TokenSigner,
  audiences: readonly string[],
  clock: Clock,
): Authenticator & { review(token: string, audiences?: readonly string[]): UserInfo | undefined } {
  let reader: ObjectReader | undefined;
  const verified = new Map<string, Claims>();
  const claimsOf = (token: string): Claims | undefined => {
    const known = verified.get(token);
    if (known) return known.exp * 1000 > clock.now() ? known : undefined;
    const claims = signer.verify(token, clock.now());
    if (!claims) return undefined;
    if (verified.size >= 10_000) verified.clear();
    verified.set(token, claims);
    return claims;
  };
  const review = (token: string, wanted: readonly string[] = audiences): UserInfo | undefined => {
    const claims = claimsOf(token);
    return claims && reader && claims.aud.some((audience) => wanted.includes(audience)) ? holder(claims, reader) : undefined;
  };
  return {
    name: 'service-account',
    review,
    start(given) {
      reader = given;
    },
    authenticate({ authorization }) {
      const token = bearer(authorization);
      if (!token) return undefined;
      return review(token) ?? false;
    },
  };
}

function holder(claims: Claims, reader: ObjectReader): UserInfo | undefined {
  const bound = claims['kubernetes.io'];
  if (!bound) return undefined;
  const { namespace, serviceaccount, pod, secret } = bound;
  const lives = (plural: string, ref: { name: string; uid: string } | undefined): boolean =>
    !ref || reader.get('', plural, namespace, ref.name)?.metadata?.uid === ref.uid;
  if (!lives('serviceaccounts', serviceaccount) || !lives('pods', pod) || !lives('secrets', secret)) return undefined;
  const extra: Record<string, string[]> = {};
  if (claims.jti) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.jti}`];
  if (pod) Object.assign(extra, { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] });
  if (bound.node)
    Object.assign(extra, { 'authentication.kubernetes.io/node-name': [bound.node.name], 'authentication.kubernetes.io/node-uid': [bound.node.uid] });
  return {
    username: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra,
  };
}
