import { createHash } from 'node:crypto';
import { queryPairs } from './request.ts';

/** Percent-encodes all but the unreserved characters of RFC 3986. */
export const uriEncode = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * The path of a canonical request. S3 signs it encoded once, everything else encodes what was sent once more and
 * drops dot segments and double slashes first (Signature Version 4, creating a canonical request).
 */
export function canonicalPath(path: string, service: string): string {
  if (service === 's3') return path === '' ? '/' : path.split('/').map(reencode).join('/');
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(uriEncode(segment));
  }
  const end = /(?:^|\/)\.{0,2}$/.test(path) && kept.length > 0 ? '/' : '';
  return `/${kept.join('/')}${end}`;
}
function reencode(segment: string): string {
  try {
    return uriEncode(decodeURIComponent(segment));
  } catch {
    return segment;
  }
}

/** The query of a canonical request, without the signature itself. */
export function canonicalQuery(query: string): string {
  return queryPairs(query)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .toSorted(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export interface CanonicalParts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly service: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** In lower case, sorted. */
  readonly signedHeaders: readonly string[];
  /** SHA-256 of the body, or the word that stands for it. */
  readonly payloadHash: string;
}

export function canonicalRequest(parts: CanonicalParts): string {
  const headers = parts.signedHeaders.map((name) => `${name}:${(parts.headers.get(name) ?? []).map(tidy).join(',')}\n`).join('');
  return [parts.method, canonicalPath(parts.path, parts.service), canonicalQuery(parts.query), headers, parts.signedHeaders.join(';'), parts.payloadHash].join(
    '\n',
  );
}
const tidy = (value: string): string => value.trim().replaceAll(/ +/g, ' ');

export const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
