import type { Bucket, Found, ObjectStore } from '#objects';
import { decide } from '../../gateway/authorize.ts';
import type { Call } from '../../gateway/call.ts';
import type { CallRequest, CallResponse } from '../../protocol/types.ts';
import { escapeXml } from '../../protocol/xml.ts';
import { permissionOn } from './action.ts';
import type { RoutingRule, Website } from './website.ts';

/** Bucket of a website's host: BUCKET.s3-website.localhost, BUCKET.s3-website-REGION.amazonaws.com, BUCKET.s3-website.REGION.… */
export function bucketOfWebsite(host: string | undefined): string | undefined {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
  return /^(.+)\.s3-website(?:[.-][a-z0-9-]+)?\.(?:localhost|amazonaws\.com|localhost\.localstack\.cloud)$/.exec(name)?.[1];
}

/** What is wrong with a request for a page: the browser gets it as one. */
interface Fault {
  readonly status: 403 | 404 | 405;
  readonly code: string;
  readonly message: string;
}
const faults = {
  denied: { status: 403, code: 'AccessDenied', message: 'Access Denied' },
  noBucket: { status: 404, code: 'NoSuchBucket', message: 'The specified bucket does not exist' },
  noKey: { status: 404, code: 'NoSuchKey', message: 'The specified key does not exist.' },
  noWebsite: { status: 404, code: 'NoSuchWebsiteConfiguration', message: 'The specified bucket does not have a website configuration' },
  method: { status: 405, code: 'MethodNotAllowed', message: 'The specified method is not allowed against this resource.' },
} satisfies Record<string, Fault>;
const reasons = { 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed' };

const isFault = (value: Found | Fault): value is Fault => 'status' in value;
const errorPage = ({ status, code, message }: Fault): CallResponse => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8', 'x-amz-error-code': code, 'x-amz-error-message': message },
  body: `<html><head><title>${status} ${reasons[status]}</title></head><body><h1>${status} ${reasons[status]}</h1><ul><li>Code: ${code}</li><li>Message: ${escapeXml(message)}</li></ul></body></html>\n`,
});
const redirect = (status: number, location: string): CallResponse => ({ status, headers: { location }, body: undefined });

/** Answers as a website endpoint does (Amazon S3 User Guide, Website endpoints). Undefined: the request is for none. */
export function answerWebsite(store: ObjectStore, request: CallRequest, callAs: (action: string) => Call): CallResponse | undefined {
  const name = bucketOfWebsite(request.header('host'));
  if (name === undefined) return undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD') return errorPage(faults.method);
  const bucket = store.buckets.find(name);
  if (!bucket) return errorPage(faults.noBucket);
  const website = store.buckets.setting(bucket, 'website') as Website | undefined;
  return website ? new Visit(store, bucket, website, request, callAs('GetObject')).answer() : errorPage(faults.noWebsite);
}

/** One request of a browser. */
class Visit {
  readonly #store: ObjectStore;
  readonly #bucket: Bucket;
  readonly #website: Website;
  readonly #request: CallRequest;
  readonly #call: Call;

  constructor(store: ObjectStore, bucket: Bucket, website: Website, request: CallRequest, call: Call) {
    this.#store = store;
    this.#bucket = bucket;
    this.#website = website;
    this.#request = request;
    this.#call = call;
  }

  answer(): CallResponse {
    const all = this.#website.RedirectAllRequestsTo;
    const { path, query } = this.#request;
    if (all) return redirect(301, `${all.Protocol ?? 'http'}://${all.HostName}${path}${query === '' ? '' : `?${query}`}`);
    const key = decoded(path.slice(1));
    const early = this.#rules().find(({ Condition: c }) => c?.HttpErrorCodeReturnedEquals === undefined && key.startsWith(c?.KeyPrefixEquals ?? ''));
    if (early) return this.#route(early, key);
    const page = this.#find(key === '' || key.endsWith('/') ? key + this.#suffix : key);
    return isFault(page) ? this.#instead(key, page) : this.#show(page, 200);
  }
  get #suffix(): string {
    return this.#website.IndexDocument?.Suffix ?? '';
  }
  #rules(): readonly RoutingRule[] {
    return this.#website.RoutingRules ?? [];
  }

  /** What stands in for a page that there is not: a folder's, a rule's, the document for errors. */
  #instead(key: string, fault: Fault): CallResponse {
    if (!key.endsWith('/') && !isFault(this.#find(`${key}/${this.#suffix}`))) return redirect(302, `/${encoded(key)}/`);
    const status = String(fault.status);
    const rule = this.#rules().find(({ Condition: c }) => c?.HttpErrorCodeReturnedEquals === status && key.startsWith(c.KeyPrefixEquals ?? ''));
    if (rule) return this.#route(rule, key);
    const document = this.#website.ErrorDocument?.Key;
    const page = document === undefined ? fault : this.#find(document);
    return isFault(page) ? errorPage(fault) : this.#show(page, fault.status);
  }
  #route({ Condition, Redirect = {} }: RoutingRule, key: string): CallResponse {
    const { HostName, HttpRedirectCode, Protocol = 'http', ReplaceKeyPrefixWith, ReplaceKeyWith } = Redirect;
    const rest = key.slice((Condition?.KeyPrefixEquals ?? '').length);
    const target = ReplaceKeyWith ?? (ReplaceKeyPrefixWith === undefined ? key : ReplaceKeyPrefixWith + rest);
    return redirect(Number(HttpRedirectCode ?? 301), `${Protocol}://${HostName ?? this.#request.header('host')}/${encoded(target)}`);
  }
  /** Nobody learns what is there who may not list it. */
  #find(key: string): Found | Fault {
    if (!this.#may('s3:GetObject', key)) return faults.denied;
    try {
      return this.#store.objects.find(this.#bucket, key);
    } catch {
      return this.#may('s3:ListBucket') ? faults.noKey : faults.denied;
    }
  }
  #may(action: string, key?: string): boolean {
    const resource = `arn:${this.#call.partition}:s3:::${this.#bucket.name}${key === undefined ? '' : `/${key}`}`;
    return (
      decide(this.#call, permissionOn(this.#store, this.#call, { action, resource, bucket: this.#bucket.name }), this.#call.identities).effect === 'allowed'
    );
  }
  #show(found: Found, status: number): CallResponse {
    const { meta, etag, modified, size } = found.version;
    const { 'x-amz-website-redirect-location': location, ...kept } = meta.headers;
    if (location !== undefined) return redirect(301, location);
    const headers = { ...kept, etag: `"${etag}"`, 'last-modified': new Date(modified).toUTCString(), 'content-length': String(size) };
    if (status === 200 && this.#request.header('if-none-match') === `"${etag}"`) return { status: 304, headers: { etag: `"${etag}"` }, body: undefined };
    // Nobody reads the body of HEAD, so it is not opened.
    return { status, headers, body: size === 0 || this.#request.method === 'HEAD' ? undefined : this.#store.objects.read(found, undefined) };
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
const encoded = (key: string): string => encodeURIComponent(key).replaceAll('%2F', '/');
