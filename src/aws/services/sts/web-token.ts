import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';

/** What a token says. Nothing of it holds before `verifyToken` gave it back. */
export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since the epoch. */
  readonly exp: number;
  readonly nbf: number;
  readonly other: Readonly<Record<string, unknown>>;
}
export interface ParsedToken {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  readonly claims: Claims;
  readonly signed: Buffer;
  readonly signature: Buffer;
}
type Fields = Readonly<Record<string, unknown>>;

/** Reads a JWT; undefined when it is none. */
export function parseToken(token: string): ParsedToken | undefined {
  const parts = token.split('.');
  const [head = '', body = '', signature = ''] = parts;
  if (parts.length !== 3 || !parts.every((part) => /^[\w-]+$/.test(part))) return undefined;
  const [header, claims] = [json(head), json(body)];
  if (!header || !claims) return undefined;
  const { iss, sub, aud, exp, nbf, ...other } = claims;
  if (typeof iss !== 'string' || typeof sub !== 'string' || typeof exp !== 'number' || typeof header['alg'] !== 'string') return undefined;
  const audiences = (Array.isArray(aud) ? aud : [aud]).filter((one) => typeof one === 'string');
  return {
    algorithm: header['alg'],
    keyId: typeof header['kid'] === 'string' ? header['kid'] : undefined,
    claims: { iss, sub, aud: audiences, exp, nbf: typeof nbf === 'number' ? nbf : 0, other },
    signed: Buffer.from(`${head}.${body}`),
    signature: Buffer.from(signature, 'base64url'),
  };
}
function json(part: string): Fields | undefined {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** Signatures of the algorithms that AWS takes; `none` and shared secrets are not among them. */
const algorithms: Readonly<Record<string, { hash: string; type: 'rsa' | 'ec' }>> = {
  RS256: { hash: 'sha256', type: 'rsa' },
  RS384: { hash: 'sha384', type: 'rsa' },
  RS512: { hash: 'sha512', type: 'rsa' },
  ES256: { hash: 'sha256', type: 'ec' },
  ES384: { hash: 'sha384', type: 'ec' },
  ES512: { hash: 'sha512', type: 'ec' },
};

/** Proves a token with the keys of its issuer. Throws AwsError. */
export async function verifyToken(token: ParsedToken, call: Pick<Call, 'issuerKeys' | 'clock'>): Promise<Claims> {
  const algorithm = Object.hasOwn(algorithms, token.algorithm) ? algorithms[token.algorithm] : undefined;
  if (!algorithm) throw new AwsError('InvalidIdentityToken', 'Unsupported signing algorithm');
  const keys = await call.issuerKeys(token.claims.iss).catch(() => {
    throw new AwsError(
      'IDPCommunicationError',
      `Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements`,
    );
  });
  const candidates = keys.filter(({ kid }) => token.keyId === undefined || kid === undefined || kid === token.keyId);
  if (!candidates.some((key) => holds(token, key, algorithm)))
    throw new AwsError('InvalidIdentityToken', "Couldn't verify the signature of the token with the keys of its issuer");
  const now = call.clock.now() / 1000;
  if (token.claims.exp <= now) throw new AwsError('ExpiredTokenException', 'Token expired');
  if (token.claims.nbf > now + 60) throw new AwsError('InvalidIdentityToken', 'Token is not yet valid');
  return token.claims;
}

function holds({ signed, signature }: ParsedToken, jwk: JsonWebKey, { hash, type }: { hash: string; type: 'rsa' | 'ec' }): boolean {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    if (key.asymmetricKeyType !== type) return false;
    return verify(hash, signed, type === 'ec' ? { key, dsaEncoding: 'ieee-p1363' } : key, signature);
  } catch {
    return false;
  }
}
