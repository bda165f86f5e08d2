import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { http, systemClock, type Clock } from '#base';
import {
  ApiError,
  reasons,
  type Api,
  type DeleteOptions,
  type Json,
  type Kind,
  type KubeObject,
  type ListOptions,
  type ObjectKey,
  type ObjectList,
  type Status,
  type StatusReason,
  type WatchOptions,
  type WatchSink,
  type WriteOptions,
} from '#machinery';
import { HttpWatch } from './http-watch.ts';

/** How to reach a Kubernetes API server. PEM texts; `token` is a bearer token. */
export interface HttpOptions {
  server: string;
  ca?: string;
  cert?: string;
  key?: string;
  token?: string;
  insecureSkipTlsVerify?: boolean;
  /** Ends a request that is not answered, ms. Default 60 s. Watches are not limited. */
  timeoutMs?: number;
  clock?: Clock;
}

/** The Api of any Kubernetes, over HTTP/1.1 with kept-alive connections. */
export function connectHttp(options: HttpOptions): Api & { close(): void } {
  return new HttpApi(options);
}

interface Reply {
  code: number;
  text: string;
}

class HttpApi implements Api {
  readonly #options: HttpOptions;
  readonly #base: URL;
  readonly #agent: Agent;
  readonly #clock: Clock;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#base = new URL(options.server.endsWith('/') ? options.server : options.server + '/');
    this.#clock = options.clock ?? systemClock;
    const pool = { keepAlive: true, maxSockets: 256, scheduling: 'lifo' as const };
    this.#agent = this.#base.protocol === 'http:' ? new http.Agent(pool) : new https.Agent({ ...pool, ...tls(options) });
  }
  close(): void {
    this.#agent.destroy();
  }

  async get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    return this.#json<T>('GET', objectPath(kind, key));
  }
  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const list = await this.#json<{ items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string; remainingItemCount?: number } }>(
      'GET',
      collectionPath(kind, options.namespace) + query(listQuery(options)),
    );
    const items = list.items ?? [];
    // Items of a list carry no type of their own on the wire.
    for (const item of items) Object.assign(item, { apiVersion: kind.apiVersion, kind: kind.kind });
    const { resourceVersion = '', continue: next, remainingItemCount } = list.metadata ?? {};
    return { items, resourceVersion, ...(next ? { continue: next } : {}), ...(remainingItemCount === undefined ? {} : { remainingItemCount }) };
  }
  async create<T extends KubeObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#json<T>('POST', collectionPath(kind, object.metadata?.namespace) + query(writeQuery(options)), typed(kind, object));
  }
  async update<T extends KubeObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const key = { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' };
    return this.#json<T>('PUT', objectPath(kind, key, options.subresource) + query(writeQuery(options)), typed(kind, object));
  }
  async patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, type: string, patch: Json, options: WriteOptions = {}): Promise<T> {
    return this.#json<T>('PATCH', objectPath(kind, key, options.subresource) + query(writeQuery(options)), patch, type);
  }
  async delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<T | Status> {
    return this.#json<T | Status>('DELETE', objectPath(kind, key), deleteBody(options));
  }
  async deleteCollection<T extends KubeObject>(kind: Kind<T>, list: ListOptions, options: DeleteOptions = {}): Promise<void> {
    await this.#json('DELETE', collectionPath(kind, list.namespace) + query(listQuery(list)), deleteBody(options));
  }
  async subresource<R extends KubeObject>(kind: Kind, key: ObjectKey, name: string, body: KubeObject): Promise<R> {
    return this.#json<R>('POST', objectPath(kind, key, name), body);
  }
  async read<R>(path: string): Promise<R> {
    return this.#json<R>('GET', path.replace(/^\//, ''));
  }

  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions, sink: WatchSink<T>): { close(): void } {
    const parameters = { ...listQuery(options), watch: '1', allowWatchBookmarks: options.allowWatchBookmarks ? 'true' : undefined };
    const path = collectionPath(kind, options.namespace);
    return new HttpWatch(
      {
        clock: this.#clock,
        open: (resourceVersion, initial, onResponse) => {
          const sendInitialEvents = initial && options.sendInitialEvents !== undefined ? String(options.sendInitialEvents) : undefined;
          return this.#open('GET', path + query({ ...parameters, resourceVersion, sendInitialEvents }), undefined, onResponse);
        },
        readError: async (response) => parseError({ code: response.statusCode ?? 500, text: await readAll(response) }),
        toError: (status) => toError(status, 500),
      },
      options,
      sink,
    );
  }

  async #json<R>(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<R> {
    const reply = await this.#send(method, path, body === undefined ? undefined : JSON.stringify(body), contentType);
    if (reply.code >= 400) throw parseError(reply);
    return JSON.parse(reply.text) as R;
  }
  #send(method: string, path: string, body: string | undefined, contentType: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(new ApiError('ServiceUnavailable', `${this.#base.host}: ${error.message}`));
      const headers = body === undefined ? {} : { 'content-type': contentType, 'content-length': String(Buffer.byteLength(body)) };
      const request = this.#open(
        method,
        path,
        headers,
        (response) => void readAll(response).then((text) => resolve({ code: response.statusCode ?? 500, text }), fail),
      );
      request.setTimeout(this.#options.timeoutMs ?? 60_000, () => request.destroy(new Error('no answer in time')));
      request.on('error', fail);
      request.end(body);
    });
  }
  #open(method: string, path: string, headers: OutgoingHttpHeaders | undefined, onResponse: (response: IncomingMessage) => void): ClientRequest {
    const url = new URL(path, this.#base);
    const all = {
      accept: 'application/json',
      'user-agent': 'batuta',
      ...headers,
      ...(this.#options.token ? { authorization: `Bearer ${this.#options.token}` } : {}),
    };
    return (url.protocol === 'http:' ? http : https).request(url, { method, agent: this.#agent, headers: all }, onResponse);
  }
}

const tls = (options: HttpOptions): https.AgentOptions => ({
  ...(options.ca ? { ca: options.ca } : {}),
  ...(options.cert ? { cert: options.cert } : {}),
  ...(options.key ? { key: options.key } : {}),
  rejectUnauthorized: options.insecureSkipTlsVerify !== true,
});

function collectionPath(kind: Kind<never> | Pick<Kind, 'group' | 'version' | 'plural' | 'namespaced'>, namespace: string | undefined): string {
  const root = kind.group ? `apis/${kind.group}/${kind.version}` : `api/${kind.version}`;
  return kind.namespaced && namespace ? `${root}/namespaces/${encodeURIComponent(namespace)}/${kind.plural}` : `${root}/${kind.plural}`;
}
function objectPath(kind: Pick<Kind, 'group' | 'version' | 'plural' | 'namespaced'>, key: ObjectKey, subresource?: string): string {
  return `${collectionPath(kind, key.namespace)}/${encodeURIComponent(key.name)}${subresource ? `/${subresource}` : ''}`;
}
const listQuery = (o: ListOptions): Record<string, string | number | undefined> => ({
  labelSelector: o.labelSelector,
  fieldSelector: o.fieldSelector,
  limit: o.limit,
  continue: o.continue,
  resourceVersion: o.resourceVersion,
  resourceVersionMatch: o.resourceVersionMatch,
});
const writeQuery = (o: WriteOptions): Record<string, string | undefined> => ({
  dryRun: o.dryRun ? 'All' : undefined,
  fieldManager: o.fieldManager,
  fieldValidation: o.fieldValidation,
  force: o.force ? 'true' : undefined,
});
const deleteBody = (o: DeleteOptions): object => ({
  kind: 'DeleteOptions',
  apiVersion: 'v1',
  ...o,
  ...(o.dryRun ? { dryRun: ['All'] } : { dryRun: undefined }),
});
const typed = <T extends KubeObject>(kind: Kind<T>, object: T): T => ({
  ...object,
  apiVersion: object.apiVersion ?? kind.apiVersion,
  kind: object.kind ?? kind.kind,
});

function query(parameters: Record<string, string | number | undefined>): string {
  const parts = Object.entries(parameters).flatMap(([k, v]) => (v === undefined || v === '' ? [] : [`${k}=${encodeURIComponent(v)}`]));
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}
async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
function parseError(reply: Reply): ApiError {
  try {
    return toError(JSON.parse(reply.text) as Status, reply.code);
  } catch {
    return new ApiError(reasonOf(reply.code), reply.text.slice(0, 500) || `the server answered ${reply.code}`);
  }
}
function toError(status: Status, code: number): ApiError {
  const reason = status.reason && status.reason in reasons ? (status.reason as StatusReason) : reasonOf(status.code ?? code);
  return new ApiError(reason, status.message ?? `the server answered ${code}`, status.details);
}
function reasonOf(code: number): StatusReason {
  const byCode: Record<number, StatusReason> = { 409: 'Conflict', 410: 'Expired' };
  return byCode[code] ?? (Object.keys(reasons) as StatusReason[]).find((reason) => reasons[reason] === code) ?? 'InternalError';
}

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[];
  clusters?: {
    name: string;
    cluster: { server: string; 'certificate-authority-data'?: string; 'certificate-authority'?: string; 'insecure-skip-tls-verify'?: boolean };
  }[];
  users?: { name: string; user: { 'client-certificate-data'?: string; 'client-key-data'?: string; token?: string; [other: string]: unknown } }[];
}

/** The connection that a kubeconfig's current context (or `context`) describes; credentials must be embedded in it. */
export async function fromKubeconfig(text: string, context?: string): Promise<HttpOptions> {
  const { parse } = await import('yaml');
  const config = parse(text) as Kubeconfig | null;
  const wanted = context ?? config?.['current-context'];
  const found = config?.contexts?.find((c) => c.name === wanted)?.context;
  if (!found) throw new Error(`kubeconfig: context "${wanted ?? ''}" does not exist`);
  const cluster = config?.clusters?.find((c) => c.name === found.cluster)?.cluster;
  if (!cluster) throw new Error(`kubeconfig: cluster "${found.cluster}" does not exist`);
  const user = config?.users?.find((u) => u.name === found.user)?.user ?? {};
  for (const file of ['client-certificate', 'client-key', 'tokenFile', 'exec', 'auth-provider']) {
    if (file in user)
      throw new Error(`kubeconfig: user "${found.user}" uses ${file}, which is not supported: embed client-certificate-data and client-key-data, or a token`);
  }
  if (cluster['certificate-authority'])
    throw new Error(`kubeconfig: cluster "${found.cluster}" names a certificate-authority file: embed certificate-authority-data`);
  const decode = (data: string): string => Buffer.from(data, 'base64').toString('utf8');
  return {
    server: cluster.server,
    ...(cluster['certificate-authority-data'] ? { ca: decode(cluster['certificate-authority-data']) } : {}),
    ...(user['client-certificate-data'] ? { cert: decode(user['client-certificate-data']) } : {}),
    ...(user['client-key-data'] ? { key: decode(user['client-key-data']) } : {}),
    ...(user.token ? { token: user.token } : {}),
    ...(cluster['insecure-skip-tls-verify'] ? { insecureSkipTlsVerify: true } : {}),
  };
}
