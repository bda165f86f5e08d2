import { createSecureServer, type Http2SecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Metrics, type Timer } from '#base';
import { ProtobufDecoder, type Api, type ComputedGroup, type Kind, type NodeStreams, type ProtobufTypes, type SchemaSet, type UserInfo } from '#machinery';
import type { Store } from '#store';
import { Aggregation, type AggregationOptions } from './aggregation/aggregation.ts';
import { standardAuthorizer } from './auth/standard-authorizer.ts';
import { Door } from './http/door.ts';
import { Documents, type VersionInfo } from './http/documents.ts';
import { Front } from './http/front.ts';
import { Health, type HealthCheck } from './http/health.ts';
import { availabilityMetrics } from './metrics/aggregation.ts';
import { ZPages } from './http/zpages.ts';
import { MetricsPage } from './http/metrics.ts';
import { ResourceHandler } from './http/resources.ts';
import { Streams } from './http/streams.ts';
import { admissionMetrics } from './metrics/admission.ts';
import { RequestMetrics } from './metrics/requests.ts';
import { Computed } from './computed/computed.ts';
import { pathReader, type ReadPath } from './computed/read-path.ts';
import { AccessMetrics, buildMetrics, storageMetrics } from './metrics/server.ts';
import { storeMetrics } from './metrics/store.ts';
import { watchMetrics } from './metrics/watch.ts';
import type { TokenSigner } from './pki/jwt.ts';
import { InProcessApi, type InProcessOptions } from './registry/in-process.ts';
import { Registry } from './registry/registry.ts';
import type {
  AdmissionPlugin,
  Authenticator,
  Authorizer,
  DeletionRule,
  Environment,
  Extension,
  Filter,
  Host,
  ObjectReader,
  StreamHandler,
  SubresourceHandler,
  VirtualResource,
} from './types.ts';
import type { Descriptions } from './http/documents.ts';

export interface ApiServerOptions extends Environment {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly schemas: SchemaSet;
  /** Texts for OpenAPI; loaded when first asked for. */
  readonly descriptions?: () => Descriptions;
  /** Field numbers for protobuf bodies (kubectl from 1.32 sends them); without them such bodies are refused with 415. */
  readonly protobuf?: () => ProtobufTypes;
  readonly admission?: readonly AdmissionPlugin[];
  readonly deletion?: readonly DeletionRule[];
  readonly subresources?: readonly SubresourceHandler[];
  readonly streams?: readonly StreamHandler[];
  readonly virtual?: readonly VirtualResource[];
  /** Groups whose objects are made when they are read. */
  readonly computed?: readonly ComputedGroup[];
  readonly nodeStreams?: (nodeName: string) => NodeStreams | undefined;
  readonly authenticators?: readonly Authenticator[];
  readonly authorizer?: Authorizer;
  /** Sees every request with who really asks, before impersonation. */
  readonly audit?: Filter;
  /** Sees every request before it is authorized. */
  readonly fairness?: Filter;
  readonly extensions?: readonly Extension[];
  /** Group versions of other servers are part of the API (APIService). Without it they are objects only. */
  readonly aggregation?: AggregationOptions;
  readonly healthChecks?: readonly HealthCheck[];
  /** Where the server counts, and what /metrics shows; one of its own when it is given none. */
  readonly metrics?: Metrics;
  /** For /openid/v1/jwks. */
  readonly signer?: TokenSigner;
  readonly version?: Partial<VersionInfo>;
  /** What the process was started with, for /flagz: names and values of flags, none of them secret. */
  readonly flags?: { readonly [name: string]: string };
  /** PEM: the server's certificate and key, and the CA of client certificates. Needed to listen. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa: string };
}

export interface ApiServer {
  /** Fills the cache from the store; the in-process Api may be used after it. */
  ready(): Promise<void>;
  /** The API for components of this process, as `user`. */
  api(user: UserInfo, options?: InProcessOptions): Api;
  /** What the cache holds, by group and plural. */
  readonly reader: ObjectReader;
  /** Every kind that is served now. */
  readonly kinds: readonly Kind[];
  /** Serves a kind from now on, in the place of the one with its group, version and plural. */
  serve(kind: Kind): void;
  /** Serves a kind no longer. What is stored of it stays. */
  withdraw(kind: Kind): void;
  /** Tells of every kind that is served, changed or withdrawn from now on. */
  onKinds(follower: (kind: Kind) => void): void;
  /** Answers on an address, or at a door that is open already; may be called for several. */
  listen(at: { host: string; port: number } | Door): Promise<AddressInfo>;
  readonly address: AddressInfo | undefined;
  /** Readiness that other parts of the process vouch for. */
  addHealthCheck(check: HealthCheck): void;
  /** Ends watches, connections and the listener. The store stays open. */
  close(): Promise<void>;
}

