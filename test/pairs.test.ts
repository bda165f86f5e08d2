/**
 * Requests and what a kube-apiserver answers to them, as data: test/pairs/*.yaml. Each file is one story on a fresh
 * server, its steps in order. A text between slashes is a regular expression, null means absent, objects need only
 * hold what is named, `${name}` is what an earlier step kept.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { createApiServer, openPki, standardParts, type ApiServer } from '#apiserver';
import { FakeClock, seededRandom, silentLogger, systemClock } from '#base';
import { allKinds, Namespace, loadProtobuf, schemas, ServiceAccount } from '#kinds';
import { createMemoryStore } from '#store';

interface Pair {
  name: string;
  /** `GET /api/v1/…` */
  request: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON, a text as it is. */
  body?: unknown;
  type?: string;
  status: number;
  answer?: unknown;
  /** Of a watch: its first events, after which the client goes. */
  events?: unknown[];
  /** The body as text. */
  text?: string;
  answerHeaders?: Record<string, unknown>;
  /** Name → path of the answer, for later steps. */
  keep?: Record<string, string>;
}
interface Answer {
  code: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Says where `actual` is not what the pair wants; undefined when it is. */
function mismatch(actual: unknown, wanted: unknown, path: string): string | undefined {
  if (wanted === null) return actual === undefined || actual === null ? undefined : `${path}: not absent but ${JSON.stringify(actual)}`;
  if (typeof wanted === 'string' && /^\/.*\/$/s.test(wanted))
    return new RegExp(wanted.slice(1, -1), 's').test(String(actual)) ? undefined : `${path}: ${JSON.stringify(actual)} does not match ${wanted}`;
  if (typeof wanted !== 'object') return actual === wanted ? undefined : `${path}: ${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`;
  if (typeof actual !== 'object' || actual === null) return `${path}: ${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`;
  if (Array.isArray(wanted) && (!Array.isArray(actual) || actual.length !== wanted.length))
    return `${path}: ${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`;
  for (const [key, value] of Object.entries(wanted)) {
    const found = mismatch((actual as Record<string, unknown>)[key], value, `${path}.${key}`);
    if (found) return found;
  }
  return undefined;
}

for (const file of globSync('test/pairs/*.yaml', { cwd: join(import.meta.dirname, '..') }).sort()) {
  describe(basename(file, '.yaml'), () => {
    const pairs = parse(readFileSync(join(import.meta.dirname, '..', file), 'utf8')) as Pair[];
    const kept = new Map<string, string>();
    let server: ApiServer;
    let directory: string;
    let port: number;
    let identity: { cert: string; key: string };

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'pairs-'));
      const pki = await openPki(directory, systemClock);
      identity = await pki.client('admin', { commonName: 'admin', organizations: ['system:masters'] });
      const random = seededRandom(1);
      const clock = new FakeClock(systemClock.now());
      const parts = standardParts({
        clock,
        random,
        serviceCidr: '10.96.0.0/16',
        clientCa: pki.ca.cert,
        tokenKey: pki.tokenKey,
        tokens: [{ token: 'stranger', user: { username: 'stranger', groups: [] } }],
      });
      const tls = { ...(await pki.server('api', ['127.0.0.1'])), clientCa: pki.ca.cert };
      server = createApiServer({
        ...parts,
        clock,
        random,
        log: silentLogger,
        kinds: allKinds,
        schemas,
        store: createMemoryStore(),
        tls,
        protobuf: loadProtobuf,
        flags: { listen: '127.0.0.1', store: 'memory' },
      });
      await server.ready();
      const api = server.api({ username: 'system', groups: ['system:masters'] });
      await api.create(Namespace, { metadata: { name: 'default' } });
      await api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
      ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
    });
    after(async () => {
      await server.close();
      await rm(directory, { recursive: true });
    });

    const fill = (text: string): string => text.replace(/\$\{(\w+)\}/g, (_all, name: string) => kept.get(name) ?? assert.fail(`no step kept ${name}`));

    function ask({ request: line, headers = {}, body, type, events }: Pair): Promise<Answer> {
      const [method = '', path = ''] = fill(line).split(' ');
      const text = body === undefined ? undefined : fill(typeof body === 'string' ? body : JSON.stringify(body));
      const length = text === undefined ? {} : { 'content-type': type ?? 'application/json', 'content-length': String(Buffer.byteLength(text)) };
      const credentials = headers['authorization'] ? {} : identity;
      return new Promise((resolve, reject) => {
        const outgoing = request(
          { host: '127.0.0.1', port, method, path, ...credentials, rejectUnauthorized: false, agent: false, headers: { ...length, ...headers } },
          (response) => {
            let read = '';
            const finish = (): void => resolve({ code: response.statusCode ?? 0, headers: response.headers, text: read });
            response.setEncoding('utf8').on('data', (text: string) => {
              read += text;
              if (!events || read.split('\n').length <= events.length) return;
              finish();
              outgoing.destroy();
            });
            response.on('end', finish);
          },
        );
        outgoing.on('error', reject);
        outgoing.end(text);
      });
    }
    function keep(pair: Pair, value: unknown): void {
      for (const [name, path] of Object.entries(pair.keep ?? {})) {
        const found = path.split('.').reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], value);
        assert.ok(typeof found === 'string', `${pair.name}: nothing to keep at ${path}`);
        kept.set(name, found);
      }
    }

    for (const pair of pairs)
      test(pair.name, async () => {
        const answer = await ask(pair);
        assert.equal(answer.code, pair.status, answer.text);
        const wanted = JSON.parse(
          fill(JSON.stringify({ answer: pair.answer ?? {}, events: pair.events ?? [], headers: pair.answerHeaders ?? {}, text: pair.text ?? '/^/' })),
        ) as Pair & {
          headers: unknown;
        };
        if (pair.events) {
          const events = answer.text.split('\n').slice(0, pair.events.length);
          assert.equal(
            mismatch(
              events.map((line) => JSON.parse(line) as unknown),
              wanted.events,
              'events',
            ),
            undefined,
          );
          return;
        }
        const json = answer.text.startsWith('{') ? (JSON.parse(answer.text) as unknown) : {};
        assert.equal(mismatch(json, wanted.answer, ''), undefined);
        assert.equal(mismatch(answer.headers, wanted.headers, 'header'), undefined);
        assert.equal(mismatch(answer.text, wanted.text, 'text'), undefined);
        keep(pair, json);
      });
  });
}
