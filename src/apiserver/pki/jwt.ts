import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

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

/** Signs and verifies ES256 JSON Web Tokens (RFC 7515, RFC 7518 3.4) with one key. */
export class TokenSigner {
  readonly issuer: string;
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  readonly #keyId: string;
  constructor(keyPem: string, issuer: string) {
    this.issuer = issuer;
    this.#private = createPrivateKey(keyPem);
    this.#public = createPublicKey(this.#private);
    this.#keyId = createHash('sha256')
      .update(this.#public.export({ type: 'spki', format: 'der' }))
      .digest('base64url');
  }
  sign(claims: Claims): string {
    const body = `${encode({ alg: 'ES256', kid: this.#keyId })}.${encode(claims)}`;
    return `${body}.${sign('sha256', Buffer.from(body), { key: this.#private, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  }
  /** The claims when the signature and the times hold at `now` (ms); undefined otherwise. */
  verify(token: string, now: number): Claims | undefined {
    const parts = token.split('.');
    const [header, body, signature] = parts;
    if (parts.length !== 3 || !header || !body || !signature) return undefined;
    const parsed: { alg?: unknown } | undefined = decode(header);
    if (parsed?.alg !== 'ES256') return undefined;
    if (!verify('sha256', Buffer.from(`${header}.${body}`), { key: this.#public, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
      return undefined;
    const claims = decode(body) as Claims | undefined;
    if (!claims || claims.iss !== this.issuer || typeof claims.exp !== 'number' || claims.exp * 1000 <= now) return undefined;
    return typeof claims.nbf === 'number' && claims.nbf * 1000 > now + 60_000 ? undefined : claims;
  }
  /** The JSON Web Key Set of /openid/v1/jwks. */
  jwks(): { keys: Record<string, unknown>[] } {
    return { keys: [{ use: 'sig', kid: this.#keyId, alg: 'ES256', ...this.#public.export({ format: 'jwk' }) }] };
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
function decode(text: string): object | undefined {
  try {
    const value = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
