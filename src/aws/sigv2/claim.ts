import { headersOf, queryPairs, SignatureError, splitUrl, type WireRequest } from '../sigv4/request.ts';
import { subresources } from './resource.ts';

/** What a URL that was presigned with version 2 says of its signature. Nothing of it is proved yet. Only S3 takes it. */
export interface QueryClaim {
  readonly version: 2;
  readonly accessKeyId: string;
  readonly service: 's3';
  /** Version 2 knows no regions: the one of S3 where nobody names another. */
  readonly region: 'us-east-1';
  readonly signature: string;
  /** Until when it holds, s since the epoch. */
  readonly expires: number;
  readonly sessionToken: string | undefined;
}

/**
 * Whether a query is signed with version 2 as S3 has it. The query APIs had a version 2 of their own, which names itself in
 * SignatureVersion and is not taken here.
 */
export function isQuerySigned(query: string, otherwise: boolean): boolean {
  if (!/(?:^|&)(?:AWSAccessKeyId|Signature)(?:=|&|$)/i.test(query) || /(?:^|&)SignatureVersion=/.test(query)) return false;
  return !otherwise || /(?:^|&)AWSAccessKeyId(?:=|&|$)/i.test(query);
}

/**
 * The headers with those that the query stands in for: clients sign x-amz- parameters as headers, so they are read as such.
 * Throws SignatureError.
 */
export function withQueryHeaders(request: WireRequest): readonly string[] {
  const headers = headersOf(request.rawHeaders);
  const added: string[] = [];
  for (const [name, value] of queryPairs(splitUrl(request.url).query)) {
    if (!name.startsWith('x-amz-')) continue;
    // A line break would make two headers of one in the string to sign.
    // oxlint-disable-next-line no-control-regex -- control characters are what a header must not carry
    if (!/^[!-9;-~]+$/.test(name) || /[\0-\x1f\x7f]/.test(value)) refuse(`Query parameter ${JSON.stringify(name)} is not a header`);
    const given = headers.get(name);
    if (given === undefined) added.push(name, value);
    else if (given.join(',').trim() !== value.trim()) refuse(`${name} is given as a header and as another query parameter`);
  }
  return added.length === 0 ? request.rawHeaders : [...request.rawHeaders, ...added];
}

/** Reads the claim of a request, whose headers include those of its query. Throws SignatureError. */
export function readQueryClaim(request: WireRequest): QueryClaim {
  const headers = headersOf(request.rawHeaders);
  const pairs = queryPairs(splitUrl(request.url).query);
  const query = new Map(pairs);
  if (headers.has('authorization') || query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature')) {
    throw new SignatureError('incomplete', 'Only one auth mechanism allowed: a header or a presigned URL');
  }
  refuseAmbiguous(pairs);
  const [accessKeyId, signature, expires] = [query.get('AWSAccessKeyId'), query.get('Signature'), query.get('Expires')];
  if (!accessKeyId || !signature || !expires) refuse('Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters');
  if (!/^(?:0|[1-9]\d{0,14})$/.test(expires)) refuse(`Invalid date (should be seconds since epoch): ${expires}`);
  const tokens = headers.get('x-amz-security-token');
  if (tokens && tokens.length > 1) refuse('x-amz-security-token is given more than once');
  return { version: 2, accessKeyId, service: 's3', region: 'us-east-1', signature, expires: Number(expires), sessionToken: tokens?.[0] };
}

/** Two readings of one query would let a signature cover one and the server act on the other. */
function refuseAmbiguous(pairs: readonly [string, string][]): void {
  const seen = new Set<string>();
  for (const [name] of pairs) {
    const lower = name.toLowerCase();
    if (seen.has(lower)) refuse(`Query parameter ${name} is given more than once`);
    seen.add(lower);
    // Readers of queries drop a question mark in front.
    if (name.startsWith('?')) refuse('The query begins with a second question mark');
    const spelling = spellings.get(lower) ?? (lower.startsWith('x-amz-') ? lower : name);
    if (spelling !== name) refuse(`Query parameter ${name} must be written ${spelling}`);
  }
}
const spellings = new Map(['AWSAccessKeyId', 'Signature', 'Expires', ...subresources].map((name) => [name.toLowerCase(), name]));

function refuse(message: string): never {
  throw new SignatureError('presigned', message);
}
