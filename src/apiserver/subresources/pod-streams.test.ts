import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { seededRandom, systemClock } from '#base';
import { allKinds, Namespace, Pod, schemas, ServiceAccount } from '#kinds';
import type { Api, LogOptions, NodeStreams } from '#machinery';
import { openPki, type Pki } from '../pki/pki.ts';
import type { ApiServer } from '../server.ts';
import { standardParts } from '../standard.ts';
import { admin, fixture } from '../test-support.ts';

describe('pod streams', () => {
  let server: ApiServer;
  let api: Api;
  let pki: Pki;
  let directory: string;
  let port: number;
  let identity: { cert: string; key: string };
  let asked: LogOptions | undefined;
  const seen = { aborted: 0 };
  const calls: string[] = [];
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const node: NodeStreams = {
    async logs(target, options, signal) {
      asked = options;
      calls.push(`logs ${target.namespace}/${target.name}/${target.container}`);
      return (async function* () {
        yield text('one\n');
        yield text('two\n');
        if (options.follow) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        if (signal.aborted) seen.aborted++;
      })();
    },
    async exec(target, options, _request, socket, head) {
      calls.push(`exec ${target.container} ${options.command.join(' ')} tty=${options.tty} stdin=${options.stdin} head=${head.length}`);
      socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: SPDY/3.1\r\nconnection: upgrade\r\n\r\nhello');
    },
    async attach(_target, _options, _request, socket) {
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    },
    async portForward(target, ports, _request, socket) {
      calls.push(`forward ${target.name} ${ports.join(',')}`);
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    },
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'streams-'));
    pki = await openPki(directory, systemClock);
    identity = await pki.client('admin', { commonName: 'admin', organizations: ['system:masters'] });
    const parts = standardParts({ clock: systemClock, random: seededRandom(2), serviceCidr: '10.96.0.0/16', clientCa: pki.ca.cert, tokenKey: pki.tokenKey });
    const tls = { ...(await pki.server('api', ['127.0.0.1'])), clientCa: pki.ca.cert };
    ({ server } = await fixture({ ...parts, clock: systemClock, tls, kinds: allKinds, schemas, nodeStreams: (name) => (name === 'n1' ? node : undefined) }));
    api = server.api(admin);
    await api.create(Namespace, { metadata: { name: 'default' } });
    await api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
    const container = (name: string) => ({ name, image: 'i' });
    const make = async (name: string, nodeName: string, containers: string[], states: object): Promise<void> => {
      const pod = await api.create(Pod, {
        metadata: { name, namespace: 'default' },
        spec: { ...(nodeName ? { nodeName } : {}), containers: containers.map(container) },
      });
      const containerStatuses = containers.map((c) => ({ name: c, image: 'i', imageID: '', ready: false, restartCount: 0, ...states }));
      await api.update(Pod, { ...pod, status: { phase: 'Running', containerStatuses } }, { subresource: 'status' });
    };
    await make('two', 'n1', ['a', 'b'], { state: { running: { startedAt: '2026-01-01T00:00:00Z' } } });
    await make('starting', 'n1', ['c'], { state: { waiting: { reason: 'ContainerCreating' } } });
    await make('lost', 'n2', ['c'], { state: { running: { startedAt: '2026-01-01T00:00:00Z' } } });
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });
  after(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  const base = '/api/v1/namespaces/default/pods/';
  function get(path: string, until?: (body: string) => boolean): Promise<{ code: number; body: string }> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest({ host: '127.0.0.1', port, path: base + path, ca: pki.ca.cert, agent: false, ...identity }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part;
          if (until?.(body)) {
            request.destroy();
            resolve({ code: response.statusCode ?? 0, body });
          }
        });
        response.on('end', () => resolve({ code: response.statusCode ?? 0, body }));
      });
      request.on('error', (error) => (until ? undefined : reject(error)));
      request.end();
    });
  }
  function upgrade(path: string, as: object = identity): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca: pki.ca.cert, ...as, ALPNProtocols: ['http/1.1'] }, () =>
        socket.write(`POST ${base}${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\ncontent-length: 0\r\n\r\n`),
      );
      let answer = '';
      socket
        .setEncoding('utf8')
        .on('data', (part: string) => (answer += part))
        .on('close', () => resolve(answer));
    });
  }

  it('reads logs with the options kubectl sends', async () => {
    const before = systemClock.now();
    const answer = await get('two/log?container=b&tailLines=5&sinceSeconds=60&timestamps=true&limitBytes=100');
    assert.deepEqual([answer.code, answer.body], [200, 'one\ntwo\n']);
    assert.deepEqual(
      { ...asked, sinceTime: 0 },
      { container: 'b', follow: false, previous: false, timestamps: true, tailLines: 5, limitBytes: 100, sinceTime: 0 },
    );
    assert.ok(Math.abs((asked?.sinceTime ?? 0) - (before - 60_000)) < 5_000);
  });
  it('follows until the client leaves', async () => {
    const answer = await get('two/log?container=a&follow=true', (body) => body.includes('two'));
    assert.equal(answer.body, 'one\ntwo\n');
    for (let i = 0; i < 200 && seen.aborted === 0; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(seen.aborted, 1);
  });
  it('says what is wrong in the words of kube-apiserver', async () => {
    const message = async (path: string): Promise<string> => (JSON.parse((await get(path)).body) as { message: string }).message;
    assert.equal(await message('two/log'), 'a container name must be specified for pod two, choose one of: [a b]');
    assert.equal(await message('two/log?container=x'), 'container x is not valid for pod two');
    assert.equal(await message('starting/log'), 'container "c" in pod "starting" is waiting to start: ContainerCreating');
    assert.equal(await message('two/log?container=a&previous=true'), 'previous terminated container "a" in pod "two" not found');
    assert.equal(await message('none/log'), 'pods "none" not found');
    assert.match(await message('lost/log'), /node "n2" of pod "lost" does not answer/);
    assert.match(await message('two/log?container=a&tailLines=-1'), /tailLines: Invalid value: -1: must be greater than or equal to 0/);
    assert.equal(await message('two/exec?command=ls&stdout=true'), 'Upgrade request required');
  });
  it('hands sockets over after authorization only', async () => {
    assert.match(await upgrade('two/exec?command=ls&command=-l&container=a&stdin=true&stdout=true&tty=true'), /^HTTP\/1\.1 101 .*hello$/s);
    assert.equal(calls.at(-1), 'exec a ls -l tty=true stdin=true head=0');
    assert.match(await upgrade('two/portforward?ports=80'), /^HTTP\/1\.1 101/);
    assert.equal(calls.at(-1), 'forward two 80');
    assert.match(
      await upgrade('two/exec?command=ls&container=a&stdout=true', {}),
      /^HTTP\/1\.1 403 Forbidden.*pods \\"two\\" is forbidden: User \\"system:anonymous\\" cannot create resource \\"pods\/exec\\"/s,
    );
    assert.match(await upgrade('two/exec?container=a&stdout=true'), /^HTTP\/1\.1 400 .*you must specify at least one command/s);
    assert.match(await upgrade('starting/exec?command=ls&stdout=true'), /^HTTP\/1\.1 500 .*container not found/s);
  });
});
