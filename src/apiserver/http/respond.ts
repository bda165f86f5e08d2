import { promisify } from 'node:util';
import { gzip, type ZlibOptions } from 'node:zlib';
import { ApiError, type Status } from '#machinery';
import { apiFailure } from '../registry/deps.ts';
import { prefersYaml } from './negotiate.ts';
import { longBody, writePieces } from './pieces.ts';
import { tapOf } from './taps.ts';
import type { Request, Response } from './types.ts';

const pack = promisify<Buffer, ZlibOptions, Buffer>(gzip);

/** Smaller bodies are sent as they are (the limit of kube-apiserver's APIResponseCompression). */
const gzipFrom = 128 * 1024;

export interface Representation {
  readonly request: Request;
  readonly warnings?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends JSON bytes, in the layout and language that the client asked for. A promise when they are many: it resolves when they are sent. */
export function sendJson(response: Response, code: number, body: Buffer, options: Representation): void | Promise<void> {
  const { request, headers } = options;
  (response as Sized)[size] = body.length;
  tapOf(response)?.body(body);
  // Documents that say their type have no other.
  if (request.headers.accept?.includes('yaml') && !headers?.['content-type'] && prefersYaml(request.headers.accept))
    return sendYaml(response, code, body, options);
  return send(response, code, wantsPretty(request) ? Buffer.from(JSON.stringify(JSON.parse(body.toString()), undefined, 2) + '\n') : body, options);
}
function send(response: Response, code: number, bytes: Buffer, options: Representation): void | Promise<void> {
  if (bytes.length >= gzipFrom && acceptsGzip(options.request)) {
    return pack(bytes, { level: 1 }).then(
      (packed) => finish(response, code, packed, options, 'gzip'),
      () => finish(response, code, bytes, options),
    );
  }
  return finish(response, code, bytes, options);
}
function sendYaml(response: Response, code: number, body: Buffer, options: Representation): Promise<void> {
  const headers = { 'content-type': 'application/yaml', ...options.headers };
  return import('yaml').then(
    ({ stringify }) =>
      send(response, code, Buffer.from(stringify(JSON.parse(body.toString()), { sortMapEntries: true, version: '1.1' })), { ...options, headers }),
    () => void response.destroy(),
  );
}
/** Browsers and command-line tools get indented JSON without asking, as from kube-apiserver. */
function wantsPretty({ url = '', headers }: Request): boolean {
  const at = url.indexOf('pretty=');
  if (at > 0 && (url[at - 1] === '?' || url[at - 1] === '&')) return /^pretty=(1|t|true)(&|$)/i.test(url.slice(at));
  const agent = headers['user-agent'];
  return agent !== undefined && (agent.startsWith('curl') || agent.startsWith('Wget') || agent.startsWith('Mozilla/5.0'));
}
const size = Symbol('bytes of the body');
const extra = Symbol('headers of filters');
type Sized = Response & { [size]?: number; [extra]?: Record<string, string> };
/** Headers that every answer of this response carries, whoever gives it. */
export function addHeaders(response: Response, headers: Record<string, string>): void {
  const noted = response as Sized;
  noted[extra] = noted[extra] ? { ...noted[extra], ...headers } : headers;
}
/** How large the body of a JSON answer was, before compression. */
export function sentBytes(response: Response): number | undefined {
  return (response as Sized)[size];
}
/** Whether the client is gone. */
export function isGone(response: Response): boolean {
  return 'stream' in response ? response.stream.destroyed : response.destroyed;
}
function finish(response: Response, code: number, body: Buffer, { warnings, headers, request }: Representation, encoding?: string): void | Promise<void> {
  if (isGone(response)) return;
  const all: Record<string, string | number | string[]> = {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-cache, private',
    ...headers,
  };
  if (encoding) all['content-encoding'] = encoding;
  if (warnings?.length) all['warning'] = cut([...new Set(warnings)]).map(warningHeader);
  writeHead(response, code, all);
  if (request.method === 'HEAD') response.end();
  else if (body.length >= longBody) return writePieces(response, body, isGone);
  else (response as { end(body: Buffer): void }).end(body);
}
/** The two response classes declare writeHead with overloads that do not unite. */
export function writeHead(response: Response, code: number, headers: Record<string, string | number | string[]>): void {
  tapOf(response)?.head(code);
  const added = (response as Sized)[extra];
  if (added) Object.assign(headers, added);
  (response as { writeHead(code: number, headers: Record<string, string | number | string[]>): void }).writeHead(code, headers);
}
const longestWarnings = 4096;
const longestOfMany = 256;
/** Too much to say is said in short, and then not at all (kube-apiserver's limits). */
function cut(warnings: readonly string[]): readonly string[] {
  let length = 0;
  for (const text of warnings) length += text.length;
  if (length <= longestWarnings) return warnings;
  const out: string[] = [];
  length = 0;
  for (const text of warnings) {
    const short = text.slice(0, longestOfMany);
    length += short.length;
    if (length > longestWarnings) break;
    out.push(short);
  }
  return out;
}
/** RFC 7234, 5.5 as kube-apiserver writes it. */
function warningHeader(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what a header must not carry
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, ' ').replace(/[\\"]/g, '\\$&');
  return `299 - "${clean.replace(/[^\u0020-\u007e]/gu, '?')}"`;
}
function acceptsGzip(request: Request): boolean {
  const header = request.headers['accept-encoding'];
  return typeof header === 'string' && header.includes('gzip') && !/gzip\s*;\s*q=0(\.0+)?\s*(,|$)/.test(header);
}

export function sendObject(response: Response, code: number, value: unknown, options: Representation): void {
  void sendJson(response, code, Buffer.from(JSON.stringify(value)), options);
}
export function sendText(response: Response, code: number, text: string, type = 'text/plain; charset=utf-8'): void {
  if (isGone(response)) return;
  writeHead(response, code, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

/** Whatever was thrown, as the Status a client understands. `internal` tells of bugs. */
export function statusOf(thrown: unknown): { status: Status; code: number; internal: Error | undefined } {
  const error = apiFailure(thrown);
  if (error instanceof ApiError) return { status: error.status, code: error.code, internal: undefined };
  if (error instanceof URIError) return statusOf(new ApiError('BadRequest', 'malformed escape in the request path'));
  const internal = error instanceof Error ? error : new Error(String(error));
  return { ...statusOf(new ApiError('InternalError', `Internal error occurred: ${internal.message}`)), internal };
}
export function sendFailure(
  response: Response,
  thrown: unknown,
  request: Request,
  warnings: readonly string[] = [],
): { code: number; internal: Error | undefined } {
  const { status, code, internal } = statusOf(thrown);
  if (response.headersSent || isGone(response)) response.destroy();
  else {
    const retry = status.details?.retryAfterSeconds;
    sendObject(response, code, status, { request, warnings, headers: retry ? { 'retry-after': String(retry) } : {} });
  }
  return { code, internal };
}
