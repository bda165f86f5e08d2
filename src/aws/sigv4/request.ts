/** A request as it came over the wire: nothing decoded, nothing merged. */
export interface WireRequest {
  readonly method: string;
  /** Path and query, percent-encoded as they were sent. */
  readonly url: string;
  /** Names and values in turn, as Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[];
}

/** Why a signature does not pass. Each protocol has its own code for each of these. */
export type SignatureProblem =
  | 'missing' // no credentials at all
  | 'incomplete' // something is lacking or malformed
  | 'expired' // too old
  | 'presigned' // a URL past its end, or of version 2 and unfit
  | 'early' // from the future
  | 'mismatch' // not signed with that key, or changed since
  | 'payload'; // the body is not what was signed

export class SignatureError extends Error {
  readonly problem: SignatureProblem;
  constructor(problem: SignatureProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

export function splitUrl(url: string): { path: string; query: string } {
  const mark = url.indexOf('?');
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

const known = new WeakMap<readonly string[], ReadonlyMap<string, readonly string[]>>();
/** Headers by lower-case name, values in the order they came. Every step of a request asks for them: they are read once. */
export function headersOf(rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  let headers = known.get(rawHeaders);
  if (!headers) known.set(rawHeaders, (headers = readHeaders(rawHeaders)));
  return headers;
}
function readHeaders(rawHeaders: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const values = headers.get(name);
    if (values) values.push(rawHeaders[i + 1] as string);
    else headers.set(name, [rawHeaders[i + 1] as string]);
  }
  return headers;
}

/** Decoded pairs of a query in the order they came. Throws SignatureError on broken percent-encoding. */
export function queryPairs(query: string): [string, string][] {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
    });
}
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new SignatureError('incomplete', 'the query is not valid percent-encoding');
  }
}
