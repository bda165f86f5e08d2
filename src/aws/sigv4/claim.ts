import { headersOf, queryPairs, SignatureError, splitUrl, type WireRequest } from './request.ts';

/** What a request says of its signature. Nothing of it is proved yet. */
export interface Claim {
  readonly version: 4;
  readonly accessKeyId: string;
  /** YYYYMMDD, region, service of the credential scope. */
  readonly scopeDate: string;
  readonly region: string;
  readonly service: string;
  /** YYYYMMDDTHHMMSSZ. */
  readonly date: string;
  /** ms since the epoch. */
  readonly time: number;
  /** In lower case, sorted. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
  /** Of a presigned URL: how long it holds, s. */
  readonly expires: number | undefined;
}

const algorithm = 'AWS4-HMAC-SHA256';
/** How long a presigned URL may hold, s. */
export const longestPresigned = 604_800;

/** Reads the signature of a request: of its Authorization header, or of a presigned URL. Throws SignatureError. */
export function readClaim(request: WireRequest): Claim {
  const headers = headersOf(request.rawHeaders);
  const pairs = queryPairs(splitUrl(request.url).query);
  refuseAmbiguous(pairs);
  const authorization = headers.get('authorization');
  const presigned = pairs.some(([name]) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature');
  if (authorization && presigned) throw new SignatureError('incomplete', 'Only one auth mechanism allowed: a header or a presigned URL');
  if (presigned) return fromQuery(new Map(pairs), headers);
  if (!authorization) throw new SignatureError('missing', 'Request is missing Authentication Token');
  if (authorization.length > 1) throw new SignatureError('incomplete', 'Authorization header is given more than once');
  return fromHeader(authorization[0] as string, headers);
}

/** Two readings of one query would let a signature cover one and the server act on the other. */
function refuseAmbiguous(pairs: readonly [string, string][]): void {
  const seen = new Set<string>();
  for (const [name] of pairs) {
    const lower = name.toLowerCase();
    if (!lower.startsWith('x-amz-')) continue;
    if (seen.has(lower)) throw new SignatureError('incomplete', `Query parameter ${name} is given more than once`);
    seen.add(lower);
    const spelling = spellings.get(lower);
    if (spelling !== undefined && spelling !== name) throw new SignatureError('incomplete', `Query parameter ${name} must be written ${spelling}`);
  }
}
const spellings = new Map(
  ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature', 'X-Amz-Security-Token'].map((name) => [
    name.toLowerCase(),
    name,
  ]),
);
function fromHeader(authorization: string, headers: ReadonlyMap<string, readonly string[]>): Claim {
  const space = authorization.indexOf(' ');
  if (authorization.slice(0, space) !== algorithm) throw new SignatureError('incomplete', `Authorization header must begin with '${algorithm}'`);
  const fields = new Map<string, string>();
  for (const part of authorization.slice(space + 1).split(',')) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim();
    if (equals < 0 || fields.has(name)) throw new SignatureError('incomplete', 'Authorization header is malformed');
    fields.set(name, part.slice(equals + 1).trim());
  }
  const need = (name: string): string => {
    const value = fields.get(name);
    if (!value) throw new SignatureError('incomplete', `Authorization header requires '${name}' parameter.`);
    return value;
  };
  const date = single(headers, 'x-amz-date') ?? fromHttpDate(single(headers, 'date'));
  if (date === undefined) throw new SignatureError('incomplete', "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  return build(need('Credential'), date, need('SignedHeaders'), need('Signature'), single(headers, 'x-amz-security-token'), undefined);
}

function fromQuery(query: ReadonlyMap<string, string>, headers: ReadonlyMap<string, readonly string[]>): Claim {
  const need = (name: string): string => {
    const value = query.get(name);
    if (!value) throw new SignatureError('incomplete', `A presigned URL requires the query parameter ${name}.`);
    return value;
  };
  if (need('X-Amz-Algorithm') !== algorithm) throw new SignatureError('incomplete', `X-Amz-Algorithm only supports "${algorithm}"`);
  const expires = Number(need('X-Amz-Expires'));
  if (!Number.isInteger(expires) || expires < 1 || expires > longestPresigned)
    throw new SignatureError('incomplete', 'X-Amz-Expires must be a number of seconds from 1 to 604800');
  const token = query.get('X-Amz-Security-Token') ?? single(headers, 'x-amz-security-token');
  return build(need('X-Amz-Credential'), need('X-Amz-Date'), need('X-Amz-SignedHeaders'), need('X-Amz-Signature'), token, expires);
}

function build(credential: string, date: string, signed: string, signature: string, sessionToken: string | undefined, expires: number | undefined): Claim {
  const parts = credential.split('/');
  const [service, end] = [parts.at(-2), parts.at(-1)];
  const accessKeyId = parts.slice(0, -4).join('/');
  const [scopeDate, region] = [parts.at(-4), parts.at(-3)];
  if (parts.length < 5 || end !== 'aws4_request' || !accessKeyId || !region || !service) {
    throw new SignatureError('incomplete', 'Credential must have the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request');
  }
  const time = parseDate(date);
  if (scopeDate !== date.slice(0, 8))
    throw new SignatureError(
      'incomplete',
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scopeDate}' != '${date.slice(0, 8)}'`,
    );
  const signedHeaders = signed.split(';');
  if (signedHeaders.some((name) => name !== name.toLowerCase() || name === '') || new Set(signedHeaders).size !== signedHeaders.length) {
    throw new SignatureError('incomplete', 'SignedHeaders must be lower-case names, each once');
  }
  if (!/^[0-9a-f]{64}$/.test(signature)) throw new SignatureError('mismatch', mismatch);
  return { version: 4, accessKeyId, scopeDate, region, service, date, time, signedHeaders: signedHeaders.toSorted(), signature, sessionToken, expires };
}

export const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

function parseDate(text: string): number {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  const time = match ? Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`) : Number.NaN;
  if (Number.isNaN(time)) throw new SignatureError('incomplete', `Date must be in ISO-8601 'basic format'. Got '${text}'.`);
  return time;
}
/** `Date` of HTTP as the basic format of ISO 8601. */
function fromHttpDate(text: string | undefined): string | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
}
function single(headers: ReadonlyMap<string, readonly string[]>, name: string): string | undefined {
  const values = headers.get(name);
  if (values && values.length > 1) throw new SignatureError('incomplete', `Header ${name} is given more than once`);
  return values?.[0];
}
