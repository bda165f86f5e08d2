import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { pipeline, type Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ApiError } from '#machinery';
import { failureText } from '../outbound/failure.ts';
import type { Address } from '../types.ts';
import { isGone, writeHead } from './respond.ts';
import { rewriteHtml, rewriteLink, type ProxyBase } from './rewrite.ts';
import type { Exchange, Request } from './types.ts';

/** One request on its way to someone else. */
export interface Forward {
  readonly address: Address;
  /** Path and query to ask for. */
  readonly path: string;
  /** Path that the answer's links lead through. */
  readonly prefix: string;
  /** Another API server: it gets to know who asks, and its answers go through as they are. */
  readonly peer?: { readonly tls: ConnectionOptions; readonly headers: OutgoingHttpHeaders };
}

/** Headers of one connection only (RFC 9110, 7.6.1), and those that were for this server. */
const hop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const ours = (name: string): boolean => name.startsWith(':') || name === 'authorization' || name.startsWith('impersonate-') || name.startsWith('x-remote-');

/** Larger pages go through as they are. */
const htmlLimit = 1024 * 1024;
const unreachable = (error: Error, { address, peer }: Forward): ApiError =>
  new ApiError(
    'ServiceUnavailable',
    `error trying to reach service: ${peer ? failureText(error, address, peer.tls.servername ?? address.host) : error.message}`,
  );

/** Sends the request on and the answer back. Throws ServiceUnavailable when nobody answers. */
export async function forwardRequest({ request, response }: Exchange, forward: Forward): Promise<number> {
  const answer = await ask(request, response, forward);
  const code = answer.statusCode ?? 502;
  const base = proxyBase(request, forward);
  const headers = answerHeaders(answer, forward.peer ? undefined : base);
  if (isGone(response)) return (answer.destroy(), code);
  if (!forward.peer && isHtml(answer) && request.method !== 'HEAD') await sendHtml(answer, base, (body) => finish(response, code, headers, body));
  else {
    writeHead(response, code, headers);
    if ('flushHeaders' in response) response.flushHeaders();
    await new Promise<void>((resolve) => pipeline(answer, response as NodeJS.WritableStream, () => resolve()));
  }
  return code;
}

function ask(request: Request, response: Exchange['response'], forward: Forward): Promise<IncomingMessage> {
  const { address, path, prefix, peer } = forward;
  // Not imported: an ESM import of node:http loads all of fetch with it, 20 ms at start.
  const client = process.getBuiltinModule(address.scheme === 'https' ? 'node:https' : 'node:http');
  const options = {
    host: address.host,
    port: address.port,
    method: request.method ?? 'GET',
    path,
    headers: { ...requestHeaders(request), ...forwardedHeaders(request, prefix), ...peer?.headers },
    agent: false as const,
    // Pods and services have certificates of their own; kube-apiserver does not check them here either.
    ...(peer ? peer.tls : { rejectUnauthorized: false }),
  };
  const outgoing = attempt(forward, () => client.request(options));
  // A client that goes away waits for nothing, not even for the first byte.
  response.on('close', () => outgoing.destroy());
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', (error) => reject(unreachable(error, forward)));
    request.on('close', () => !request.complete && outgoing.destroy());
    request.on('aborted', () => outgoing.destroy());
    pipeline(request as NodeJS.ReadableStream, outgoing, () => {});
  });
}

