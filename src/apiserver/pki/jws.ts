import { verify, type KeyObject } from 'node:crypto';

/** A JSON Web Token taken apart (RFC 7515, compact form). Nothing of it is to be trusted before `verifyJwt`. */
export interface Jwt {
  readonly header: { readonly alg?: unknown; readonly kid?: unknown };
  readonly claims: { readonly [name: string]: unknown };
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Undefined when the text is no JWT. */
export function parseJwt(token: string): Jwt | undefined {
  const parts = token.split('.');
  const [header, body, signature] = parts;
  if (parts.length !== 3 || !header || !body || !signature) return undefined;
  const parsedHeader = decode(header);
  const claims = decode(body);
  if (!parsedHeader || !claims) return undefined;
  return { header: parsedHeader, claims, signed: Buffer.from(`${header}.${body}`), signature: Buffer.from(signature, 'base64url') };
}

const hashes: Readonly<Record<string, string>> = {
  RS256: 'sha256',
  RS384: 'sha384',
  RS512: 'sha512',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
};
/** The curve that each ES algorithm is defined with (RFC 7518, 3.4). */
const curves: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };
export const signatureAlgorithms: readonly string[] = Object.keys(hashes);

/** What a key signs with by default; undefined for keys that sign no JWT. */
export function algorithmOf(key: KeyObject): string | undefined {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  return key.asymmetricKeyType === 'ec' ? curves[key.asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
}

/** Whether `key` made the signature with the algorithm that the header names; a key of another sort never did. */
export function verifyJwt({ header, signed, signature }: Jwt, key: KeyObject): boolean {
  const { alg } = header;
  const hash = typeof alg === 'string' ? hashes[alg] : undefined;
  if (!hash || typeof alg !== 'string') return false;
  if (alg.startsWith('RS')) return key.asymmetricKeyType === 'rsa' && verify(hash, signed, key, signature);
  return algorithmOf(key) === alg && verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

function decode(text: string): { [name: string]: unknown } | undefined {
  try {
    const value = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as { [name: string]: unknown }) : undefined;
  } catch {
    return undefined;
  }
}
