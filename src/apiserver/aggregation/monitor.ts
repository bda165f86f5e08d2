import { isDeepStrictEqual } from 'node:util';
import { Backoff, formatTime, WorkQueue, type Clock, type Logger, type Random } from '#base';
import { isApiError, type Api } from '#machinery';
import { CallFailure, type Answer, type Outbound } from '../outbound/outbound.ts';
import type { Target } from '../outbound/target.ts';
import type { KindReader } from '../types.ts';
import { apiServices, groupVersionOf, versionKey, type APIService, type GroupVersion } from './api-service.ts';
import { failedDiscovery, findFault, passed, withVerdict, type Verdict } from './availability.ts';
import type { Directory } from './directory.ts';
import { identityHeaders, peerOf, type ProxyClient } from './peers.ts';
import { openapiPath, openapiV2Of, resourcesOf, type RemoteDocuments } from './remote-documents.ts';

export interface MonitorDeps {
  readonly directory: Directory;
  readonly outbound: Outbound;
  readonly reader: KindReader;
  readonly api: Api;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly client: ProxyClient | undefined;
  /** Told when what another server says of itself has changed. */
  changed(): void;
}
const periodMs = 30_000;
const timeoutMs = 5000;
export const aggregator = { username: 'system:kube-aggregator', groups: ['system:masters'] };

/** Keeps the Available condition of remote APIServices true, and knows the documents of their servers. */
export class Monitor {
  readonly #deps: MonitorDeps;
  readonly #queue: WorkQueue;
  readonly #backoff = new Backoff(100, periodMs);
  #closed = false;
  readonly #documents = new Map<string, RemoteDocuments>();
  constructor(deps: MonitorDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue({
      clock: deps.clock,
      handle: (name) => this.#check(name),
      concurrency: 4,
      onError: (name, error) => deps.log.warn('an APIService could not be checked', { name, error }),
    });
  }
  start(): void {
    const { directory, reader } = this.#deps;
    directory.follow((service, old) => {
      // Our own writes of status are no news.
      if (old && isDeepStrictEqual(old.spec, service.spec)) return;
      if (service.spec?.service || this.#documents.has(versionKey(groupVersionOf(service)))) this.#queue.add(service.metadata?.name ?? '');
    });
    reader.observe('', 'services', (object, old) => this.#touched((object ?? old)?.metadata, (object ?? old)?.metadata?.name));
    reader.observe('discovery.k8s.io', 'endpointslices', (object, old) => {
      const { metadata } = object ?? old ?? {};
      this.#touched(metadata, metadata?.labels?.['kubernetes.io/service-name']);
    });
    for (const service of directory.remotes) this.#queue.add(service.metadata?.name ?? '');
  }
  #touched(metadata: { namespace?: string } | undefined, name: string | undefined): void {
    for (const { spec, metadata: own } of this.#deps.directory.remotes)
      if (spec?.service?.name === name && spec?.service?.namespace === metadata?.namespace) this.#queue.add(own?.name ?? '');
  }
  /** What the server of a group version said last; undefined when it never did. */
  documents(at: GroupVersion): RemoteDocuments | undefined {
    return this.#documents.get(versionKey(at));
  }
  close(): Promise<void> {
    this.#closed = true;
    return this.#queue.close();
  }

  async #check(name: string): Promise<number | void> {
    const { reader } = this.#deps;
    const service: APIService | undefined = reader.get(apiServices.group, apiServices.plural, undefined, name);
    if (!service?.spec?.service) return this.#forget(name);
    const verdict = findFault(service, reader) ?? (await this.#ask(service));
    // The calls of a server that stops end without a verdict.
    if (this.#closed) return;
    await this.#write(service, verdict);
    if (verdict === passed) this.#backoff.forget(name);
    return verdict === passed ? periodMs : this.#backoff.next(name);
  }
  #forget(name: string): void {
    const at = name.indexOf('.');
    this.#backoff.forget(name);
    if (this.#documents.delete(versionKey({ group: name.slice(at + 1), version: name.slice(0, at) }))) this.#deps.changed();
  }
  async #ask(service: APIService): Promise<Verdict> {
    const { reader, random, client } = this.#deps;
    const at = groupVersionOf(service);
    const peer = peerOf(service, reader, random, client);
    const path = `/apis/${at.group}/${at.version}`;
    const url = peer.origin + path;
    try {
      const { status, body } = await this.#get(peer, path);
      if (status < 200 || status > 299) return failedDiscovery(`failing or missing response from ${url}: bad status from ${url}: ${status}`);
      await this.#learn(at, peer, body);
      return passed;
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      return failedDiscovery(`failing or missing response from ${url}: ${error.message}`);
    }
  }
  #get(peer: Target, path: string, headers: { [name: string]: string } = {}): Promise<Answer> {
    return this.#deps.outbound.call(peer, {
      method: 'GET',
      path,
      headers: { ...identityHeaders(aggregator), ...headers },
      timeoutMs,
      maxBytes: 64 * 1024 * 1024,
    });
  }
  async #learn(at: GroupVersion, peer: Target, body: Buffer): Promise<void> {
    const resources = resourcesOf(parse(body), at);
    if (!resources) return;
    const [v3, v2] = await Promise.all(['/openapi/v3', '/openapi/v2'].map((path) => this.#document(peer, path)));
    const documents: RemoteDocuments = { resources, openapi: openapiPath(v3, at), openapiV2: openapiV2Of(v2, at) };
    const before = this.#documents.get(versionKey(at));
    this.#documents.set(versionKey(at), documents);
    if (JSON.stringify(before) !== JSON.stringify(documents)) this.#deps.changed();
  }
  /** Undefined when the server has no such document: not every server describes itself. */
  async #document(peer: Target, path: string): Promise<unknown> {
    try {
      const { status, body } = await this.#get(peer, path, { accept: 'application/json' });
      return status === 200 ? parse(body) : undefined;
    } catch (error) {
      if (error instanceof CallFailure) return undefined;
      throw error;
    }
  }
  async #write(service: APIService, verdict: Verdict): Promise<void> {
    const { api, reader, clock } = this.#deps;
    const kind = reader.kindAt(apiServices.group, 'v1', apiServices.plural);
    const conditions = withVerdict(service.status?.conditions ?? [], verdict, formatTime(clock.now()));
    if (!conditions || !kind) return;
    const body = { metadata: { uid: service.metadata?.uid ?? '' }, status: { conditions } };
    try {
      await api.patch(kind, { name: service.metadata?.name ?? '' }, 'application/merge-patch+json', body as never, { subresource: 'status' });
    } catch (error) {
      // Gone, or another one of the name: its own change brings us back.
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
    }
    this.#deps.changed();
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    return undefined;
  }
}