/** What cannot be tried at all, such as a CA that is no certificate, is unreachable too. */
function attempt<T>(forward: Forward, connect: () => T): T {
  try {
    return connect();
  } catch (error) {
    throw unreachable(error as Error, forward);
  }
}
function requestHeaders(request: Request): OutgoingHttpHeaders {
  const out: OutgoingHttpHeaders = {};
  const dropped = connectionHeaders(request.headers);
  for (const [name, value] of Object.entries(request.headers))
    if (!hop.has(name) && !ours(name) && !dropped.has(name) && value !== undefined) out[name] = value;
  out.host = hostOf(request);
  if (request.headers['transfer-encoding'] !== undefined) out['transfer-encoding'] = 'chunked';
  return out;
}
const connectionHeaders = ({ connection }: IncomingHttpHeaders): Set<string> => new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
function forwardedHeaders(request: Request, prefix: string): OutgoingHttpHeaders {
  const before = request.headers['x-forwarded-for'];
  const client = request.socket.remoteAddress ?? '';
  return {
    'x-forwarded-for': before ? `${String(before)}, ${client}` : client,
    'x-forwarded-host': hostOf(request),
    'x-forwarded-proto': 'https',
    'x-forwarded-uri': prefix + (request.url ?? '').slice(prefix.length),
  };
}
const hostOf = (request: Request): string => request.headers.host ?? ('authority' in request ? request.authority : '') ?? '';
function proxyBase(request: Request, { address, prefix }: Forward): ProxyBase {
  return { prefix, backend: `${address.host}:${address.port}`, host: hostOf(request) };
}

function answerHeaders(answer: IncomingMessage, base: ProxyBase | undefined): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = {};
  const dropped = connectionHeaders(answer.headers);
  for (const [name, value] of Object.entries(answer.headers)) if (!hop.has(name) && !dropped.has(name) && value !== undefined) out[name] = value;
  if (base && typeof out.location === 'string') out.location = rewriteLink(out.location, base);
  return out;
}

function isHtml({ headers }: IncomingMessage): boolean {
  const encoding = headers['content-encoding'] ?? '';
  const length = Number(headers['content-length'] ?? 0);
  return (headers['content-type'] ?? '').startsWith('text/html') && (encoding === '' || encoding === 'gzip') && length <= htmlLimit;
}
async function sendHtml(answer: IncomingMessage, base: ProxyBase, send: (body: Buffer) => void): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const packed = answer.headers['content-encoding'] === 'gzip' && body.length > 0;
  const html = rewriteHtml((packed ? gunzipSync(body) : body).toString(), base);
  send(packed ? gzipSync(html) : Buffer.from(html));
}
function finish(response: Exchange['response'], code: number, headers: Record<string, string | string[]>, body: Buffer): void {
  const empty = code === 204 || code === 304;
  writeHead(response, code, empty ? headers : { ...headers, 'content-length': body.length });
  (response as { end(body?: Buffer): void }).end(empty ? undefined : body);
}

/** Joins an upgraded connection with the backend's. Rejects only before anything was written. */
export function forwardUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer, forward: Forward): Promise<void> {
  const { address, path, peer } = forward;
  return new Promise((resolve, reject) => {
    const { host, port } = address;
    const connected = (): void => {
      backend.off('error', refused);
      backend.on('error', () => socket.destroy());
      backend.write(requestHead(message, path, peer?.headers ?? {}));
      if (head.length > 0) backend.write(head);
      socket.pipe(backend).pipe(socket);
      resolve();
    };
    const refused = (error: Error): void => reject(unreachable(error, forward));
    const backend =
      address.scheme === 'https'
        ? connectTls({ host, port, ...(peer ? peer.tls : { rejectUnauthorized: false }) }, connected)
        : connectTcp({ host, port }, connected);
    backend.once('error', refused);
    socket.once('close', () => backend.destroy());
    backend.once('close', () => socket.destroy());
  });
}
function requestHead(message: IncomingMessage, path: string, added: OutgoingHttpHeaders): string {
  const lines = [`${message.method ?? 'GET'} ${path} HTTP/1.1`];
  for (let i = 0; i < message.rawHeaders.length; i += 2) {
    const name = message.rawHeaders[i] as string;
    if (!ours(name.toLowerCase()) && !Object.hasOwn(added, name.toLowerCase())) lines.push(`${name}: ${message.rawHeaders[i + 1] ?? ''}`);
  }
  for (const [name, value] of Object.entries(added)) for (const one of [value].flat()) lines.push(`${name}: ${String(one)}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
