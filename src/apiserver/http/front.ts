import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Logger, Random } from '#base';
import { ApiError, type Kind, type ProtobufDecoder, methodNotAllowed, unknownResource } from '#machinery';
import type { AccessMetrics } from '../metrics/server.ts';
import type { RequestMetrics } from '../metrics/requests.ts';
import { forbidden } from '../auth/forbidden.ts';
import { anonymous, identify } from '../auth/identify.ts';
import type { Aggregation } from '../aggregation/aggregation.ts';
import type { Computed } from '../computed/computed.ts';
import { impersonate } from '../auth/impersonate.ts';
import type { Registry } from '../registry/registry.ts';
import type { Authenticator, Authorizer, Filter, VirtualResource } from '../types.ts';
import { attributesOf } from './attributes.ts';
import { plainObject, readObject } from './decoding.ts';
import type { Health } from './health.ts';
import { negotiate, notAcceptable } from './negotiate.ts';
import { Overloaded } from './overloaded.ts';
import { parseRequest, type RequestInfo, type ResourcePath } from './request-info.ts';
import type { ResourceHandler } from './resources.ts';
import type { MetricsPage } from './metrics.ts';
import { addHeaders, sendFailure, sendObject, sendText, sentBytes } from './respond.ts';
import { refuseUpgrade, type Streams } from './streams.ts';
import type { Exchange, Request, Response } from './types.ts';
import { WatchSocket } from './watch-socket.ts';
import type { ZPages } from './zpages.ts';

export interface FrontDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: Registry;
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  /** Sees requests with who really asks. */
  readonly audit: Filter | undefined;
  /** Sees requests with who they act as. */
  readonly fairness: Filter | undefined;
  readonly resources: ResourceHandler;
  readonly streams: Streams;
  readonly virtual: readonly VirtualResource[];
  readonly computed: Computed;
  readonly health: Health;
  readonly zpages: ZPages;
  readonly metrics: { readonly requests: RequestMetrics; readonly access: AccessMetrics; readonly page: MetricsPage };
  readonly protobuf: ProtobufDecoder | undefined;
  readonly aggregation?: Aggregation | undefined;
  /** Discovery, OpenAPI, version, keys: the code, or undefined when the path is not its. */
  documents(exchange: Exchange): number | undefined | Promise<number | undefined>;
}

/** Each step may throw ApiError, answer, or go on with `next`; gives the code of the answer. */
type Step = (exchange: Exchange, next: () => number | Promise<number>) => number | Promise<number>;

/** The chain every request runs through. */
export class Front {
  readonly #deps: FrontDeps;
  readonly #chain: readonly Step[];

  constructor(deps: FrontDeps) {
    this.#deps = deps;
    const { audit, fairness } = deps;
    this.#chain = [
      (exchange, next) => this.#authenticate(exchange, next),
      ...(audit ? [(exchange: Exchange, next: () => number | Promise<number>) => audit.handle(exchange, next)] : []),
      (exchange, next) => this.#impersonate(exchange, next),
      ...(fairness ? [(exchange: Exchange, next: () => number | Promise<number>) => fairness.handle(exchange, next)] : []),
      (exchange, next) => this.#authorize(exchange, next),
      (exchange) => (exchange.connection ? this.#connect(exchange, exchange.connection) : this.#dispatch(exchange)),
    ];
  }

  /** Answers one request. Never rejects. */
  async handle(request: Request, response: Response): Promise<void> {
    const started = performance.now();
    const { requests } = this.#deps.metrics;
    let info: RequestInfo;
    try {
      info = parseRequest(request.method ?? 'GET', request.url ?? '/');
    } catch (error) {
      this.#fail(request, response, error);
      return;
    }
    const longRunning = isLongRunning(info);
    requests.begin(info, longRunning);
    let code = 0;
    let exchange: Exchange | undefined;
    try {
      const auditId = this.#auditId(request);
      addHeaders(response, { 'Audit-Id': auditId });
      exchange = { request, response, info, user: anonymous, longRunning, auditId };
      const done = this.#run(exchange, 0);
      code = typeof done === 'number' ? done : await done;
    } catch (error) {
      code = this.#fail(request, response, error, exchange?.warnings);
      if (error instanceof Overloaded) requests.terminated(info, this.#knows(info), code);
    }
    requests.end(info, longRunning, this.#knows(info), code, (performance.now() - started) / 1000, sentBytes(response));
  }
  /** Answers one HTTP/1.1 upgrade. Never rejects. */
  async upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const started = performance.now();
    let info: RequestInfo | undefined;
    let code: number;
    try {
      info = parseRequest(message.method ?? 'GET', message.url ?? '/');
      const response = new (process.getBuiltinModule('node:http').ServerResponse)(message);
      const auditId = this.#auditId(message);
      code = await this.#run({ request: message, response, info, user: anonymous, longRunning: true, auditId, connection: { socket, head } }, 0);
    } catch (error) {
      const refused = refuseUpgrade(socket, error);
      code = refused.code;
      if (refused.internal) this.#deps.log.error('upgrade failed', { path: message.url ?? '', error: refused.internal });
    }
    if (info) this.#deps.metrics.requests.end(info, true, this.#knows(info), code, (performance.now() - started) / 1000, undefined);
  }
  #auditId({ headers }: Request): string {
    const given = headers['audit-id'];
    return typeof given === 'string' && given !== '' ? given.slice(0, 64) : this.#deps.random.uuid();
  }
  longRunning(info: RequestInfo, change: 1 | -1): void {
    this.#deps.metrics.requests.longRunning(info, change);
  }

