import { ObjectsError } from '#objects';
import { malformedXml } from './setting.ts';

export interface CorsRule {
  readonly ID?: string | undefined;
  readonly AllowedMethods?: readonly string[] | undefined;
  readonly AllowedOrigins?: readonly string[] | undefined;
  readonly AllowedHeaders?: readonly string[] | undefined;
  readonly ExposeHeaders?: readonly string[] | undefined;
  readonly MaxAgeSeconds?: number | undefined;
}
export interface CorsConfiguration {
  readonly CORSRules?: readonly CorsRule[] | undefined;
}
const methods = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];

export function takeCors(value: CorsConfiguration): CorsConfiguration {
  const { CORSRules = [] } = value;
  if (CORSRules.length === 0 || CORSRules.length > 100) throw malformedXml();
  for (const { AllowedMethods = [], AllowedOrigins = [], AllowedHeaders = [] } of CORSRules) {
    if (AllowedMethods.length === 0 || AllowedOrigins.length === 0) throw malformedXml();
    const bad = AllowedMethods.find((one) => !methods.includes(one));
    if (bad !== undefined) throw new ObjectsError('InvalidRequest', `Found unsupported HTTP method in CORS config. Unsupported method is ${bad}`);
    for (const [name, list] of Object.entries({ AllowedOrigin: AllowedOrigins, AllowedHeader: AllowedHeaders })) {
      const wild = list.find((one) => one.split('*').length > 2);
      if (wild !== undefined) throw new ObjectsError('InvalidRequest', `${name} "${wild}" can not have more than one wildcard.`);
    }
  }
  return value;
}

export interface CorsRequest {
  readonly origin: string;
  readonly method: string;
  /** Headers that a preflight asks for, in lower case. */
  readonly headers: readonly string[];
}

const wildcard = (pattern: string, text: string): boolean => {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === text;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
};

/** Headers by which a browser lets a page have the answer: of the first rule that allows it all; undefined: none does. */
export function corsHeaders(rules: readonly CorsRule[], { origin, method, headers }: CorsRequest): Record<string, string> | undefined {
  for (const rule of rules) {
    const allowed = rule.AllowedOrigins?.find((one) => wildcard(one, origin));
    if (allowed === undefined || rule.AllowedMethods?.includes(method) !== true) continue;
    if (!headers.every((name) => rule.AllowedHeaders?.some((one) => wildcard(one.toLowerCase(), name)))) continue;
    return {
      'access-control-allow-origin': allowed === '*' ? '*' : origin,
      'access-control-allow-methods': rule.AllowedMethods.join(', '),
      ...(headers.length > 0 ? { 'access-control-allow-headers': headers.join(', ') } : {}),
      ...(rule.ExposeHeaders?.length ? { 'access-control-expose-headers': rule.ExposeHeaders.join(', ') } : {}),
      ...(rule.MaxAgeSeconds === undefined ? {} : { 'access-control-max-age': String(rule.MaxAgeSeconds) }),
      ...(allowed === '*' ? {} : { 'access-control-allow-credentials': 'true' }),
      vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
    };
  }
  return undefined;
}