/** Uploads need a window beyond the default 64 KB; many watches share one connection. */
const settings = { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 1000 };
const bookmarkMs = 60_000;
/** History for watches that resume is kept this many bookmarks long. */
const historyTicks = 5;

export function createApiServer(options: ApiServerOptions): ApiServer {
  return new Server(options);
}

class Server implements ApiServer {
  readonly #options: ApiServerOptions;
  readonly #authorizer: Authorizer;
  readonly #registry: Registry;
  readonly #metrics: Metrics;
  readonly #access: AccessMetrics;
  readonly #health: Health;
  readonly #front: Front;
  readonly #aggregation: Aggregation | undefined;
  readonly #read: ReadPath;
  readonly #sockets = new Set<Socket>();
  readonly #servers: Http2SecureServer[] = [];
  #ready: Promise<void> | undefined;
  #filled = false;
  #closing = false;
  #bookmarks: Timer | undefined;
  /** The newest revision at each of the last ticks. */
  readonly #marks: number[] = [];

  constructor(options: ApiServerOptions) {
    this.#options = options;
    const { log, clock, random, schemas, authenticators = [], virtual = [] } = options;
    const authorizer = (this.#authorizer = options.authorizer ?? standardAuthorizer().authorizer);
    this.#metrics = options.metrics ?? new Metrics();
    this.#access = new AccessMetrics(this.#metrics);
    this.#registry = new Registry({
      ...options,
      observer: admissionMetrics(this.#metrics),
      admission: options.admission ?? [],
      deletion: options.deletion ?? [],
      subresources: options.subresources ?? [],
    });
    this.#health = new Health([
      // The names that monitoring asks for: the store is what etcd is elsewhere.
      { name: 'etcd', check: () => (this.#filled ? undefined : 'the store was not read yet') },
      { name: 'informer-sync', readinessOnly: true, check: () => (this.#filled ? undefined : 'the cache is not filled yet') },
      { name: 'shutdown', readinessOnly: true, check: () => (this.#closing ? 'process is shutting down' : undefined) },
      ...(options.healthChecks ?? []),
    ]);
    storageMetrics(this.#metrics, this.#registry.cache);
    this.#registry.cache.commits = storeMetrics(this.#metrics);
    const protobuf = options.protobuf && new ProtobufDecoder(options.protobuf);
    const resources = new ResourceHandler({
      registry: this.#registry,
      schemas,
      clock,
      random,
      protobuf,
      watched: watchMetrics(this.#metrics),
      longRunning: (exchange, change) => this.#front.longRunning(exchange.info, change),
      permit: (exchange, verb) => this.#front.permit(exchange, verb),
    });
    const streams = new Streams({
      registry: this.#registry,
      clock,
      random,
      handlers: options.streams ?? [],
      nodeStreams: options.nodeStreams ?? (() => undefined),
    });
    const computed = new Computed(options.computed ?? [], clock);
    // Made before what it reads from, which reads by it.
    this.#read = (path, user) => pathReader(computed, this.#aggregation)(path, user);
    this.#aggregation = options.aggregation && this.#aggregate(options.aggregation, () => documents.forgetAll());
    const documents: Documents = new Documents({
      kinds: () => this.#registry.kinds,
      virtual,
      computed,
      schemas,
      descriptions: options.descriptions,
      version: options.version ?? {},
      signer: options.signer,
      address: () => hostAndPort(this.address),
      overlay: this.#aggregation?.overlay,
    });
    buildMetrics(this.#metrics, { ...documents.version });
    const zpages = new ZPages({
      clock,
      startedAt: clock.now(),
      flags: () => options.flags ?? {},
      version: () => documents.version,
      paths: () => documents.paths(),
    });
    this.#registry.onKinds((kind) => documents.forget(kind));
    computed.follow(() => documents.forgetDiscovery());
    this.#front = new Front({
      log: log.named('apiserver'),
      clock,
      random,
      registry: this.#registry,
      authenticators,
      authorizer,
      audit: options.audit,
      fairness: options.fairness,
      resources,
      streams,
      virtual,
      computed,
      health: this.#health,
      zpages,
      metrics: { requests: new RequestMetrics(this.#metrics), access: this.#access, page: new MetricsPage(this.#metrics, this.#health) },
      protobuf,
      aggregation: this.#aggregation,
      documents: (exchange) => documents.handle(exchange),
    });
  }
  #aggregate(aggregation: AggregationOptions, changed: () => void): Aggregation {
    const { clock, random, log, virtual = [], computed = [] } = this.#options;
    const api = this.api({ username: 'system:apiserver', groups: ['system:masters'] });
    return new Aggregation({
      ...aggregation,
      reader: this.#registry,
      api,
      clock,
      random,
      log: log.named('aggregation'),
      more: [...virtual, ...computed],
      lasting: computed,
      changed,
    });
  }
  get reader(): ObjectReader {
    return this.#registry;
  }
  get kinds(): readonly Kind[] {
    return this.#registry.kinds;
  }
  serve(kind: Kind): void {
    this.#registry.serve(kind);
  }
  withdraw(kind: Kind): void {
    this.#registry.withdraw(kind);
  }
  onKinds(follower: (kind: Kind) => void): void {
    this.#registry.onKinds(follower);
  }
  get address(): AddressInfo | undefined {
    return (this.#servers[0]?.address() as AddressInfo | null | undefined) ?? undefined;
  }
  addHealthCheck(check: HealthCheck): void {
    this.#health.add(check);
  }
  ready(): Promise<void> {
    return (this.#ready ??= this.#start());
  }
  async #start(): Promise<void> {
    await this.#registry.start();
    for (const authenticator of this.#options.authenticators ?? []) authenticator.start?.(this.#registry);
    for (const part of [this.#authorizer, this.#options.audit, this.#options.fairness]) part?.start?.(this.#registry);
    for (const extension of this.#options.extensions ?? []) extension.start(this.#host());
    if (this.#aggregation) availabilityMetrics(this.#metrics, this.#registry);
    this.#aggregation?.start();
    this.#filled = true;
    this.#scheduleBookmarks();
  }
  #host(): Host {
    const { clock, random, log, schemas } = this.#options;
    const registry = this.#registry;
    return {
      clock,
      random,
      log,
      schemas,
      writer: registry,
      get kinds() {
        return registry.kinds;
      },
      kindOf: (group, plural) => registry.kindOf(group, plural),
      serve: (kind) => registry.serve(kind),
      withdraw: (kind) => registry.withdraw(kind),
      onKinds: (follower) => registry.onKinds(follower),
      deleteAll: async (kind, context) => void (await registry.deleteCollection(kind, {}, context, {})),
    };
  }
  api(user: UserInfo, options: InProcessOptions = {}): Api {
    return new InProcessApi(this.#registry, user, this.#read, options);
  }
  async listen(at: { host: string; port: number } | Door): Promise<AddressInfo> {
    const { tls } = this.#options;
    if (!tls) throw new Error('the API server has no TLS certificate to listen with');
    const server = createSecureServer({
      allowHTTP1: true,
      key: tls.key,
      cert: tls.cert,
      ca: tls.clientCa,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      maxSessionMemory: 1000,
      settings,
      http1Options: { keepAliveTimeout: 120_000 },
    });
    this.#servers.push(server);
    this.#wire(server);
    const door = at instanceof Door ? at : await Door.open(at);
    await door.handOver(server);
    return server.address() as AddressInfo;
  }
  #wire(server: Http2SecureServer): void {
    server.on(
      'request',
      (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => void this.#front.handle(request, response),
    );
    server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => void this.#front.upgrade(message, socket, head));
    server.on('secureConnection', (socket: TLSSocket) => {
      socket.setNoDelay(true);
      this.#lookAtCertificate(socket);
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    });
    server.on('sessionError', () => {});
    server.on('tlsClientError', (_error: Error, socket: Socket) => {
      this.#access.handshakeErrors.inc();
      socket.destroy();
    });
  }
  #lookAtCertificate(socket: TLSSocket): void {
    const until = socket.authorized ? socket.getPeerX509Certificate()?.validTo : undefined;
    if (until !== undefined) this.#access.certificate((Date.parse(until) - this.#options.clock.now()) / 1000);
  }
  #scheduleBookmarks(): void {
    this.#bookmarks = this.#options.clock.after(bookmarkMs, () => {
      const { cache } = this.#registry;
      this.#marks.push(cache.revision);
      const old = this.#marks.length > historyTicks ? this.#marks.shift() : undefined;
      for (const kind of cache.all()) {
        for (const group of kind.groups()) group.bookmark(cache.revision);
        if (old !== undefined) kind.forget(old);
      }
      this.#scheduleBookmarks();
    });
  }
  async close(): Promise<void> {
    this.#closing = true;
    this.#bookmarks?.cancel();
    for (const extension of this.#options.extensions ?? []) await extension.stop?.();
    await this.#aggregation?.close();
    this.#registry.close();
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }
}
/** An address as clients of this machine reach it. */
function hostAndPort(address: AddressInfo | undefined): string {
  if (!address) return '';
  const host = address.address === '0.0.0.0' || address.address === '::' ? '127.0.0.1' : address.address;
  return `${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
