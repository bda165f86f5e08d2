import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, systemClock } from '#base';
import { defineKind, type Api, type Kind, type UserInfo } from '#machinery';
import { openPki } from '../pki/pki.ts';
import type { ApiServer, ApiServerOptions } from '../server.ts';
import { standardParts } from '../standard.ts';
import { admin, fixture, Note, Widget } from '../test-support.ts';

export const Namespace: Kind = defineKind({ group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, schema: 'TestNote' });

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Token to show in the place of the administrator's certificate; '' for none. */
  readonly token?: string;
}
/** A server that listens on a port of its own, with the namespace `default`. */
export interface HttpsFixture {
  readonly server: ApiServer;
  readonly api: Api;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** The answer as soon as its head is there: for watches. Destroy it to go away. */
  open(path: string, options?: CallOptions): Promise<IncomingMessage>;
  close(): Promise<void>;
}

export async function serveHttps(options: Partial<ApiServerOptions> = {}, tokens: readonly { token: string; user: UserInfo }[] = []): Promise<HttpsFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'batuta-https-test-'));
  const pki = await openPki(directory, systemClock);
  const tls = { ...(await pki.server('api', ['127.0.0.1', 'localhost'])), clientCa: pki.ca.cert };
  const identity = await pki.client('admin', { commonName: 'admin', organizations: ['system:masters'] });
  const parts = standardParts({
    clock: systemClock,
    random: seededRandom(2),
    serviceCidr: '10.96.0.0/16',
    clientCa: pki.ca.cert,
    tokenKey: pki.tokenKey,
    tokens,
  });
  const { server } = await fixture({ ...parts, clock: systemClock, tls, kinds: [Widget, Note, Namespace], ...options });
  const api = server.api(admin);
  await api.create(Namespace, { metadata: { name: 'default' } });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });

  function start(method: string, path: string, { body, headers, token }: CallOptions): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const credentials = token === undefined ? identity : {};
    const all = {
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const request = httpsRequest({ host: '127.0.0.1', port, method, path, ca: pki.ca.cert, agent: false, ...credentials, headers: all }, resolve);
      request.on('error', reject);
      request.end(text);
    });
  }
  return {
    server,
    api,
    open: (path, given = {}) => start('GET', path, given),
    async call(method, path, given = {}) {
      const response = await start(method, path, given);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      return { code: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() };
    },
    async close() {
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}
