import type { IncomingMessage } from 'node:http';
import { pipeline, type Duplex } from 'node:stream';
import { ApiError, type Kind, type KubeObject, type NodeStreams, type UserInfo, methodNotAllowed } from '#machinery';
import type { Clock, Random } from '#base';
import type { Registry } from '../registry/registry.ts';
import type { Address, Backend, StreamHandler, StreamRequest } from '../types.ts';
import { forwardRequest, forwardUpgrade, type Forward } from './forward.ts';
import { queryOf, type RequestInfo, type ResourcePath } from './request-info.ts';
import { readerProtocol, sendMessages } from './reader-socket.ts';
import { sendText, statusOf, writeHead } from './respond.ts';
import type { Exchange } from './types.ts';

export interface StreamDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly handlers: readonly StreamHandler[];
  readonly nodeStreams: (nodeName: string) => NodeStreams | undefined;
}

/** What a connection is to. */
export interface StreamTarget {
  readonly info: RequestInfo;
  readonly kind: Kind;
  readonly at: ResourcePath;
  readonly user: UserInfo;
}

/** Subresources that stream: found by name and kind, served by the node that runs the object. */
export class Streams {
  readonly #deps: StreamDeps;
  constructor(deps: StreamDeps) {
    this.#deps = deps;
  }
  find(kind: Kind, subresource: string): StreamHandler | undefined {
    return this.#deps.handlers.find((handler) => handler.name === subresource && handler.handles(kind));
  }
  /** A GET with a body of bytes. Ends when the source or the client does. */
  async read(exchange: Exchange, handler: StreamHandler, kind: Kind, at: ResourcePath): Promise<number> {
    if (handler.locate) return this.#forward(exchange, handler.locate(this.#request(exchange.info, kind, at)), kind, at);
    if (!handler.read) throw new ApiError('BadRequest', 'Upgrade request required');
    if (exchange.info.method !== 'GET') throw methodNotAllowed();
    const { response } = exchange;
    const stop = new AbortController();
    response.on('close', () => stop.abort());
    response.on('error', () => stop.abort());
    const chunks = await handler.read(this.#request(exchange.info, kind, at), stop.signal);
    writeHead(response, 200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
    if ('flushHeaders' in response) response.flushHeaders();
    try {
      for await (const chunk of chunks) {
        if (stop.signal.aborted) break;
        if (!(response as { write(chunk: Uint8Array): boolean }).write(chunk)) await drained(exchange, stop.signal);
      }
    } finally {
      response.end();
    }
    return 200;
  }
  /** Hands the socket over untouched, once admission has nothing against it. */
  async upgrade(handler: StreamHandler, target: StreamTarget, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (!handler.upgrade && !handler.locate && handler.read) return this.#readOver(handler.read, target, message, socket, head);
    if (!handler.upgrade && !handler.locate) throw new ApiError('BadRequest', 'this subresource does not take upgrades');
    await this.#admit(target);
    const request = this.#request(target.info, target.kind, target.at);
    if (handler.upgrade) return handler.upgrade(request, message, socket, head);
    const backend = (handler.locate as NonNullable<StreamHandler['locate']>)(request);
    if (!('address' in backend)) throw new ApiError('BadRequest', 'the node agent does not take upgrades here');
    await forwardUpgrade(message, socket, head, forwardOf(target.info, target.at, backend.address, message.url ?? ''));
  }
  /** The bytes of a GET as messages of a WebSocket, which is how browsers follow a log. */
  async #readOver(read: NonNullable<StreamHandler['read']>, target: StreamTarget, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const protocol = readerProtocol(message);
    const stop = new AbortController();
    socket.on('close', () => stop.abort());
    const chunks = await read(this.#request(target.info, target.kind, target.at), stop.signal);
    await sendMessages({ message, socket, head }, protocol, chunks, stop.signal);
  }
  async #forward(exchange: Exchange, backend: Backend, kind: Kind, at: ResourcePath): Promise<number> {
    const { info, user } = exchange;
    await this.#admit({ info, kind, at, user });
    if ('node' in backend) return askNode(exchange, backend.node, at);
    // Links of a page that has no slash at its end would lead beside it.
    if (at.rest === '' && (info.method === 'GET' || info.method === 'HEAD')) return redirect(exchange);
    return forwardRequest(exchange, forwardOf(info, at, backend.address, exchange.request.url ?? ''));
  }
  #admit({ info, kind, at, user }: StreamTarget): Promise<void> {
    const context = { user, dryRun: false, fieldManager: '', track: false, warnings: [] };
    const options = connectOptions(at.subresource, queryOf(info));
    return this.#deps.registry.connect(kind, { namespace: at.namespace || undefined, name: at.name }, at.subresource, options, context);
  }
  #request(info: RequestInfo, kind: Kind, at: ResourcePath): StreamRequest {
    const { registry, clock, random, nodeStreams } = this.#deps;
    const key = { namespace: at.namespace || undefined, name: at.name };
    return { kind, key, query: queryOf(info), reader: registry, nodeStreams, clock, random };
  }
}

