import { ObjectsError, type ObjectStore } from '#objects';
import { AwsError } from '../../gateway/errors.ts';
import type { CallRequest, CallResponse } from '../../protocol/types.ts';
import { pathWithBucket } from '../../sigv2/resource.ts';
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

/** Bucket and key that a request is about, wherever it names the bucket. */
export function namesOf(request: CallRequest): { bucket: string; key: string } {
  const [, bucket = '', ...key] = pathWithBucket(request.path, request.header('host')).split('/');
  return { bucket: decoded(bucket), key: decoded(key.join('/')) };
}
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
function rulesOf(store: ObjectStore, request: CallRequest): readonly CorsRule[] {
  const bucket = store.buckets.find(namesOf(request).bucket);
  return (bucket && (store.buckets.setting(bucket, 'cors') as CorsConfiguration | undefined)?.CORSRules) ?? [];
}

/** Answers a browser that asks what a page may do. Throws AwsError where it may not. */
export function preflight(store: ObjectStore, request: CallRequest): CallResponse {
  const origin = request.header('origin');
  const method = request.header('access-control-request-method');
  if (origin === undefined) throw new AwsError('BadRequest', 'Insufficient information. Origin request header needed.', { status: 400 });
  if (method === undefined || !methods.includes(method))
    throw new AwsError('BadRequest', `Invalid Access-Control-Request-Method: ${method ?? 'null'}`, { status: 400 });
  const headers = (request.header('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const rules = rulesOf(store, request);
  const allowed = corsHeaders(rules, { origin, method, headers });
  if (allowed) return { status: 200, headers: allowed, body: undefined };
  const why =
    rules.length === 0
      ? 'CORS is not enabled for this bucket.'
      : "This CORS request is not allowed. This is usually because the evaluation of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";
  const fields = { Method: method, ResourceType: namesOf(request).key === '' ? 'BUCKET' : 'OBJECT' };
  throw new AwsError('AccessForbidden', `CORSResponse: ${why}`, { status: 403, fields });
}
/** What goes with the answer to a page. */
export function corsAnswer(store: ObjectStore, request: CallRequest): Record<string, string> | undefined {
  const origin = request.header('origin');
  return origin === undefined || request.method === 'OPTIONS'
    ? undefined
    : corsHeaders(rulesOf(store, request), { origin, method: request.method, headers: [] });
}