  #run(exchange: Exchange, at: number): number | Promise<number> {
    return (this.#chain[at] as Step)(exchange, () => this.#run(exchange, at + 1));
  }
  #authenticate(exchange: Exchange, next: () => number | Promise<number>): number | Promise<number> {
    const { authenticators, metrics } = this.#deps;
    const failed = (error: unknown): never => {
      metrics.access.refused();
      this.#deps.audit?.refused?.(exchange, error);
      throw error;
    };
    let user: Exchange['user'] | Promise<Exchange['user']>;
    try {
      user = identify(exchange.request, authenticators);
    } catch (error) {
      return failed(error);
    }
    if (user instanceof Promise) return user.catch(failed).then((known) => this.#goOn(exchange, known, next));
    return this.#goOn(exchange, user, next);
  }
  #goOn(exchange: Exchange, user: Exchange['user'], next: () => number | Promise<number>): number | Promise<number> {
    exchange.user = user;
    this.#deps.metrics.access.authenticated(user);
    return next();
  }
  #impersonate(exchange: Exchange, next: () => number | Promise<number>): number | Promise<number> {
    const { user } = exchange;
    exchange.user = impersonate(exchange.request, user, this.#deps.authorizer, exchange.info);
    if (exchange.user !== user) exchange.impersonator = user;
    return next();
  }
  #authorize(exchange: Exchange, next: () => number | Promise<number>): number | Promise<number> {
    this.permit(exchange, exchange.info.verb);
    // A WebSocket has to be opened by GET, and yet it is more than a look.
    if (exchange.connection && exchange.info.verb === 'get' && isPodStream(exchange.info)) this.permit(exchange, 'create');
    return next();
  }
  /** Throws Forbidden unless the user may do `verb` to what the request is about. */
  permit({ info, user, annotate }: Exchange, verb: string): void {
    const own = attributesOf(info, user);
    const attributes = verb === own.verb ? own : { ...own, verb };
    const { allowed, reason } = this.#deps.authorizer.authorize(attributes);
    this.#deps.metrics.access.decided(allowed);
    annotate?.('authorization.k8s.io/decision', allowed ? 'allow' : 'forbid');
    annotate?.('authorization.k8s.io/reason', reason ?? '');
    if (!allowed) throw forbidden(attributes, reason);
  }
  /** Resolves when the connection is over. */
  async #connect(exchange: Exchange, { socket, head }: NonNullable<Exchange['connection']>): Promise<number> {
    const { info, user } = exchange;
    const message = exchange.request as IncomingMessage;
    const watched = info.verb === 'watch' && !this.#deps.aggregation?.find(info) && info.resource && this.#kindAt(info.resource);
    if (watched) {
      const response = new WatchSocket({ message, socket, head }).asResponse();
      return this.#deps.resources.handle({ ...exchange, response }, watched, info.resource as ResourcePath);
    }
    const join = this.#joiner(info, user, message, socket, head);
    this.longRunning(info, 1);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    try {
      await join();
      await closed;
      return 101;
    } finally {
      this.longRunning(info, -1);
    }
  }
  /** Who takes the connection. Throws BadRequest when nobody does. */
  #joiner(info: RequestInfo, user: Exchange['user'], message: IncomingMessage, socket: Duplex, head: Buffer): () => Promise<void> {
    const { aggregation, streams } = this.#deps;
    const remote = aggregation?.find(info);
    if (remote) return () => (aggregation as Aggregation).connect(remote, user, message, socket, head);
    const at = info.resource;
    const kind = at && this.#kindAt(at);
    const handler = at && kind && streams.find(kind, at.subresource);
    if (!at || !kind || !handler) throw new ApiError('BadRequest', 'this path does not take upgrades');
    return () => streams.upgrade(handler, { info, kind, at, user }, message, socket, head);
  }
  async #dispatch(exchange: Exchange): Promise<number> {
    const remote = this.#deps.aggregation?.find(exchange.info);
    if (remote) return (this.#deps.aggregation as Aggregation).answer(exchange, remote);
    const at = exchange.info.resource;
    if (!at) return this.#plain(exchange);
    const kind = this.#kindAt(at);
    if (!kind) return this.#virtual(exchange, at);
    const stream = at.subresource && this.#deps.streams.find(kind, at.subresource);
    return stream ? this.#deps.streams.read(exchange, stream, kind, at) : this.#deps.resources.handle(exchange, kind, at);
  }
  async #plain(exchange: Exchange): Promise<number> {
    const { info } = exchange;
    if (info.method !== 'GET' && info.method !== 'HEAD') return noPage(exchange);
    return (
      this.#deps.metrics.page.handle(exchange) ??
      this.#deps.fairness?.page?.(exchange) ??
      this.#deps.health.handle(exchange) ??
      this.#deps.zpages.handle(exchange) ??
      (await this.#deps.documents(exchange)) ??
      noPage(exchange)
    );
  }
  /** What is answered and not stored: metrics, and reviews. */
  async #virtual(exchange: Exchange, at: ResourcePath): Promise<number> {
    const computed = this.#deps.computed.find(at);
    if (computed) return this.#deps.computed.answer(exchange, computed, at);
    const found = this.#deps.virtual.find((v) => v.group === at.group && v.version === at.version && v.plural === at.plural);
    if (!found && !this.#servesVersion(at)) return noPage(exchange);
    if (!found) throw unknownResource();
    if (exchange.info.verb !== 'create' || at.name) throw methodNotAllowed();
    // Before the answer is made: a review has no rows and no metadata of its own.
    if (negotiate(exchange.request) !== 'object') throw notAcceptable();
    const body = plainObject(await readObject(exchange.request, this.#deps.protobuf));
    sendObject(exchange.response, 201, await found.create(body, exchange.user, at.namespace || undefined), { request: exchange.request });
    return 201;
  }
  #servesVersion({ group, version }: ResourcePath): boolean {
    const is = (other: { readonly group: string; readonly version: string }): boolean => other.group === group && other.version === version;
    return this.#deps.virtual.some(is) || this.#deps.registry.kinds.some(is);
  }
  #kindAt(at: ResourcePath): Kind | undefined {
    return this.#deps.registry.kindAt(at.group, at.version, at.plural);
  }
  #fail(request: Request, response: Response, error: unknown, warnings?: readonly string[]): number {
    let outcome: ReturnType<typeof sendFailure>;
    try {
      outcome = sendFailure(response, error, request, warnings);
    } catch (failure) {
      response.destroy();
      this.#deps.log.warn('an error could not be sent', { path: request.url ?? '', error: failure });
      return 500;
    }
    const { code, internal } = outcome;
    if (internal)
      this.#deps.log.error('request failed', { method: request.method ?? '', path: request.url ?? '', error: internal, stack: internal.stack ?? '' });
    return code;
  }
  /** Whether the resource of a request exists; what is beside resources is always known. */
  #knows({ resource: at }: RequestInfo): boolean {
    if (!at) return true;
    const kind = this.#kindAt(at);
    if (kind) return isSubresource(kind, at.subresource);
    return this.#deps.computed.knows(at) || this.#deps.virtual.some((v) => v.group === at.group && v.version === at.version && v.plural === at.plural);
  }
}

/** Paths that no server of the API has are answered as Go's file server does. */
function noPage({ response }: Exchange): number {
  sendText(response, 404, '404 page not found\n');
  return 404;
}

function isSubresource({ subresources }: Kind, path: string): boolean {
  const name = path.split('/', 1)[0];
  return name === '' || name === 'status' || name === 'scale' || subresources.some((one) => one.name === name);
}

/** Subresources whose answers go on for as long as the client likes. */
const streaming = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);
function isLongRunning({ verb, resource, query }: RequestInfo): boolean {
  if (!resource) return false;
  if (verb === 'watch') return true;
  const [subresource = ''] = resource.subresource.split('/', 1);
  if (!streaming.has(subresource)) return false;
  return subresource !== 'log' || query?.get('follow') === 'true' || query?.get('follow') === '1';
}

const podStreams = new Set(['attach', 'exec', 'portforward']);
function isPodStream({ resource }: RequestInfo): boolean {
  return resource?.group === '' && resource.plural === 'pods' && podStreams.has(resource.subresource);
}