const optionKinds: { readonly [subresource: string]: string } = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
  proxy: 'PodProxyOptions',
};
const flags = new Set(['stdin', 'stdout', 'stderr', 'tty']);
/** The query of a connection as the object that admission sees: lists for what may come many times, booleans for flags. */
function connectOptions(subresource: string, query: URLSearchParams): KubeObject {
  const [name = ''] = subresource.split('/', 1);
  const options: Record<string, unknown> = { kind: optionKinds[name] ?? 'PodProxyOptions', apiVersion: 'v1' };
  for (const key of new Set(query.keys())) {
    const values = query.getAll(key);
    if (key === 'command') options[key] = values;
    else if (key === 'ports') options[key] = values.map(Number);
    else options[key] = flags.has(key) ? values[0] === 'true' || values[0] === '1' : values[0];
  }
  return options;
}

function forwardOf({ path }: RequestInfo, { rest = '' }: ResourcePath, address: Address, url: string): Forward {
  const prefix = path.slice(0, path.length - rest.length);
  return { address, path: (rest ? '' : '/') + url.slice(prefix.length), prefix };
}
function redirect({ info, request, response }: Exchange): number {
  const { path } = info;
  writeHead(response, 301, { location: `${path}/${(request.url ?? '').slice(path.length)}`, 'content-length': 0 });
  response.end();
  return 301;
}
async function askNode({ info, response }: Exchange, node: NodeStreams, { rest = '' }: ResourcePath): Promise<number> {
  const stop = new AbortController();
  response.on('close', () => stop.abort());
  const answer = await (node.http as NonNullable<NodeStreams['http']>)({
    method: info.method,
    path: decodeURIComponent(rest) || '/',
    query: queryOf(info),
    signal: stop.signal,
  });
  if (typeof answer.body === 'string') {
    sendText(response, answer.code, answer.body, answer.type);
    return answer.code;
  }
  writeHead(response, answer.code, { 'content-type': answer.type, 'cache-control': 'no-cache, private' });
  if ('flushHeaders' in response) response.flushHeaders();
  await new Promise<void>((resolve) => pipeline(answer.body, response as NodeJS.WritableStream, () => resolve()));
  return answer.code;
}

function drained({ response }: Exchange, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Refuses an upgrade in plain HTTP/1.1, with the Status as its body. */
export function refuseUpgrade(socket: Duplex, thrown: unknown): { code: number; internal: Error | undefined } {
  const { status, code, internal } = statusOf(thrown);
  const body = JSON.stringify(status);
  // Not imported: an ESM import of node:http loads all of fetch with it, 20 ms at start.
  const phrase = process.getBuiltinModule('node:http').STATUS_CODES[code] ?? 'Error';
  socket.end(`HTTP/1.1 ${code} ${phrase}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  return { code, internal };
}
