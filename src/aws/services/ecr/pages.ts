import { invalidParameter } from './errors.ts';

export interface Paged {
  readonly nextToken?: string | undefined;
  readonly maxResults?: number | undefined;
}
/**
 * A page of a list whose items have distinct keys in order. The token is the last key that was given: what comes and
 * goes in between neither repeats nor hides others.
 */
export function page<T>(items: readonly T[], keyOf: (item: T) => string, { nextToken, maxResults = 100 }: Paged): { items: T[]; nextToken?: string } {
  const after = nextToken === undefined ? undefined : decode(nextToken);
  const start = after === undefined ? 0 : items.findIndex((item) => keyOf(item) === after) + 1 || items.findIndex((item) => keyOf(item) > after);
  const from = start < 0 ? items.length : start;
  const found = items.slice(from, from + maxResults);
  const last = found.at(-1);
  return last !== undefined && from + maxResults < items.length ? { items: found, nextToken: encode(keyOf(last)) } : { items: found };
}
const encode = (key: string): string => Buffer.from(JSON.stringify({ after: key })).toString('base64');
function decode(token: string): string {
  try {
    const { after } = JSON.parse(Buffer.from(token, 'base64').toString('utf8')) as { after: unknown };
    if (typeof after === 'string') return after;
  } catch {
    // Refused below.
  }
  throw invalidParameter('nextToken', 'Invalid pagination token');
}
