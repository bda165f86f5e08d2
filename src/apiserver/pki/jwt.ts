import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { algorithmOf, parseJwt, verifyJwt, type Jwt } from './jws.ts';

export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since the epoch. */
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti?: string;
  readonly 'kubernetes.io'?: KubernetesClaims;
}
export interface BoundRef {
  readonly name: string;
  readonly uid: string;
}
/** Private claims of a bound service-account token. */
export interface KubernetesClaims {
  readonly namespace: string;
  readonly serviceaccount: BoundRef;
  readonly pod?: BoundRef;
  readonly secret?: BoundRef;
  readonly node?: BoundRef;
  readonly warnafter?: number;
}
export const legacyIssuer = 'kubernetes/serviceaccount';
/** What the token of a Secret says: whom it is for, and the Secret without which it is worth nothing. It never expires. */
export interface LegacyClaims {
  readonly namespace: string;
  readonly secret: string;
  readonly serviceaccount: BoundRef;
}

interface VerifyKey {
  readonly id: string;
  readonly key: KeyObject;
  readonly algorithm: string;
}

/**
 * Signs service-account tokens (JSON Web Tokens, RFC 7519) with one key, ES256 or RS256 as the key is, and verifies
 * those of that key and of others that were used before or will be used next.
 */
export class TokenSigner {
  readonly issuer: string;
  readonly #private: KeyObject;
  readonly #own: VerifyKey;
  readonly #keys: readonly VerifyKey[];
  /** PEM. `others` may be private or public keys. Throws an Error on what is none. */
  constructor(keyPem: string, issuer: string, others: readonly string[] = []) {
    this.issuer = issuer;
    this.#private = createPrivateKey(keyPem);
    this.#own = verifyKey(createPublicKey(this.#private));
    const more = others.map((pem) => verifyKey(createPublicKey(pem))).filter(({ id }) => id !== this.#own.id);
    this.#keys = [this.#own, ...more];
  }
  sign(claims: Claims): string {
    return this.#sign(claims);
  }
  signLegacy({ namespace, secret, serviceaccount: { name, uid } }: LegacyClaims): string {
    const field = 'kubernetes.io/serviceaccount';
    return this.#sign({
      iss: legacyIssuer,
      [`${field}/namespace`]: namespace,
      [`${field}/secret.name`]: secret,
      [`${field}/service-account.name`]: name,
      [`${field}/service-account.uid`]: uid,
      sub: `system:serviceaccount:${namespace}:${name}`,
    });
  }
  #sign(claims: unknown): string {
    const { id, algorithm } = this.#own;
    const body = `${encode({ alg: algorithm, kid: id })}.${encode(claims)}`;
    const options = algorithm === 'ES256' ? { key: this.#private, dsaEncoding: 'ieee-p1363' as const } : this.#private;
    return `${body}.${sign('sha256', Buffer.from(body), options).toString('base64url')}`;
  }
  /** The claims when one of the keys signed them and the times hold at `now` (ms); undefined otherwise. */
  verify(token: string, now: number): Claims | undefined {
    const jwt = parseJwt(token);
    const claims = jwt && this.#signed(jwt) ? (jwt.claims as unknown as Claims) : undefined;
    if (!claims || claims.iss !== this.issuer || !Array.isArray(claims.aud)) return undefined;
    if (typeof claims.exp !== 'number' || claims.exp * 1000 <= now) return undefined;
    return typeof claims.nbf === 'number' && claims.nbf * 1000 > now + 60_000 ? undefined : claims;
  }
  verifyLegacy(token: string): LegacyClaims | undefined {
    const jwt = parseJwt(token);
    if (!jwt || jwt.claims['iss'] !== legacyIssuer || !this.#signed(jwt)) return undefined;
    const text = (name: string): string => {
      const value = jwt.claims[`kubernetes.io/serviceaccount/${name}`];
      return typeof value === 'string' ? value : '';
    };
    return {
      namespace: text('namespace'),
      secret: text('secret.name'),
      serviceaccount: { name: text('service-account.name'), uid: text('service-account.uid') },
    };
  }
  #signed(jwt: Jwt): boolean {
    const { kid } = jwt.header;
    const candidates = kid === undefined ? this.#keys : this.#keys.filter(({ id }) => id === kid);
    return candidates.some(({ key, algorithm }) => jwt.header.alg === algorithm && verifyJwt(jwt, key));
  }
  get algorithms(): string[] {
    return [...new Set(this.#keys.map(({ algorithm }) => algorithm))].toSorted();
  }
  /** The JSON Web Key Set of /openid/v1/jwks. */
  jwks(): { keys: Record<string, unknown>[] } {
    return { keys: this.#keys.map(({ id, key, algorithm }) => ({ use: 'sig', kid: id, alg: algorithm, ...key.export({ format: 'jwk' }) })) };
  }
}

function verifyKey(key: KeyObject): VerifyKey {
  const algorithm = algorithmOf(key);
  if (algorithm !== 'ES256' && algorithm !== 'RS256') throw new Error('service-account keys must be RSA or EC P-256');
  const id = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  return { id, key, algorithm };
}
function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
