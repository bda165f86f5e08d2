import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { ClientRequest } from 'node:http';
import { after } from 'node:test';
import { eventually, type Cluster } from './harness.ts';

export type Fields = Record<string, unknown>;
export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}
/** Any object; its spec and status are what a test says they are. */
export interface Thing<Spec = Fields, Status = Fields> {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    generation?: number;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[];
  };
  spec: Spec;
  status: Status & { conditions?: Condition[] };
}
export interface Things<T = Thing> {
  metadata: { resourceVersion: string };
  items: T[];
}
export interface WatchEvent<T = Thing> {
  type: string;
  object: T;
}
export interface Answer {
  code: number;
  body: Fields;
}
/** The events of one watch, each of which is awaited after the one before. */
export interface Events {
  next<T = Thing>(what: string, test: (event: WatchEvent<T>) => unknown): Promise<T>;
  readonly all: readonly WatchEvent[];
}
export const patchTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
} as const;

/** The API as a client over HTTP that knows no types sees it: what the specs of the conformance suite call a dynamic client. */
export function wireKit(my: { readonly cluster: Cluster }) {
  let agent: Agent | undefined;
  const open = new Set<ClientRequest>();
  after(() => {
    for (const one of open) one.destroy();
    agent?.destroy();
  });
  const connect = (): Agent => {
    const config = readFileSync(my.cluster.kubeconfig, 'utf8');
    const field = (name: string): Buffer => Buffer.from(new RegExp(`${name}: (\\S+)`).exec(config)?.[1] ?? '', 'base64');
    return new Agent({ keepAlive: true, ca: field('certificate-authority-data'), cert: field('client-certificate-data'), key: field('client-key-data') });
  };
  const to = (method: string, path: string, headers: Record<string, string> = {}) => ({
    host: '127.0.0.1',
    port: my.cluster.kubePort,
    method,
    path,
    agent: (agent ??= connect()),
    headers: { accept: 'application/json', ...headers },
  });

  const call = (method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = body === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) };
      const outgoing = request(to(method, path, headers), (incoming) => {
        let read = '';
        incoming.setEncoding('utf8').on('data', (part: string) => (read += part));
        incoming.on('end', () => resolve({ code: incoming.statusCode ?? 0, body: (read.startsWith('{') ? JSON.parse(read) : { text: read }) as Fields }));
      });
      outgoing.on('error', reject).end(text);
    });
  const ok = async <T = Thing>(method: string, path: string, body?: unknown, type?: string): Promise<T> => {
    const answer = await call(method, path, body, type);
    assert.ok(answer.code < 300, `${method} ${path}: ${answer.code} ${JSON.stringify(answer.body)}`);
    return answer.body as T;
  };
  const get = <T = Thing>(path: string): Promise<T> => ok<T>('GET', path);
  const create = <T = Thing>(path: string, body: object): Promise<T> => ok<T>('POST', path, body);
  const patch = <T = Thing>(path: string, body: unknown, type: keyof typeof patchTypes = 'strategic'): Promise<T> =>
    ok<T>('PATCH', path, body, patchTypes[type]);
  const items = async <T = Thing>(path: string): Promise<T[]> => (await get<Things<T>>(path)).items;

  /** GET, change, PUT; again when somebody else was faster. */
  const update = async <T extends object = Thing>(path: string, change: (object: T) => void): Promise<T> => {
    for (;;) {
      const object = await get<T>(path);
      change(object);
      const answer = await call('PUT', path, object);
      if (answer.code === 409) continue;
      assert.equal(answer.code, 200, `PUT ${path}: ${JSON.stringify(answer.body)}`);
      return answer.body as T;
    }
  };

  /** The events of a collection from `from` on; without it from now on. */
  const watch = async (path: string, from?: string): Promise<Events> => {
    const all: WatchEvent[] = [];
    const since = from ?? (await get<Things>(path)).metadata.resourceVersion;
    let ended = '';
    const outgoing = request(to('GET', `${path}${path.includes('?') ? '&' : '?'}watch=true&resourceVersion=${since}`), (incoming) => {
      let rest = '';
      incoming.setEncoding('utf8').on('data', (part: string) => {
        const lines = (rest + part).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines.filter(Boolean)) all.push(JSON.parse(line) as WatchEvent);
      });
      incoming.on('close', () => (ended = `, which ended: ${incoming.statusCode} ${rest}`));
    });
    outgoing.on('error', (error) => (ended = `, which failed: ${error.message}`)).end();
    open.add(outgoing);
    let at = 0;
    const next = async <T>(what: string, test: (event: WatchEvent<T>) => unknown): Promise<T> => {
      try {
        return await eventually(what, async () => {
          while (at < all.length) {
            const event = all[at++] as WatchEvent<T>;
            if (test(event)) return event.object;
          }
          return undefined;
        });
      } catch (error) {
        const seen = all.map(({ type, object }) => `${type} ${object.metadata.name} ${JSON.stringify(object.status)}`).join('\n');
        throw new Error(`${(error as Error).message}; the watch of ${path}${ended} said\n${seen}`, { cause: error });
      }
    };
    return { all, next };
  };
  return { call, ok, get, create, patch, update, items, watch };
}

export const conditionOf = (object: { status: { conditions?: Condition[] } }, type: string): Condition | undefined =>
  object.status.conditions?.find((one) => one.type === type);
/** A condition that a spec writes itself. */
export const written = (type: string): Condition => ({ type, status: 'True', reason: 'E2E', message: 'Set from e2e test' });
