import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Clock, Logger, Random } from '#base';
import { ApiError, type Api, type UserInfo } from '#machinery';
import { forwardRequest, forwardUpgrade, type Forward } from '../http/forward.ts';
import type { RequestInfo } from '../http/request-info.ts';
import { sendText } from '../http/respond.ts';
import type { Exchange } from '../http/types.ts';
import { CallFailure, Outbound, type Answer } from '../outbound/outbound.ts';
import { tlsOptions, Unreachable } from '../outbound/target.ts';
import type { KindReader } from '../types.ts';
import { isAvailable, type APIService, type GroupVersion } from './api-service.ts';
import { AutoRegister } from './auto-register.ts';
import { Directory } from './directory.ts';
import { aggregator, Monitor } from './monitor.ts';
import { Overlay } from './overlay.ts';
import { identityHeaders, peerOf, type ProxyClient } from './peers.ts';

export interface AggregationOptions {
  /** By which other API servers know this one; without it they see an anonymous client. */
  readonly proxyClient?: ProxyClient | undefined;
}
export interface AggregationDeps extends AggregationOptions {
  readonly reader: KindReader;
  readonly api: Api;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Group versions beyond those of the kinds. */
  readonly more: readonly GroupVersion[];
  /** Those of them that are served whenever no other server is. */
  readonly lasting: readonly GroupVersion[];
  /** Told when discovery and OpenAPI are to be made anew. */
  changed(): void;
}

/** How long a component waits for another server, ms. */
const readMs = 30_000;

/** Group versions that other servers answer, one API with this process's own (kube-aggregator). */
export class Aggregation {
  readonly #deps: AggregationDeps;
  readonly #directory = new Directory();
  readonly #outbound: Outbound;
  readonly #monitor: Monitor;
  readonly #register: AutoRegister;
  readonly overlay: Overlay;
  constructor(deps: AggregationDeps) {
    this.#deps = deps;
    this.#outbound = new Outbound(deps.clock);
    const shared = { ...deps, directory: this.#directory };
    this.#monitor = new Monitor({ ...shared, outbound: this.#outbound, client: deps.proxyClient });
    this.#register = new AutoRegister(shared);
    this.overlay = new Overlay(this.#directory, this.#monitor);
  }
  /** When the cache is filled. */
  start(): void {
    this.#directory.start(this.#deps.reader);
    this.#directory.follow(() => this.#deps.changed());
    this.#monitor.start();
    this.#register.start();
  }
  async close(): Promise<void> {
    const closed = [this.#monitor.close(), this.#register.close()];
    this.#outbound.close();
    await Promise.all(closed);
  }
  /** Who answers a path, when it is another server. */
  find({ path, resource }: RequestInfo): APIService | undefined {
    if (resource) return resource.group ? this.#directory.remote(resource.group, resource.version) : undefined;
    const parts = path.split('/');
    const at = parts[1] === 'openapi' && parts[2] === 'v3' && parts[3] === 'apis' ? 4 : parts[1] === 'apis' ? 2 : undefined;
    return at && parts[at + 1] ? this.#directory.remote(parts[at] ?? '', parts[at + 1] ?? '') : undefined;
  }
  /** Passes a request on. */
  async answer(exchange: Exchange, service: APIService): Promise<number> {
    if (!isAvailable(service)) {
      sendText(exchange.response, 503, 'service unavailable\n');
      return 503;
    }
    const user = exchange.info.resource ? exchange.user : aggregator;
    return forwardRequest(exchange, this.#forward(service, user, exchange.request.url ?? ''));
  }
  /** The answer to GET on a path, for a component of this process. Throws ApiError when there is none. */
  async read(service: APIService, user: UserInfo, path: string): Promise<Answer> {
    if (!isAvailable(service)) return { status: 503, headers: {}, body: Buffer.from('service unavailable\n') };
    const { reader, random, proxyClient } = this.#deps;
    const target = peerOf(service, reader, random, proxyClient);
    try {
      return await this.#outbound.call(target, { method: 'GET', path, headers: identityHeaders(user), timeoutMs: readMs });
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      throw new ApiError('ServiceUnavailable', error.message);
    }
  }
  /** Joins an upgraded connection with the other server's. */
  async connect(service: APIService, user: UserInfo, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (!isAvailable(service)) throw new ApiError('ServiceUnavailable', 'service unavailable');
    await forwardUpgrade(message, socket, head, this.#forward(service, user, message.url ?? ''));
  }
  #forward(service: APIService, user: UserInfo, path: string): Forward {
    const { reader, random, proxyClient } = this.#deps;
    const target = peerOf(service, reader, random, proxyClient);
    try {
      const address = { scheme: 'https' as const, ...target.address() };
      const headers = { ...identityHeaders(user), host: target.origin.slice('https://'.length) };
      return { address, path, prefix: '', peer: { tls: tlsOptions(target), headers } };
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      throw new ApiError('ServiceUnavailable', error.message);
    }
  }
}
