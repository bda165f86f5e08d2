import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { WebSocket, type ClientOptions } from 'ws';
import { FakeClock, Metrics, renderMetrics, systemClock } from '#base';
import type { Api, KubeObject } from '#machinery';
import { certificateAuthenticator } from '../auth/certificates.ts';
import { openPki } from '../pki/pki.ts';
import type { ApiServer } from '../server.ts';
import { admin, fixture, Widget, widget } from '../test-support.ts';

interface Seen {
  readonly type: string;
  readonly object: KubeObject & { code?: number };
}
/** A watching client, and all it got. */
interface Watcher {
  readonly socket: WebSocket;
  readonly events: Seen[];
  readonly binary: boolean[];
  next(count: number): Promise<Seen[]>;
}

describe('watch over a WebSocket', () => {
  let server: ApiServer;
  let api: Api;
  let directory: string;
  let base: string;
  let options: ClientOptions;
  const clock = new FakeClock();
  const metrics = new Metrics();

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'api-'));
    const pki = await openPki(directory, systemClock);
    const tls = { ...(await pki.server('api', ['127.0.0.1', 'localhost'])), clientCa: pki.ca.cert };
    options = { ca: pki.ca.cert, ...(await pki.client('admin', { commonName: 'admin', organizations: ['system:masters'] })) };
    ({ server } = await fixture({ clock, metrics, tls, kinds: [Widget], authenticators: [certificateAuthenticator(pki.ca.cert, systemClock)] }));
    api = server.api(admin);
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    base = `wss://127.0.0.1:${port}/apis/test.batuta.dev/v1/namespaces/default/widgets`;
  });
  after(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  function watch(query: string, protocols: string[] = []): Watcher {
    const socket = new WebSocket(`${base}?watch=true${query}`, protocols, options);
    const events: Seen[] = [];
    const binary: boolean[] = [];
    let wake = (): void => {};
    socket.on('message', (data: Buffer, isBinary) => {
      binary.push(isBinary);
      events.push(JSON.parse(data.toString()) as Seen);
      wake();
    });
    const next = async (count: number): Promise<Seen[]> => {
      while (events.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return events;
    };
    return { socket, events, binary, next };
  }
  const refusal = (watcher: Watcher): Promise<number> =>
    new Promise((resolve) => watcher.socket.on('error', () => {}).on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0)));
  const closed = ({ socket }: Watcher): Promise<number> => new Promise((resolve) => socket.on('close', resolve));

  it('sends each event as a message of text, whatever protocol is named', async () => {
    await api.create(Widget, widget('one'));
    const watcher = watch('&resourceVersion=0', ['base64.binary.k8s.io']);
    await watcher.next(1);
    assert.equal(watcher.socket.protocol, 'base64.binary.k8s.io');
    await api.create(Widget, widget('two'));
    await api.create(Widget, widget('three'));
    const seen = await watcher.next(3);
    assert.deepEqual(
      seen.map(({ type, object }) => [type, object.metadata?.name]),
      [
        ['ADDED', 'one'],
        ['ADDED', 'two'],
        ['ADDED', 'three'],
      ],
    );
    assert.ok(!watcher.binary.includes(true));
    watcher.socket.close();
    await closed(watcher);
  });
  it('answers pings, and closes when its time is over', async () => {
    const watcher = watch('&timeoutSeconds=300');
    await new Promise((resolve) => watcher.socket.once('open', resolve));
    const pong = new Promise<string>((resolve) => watcher.socket.once('pong', (data: Buffer) => resolve(data.toString())));
    watcher.socket.send('what a client says is passed over');
    watcher.socket.ping('there?');
    assert.equal(await pong, 'there?');
    const code = closed(watcher);
    await clock.advance(300_000);
    assert.equal(await code, 1000);
  });
  it('refuses in plain HTTP', async () => {
    assert.equal(await refusal(watch('&labelSelector=!!')), 400);
    assert.equal(await refusal(watch('', ['one', 'two'])), 400);
  });
  it('is counted like any watch', () => {
    const counted = renderMetrics(metrics).split('\n');
    const lines = (code: number): string[] => counted.filter((line) => line.startsWith('apiserver_request_total') && line.includes(`code="${code}"`));
    assert.match(lines(200).join('\n'), /resource="widgets".*verb="WATCH".* 2$/);
    assert.match(lines(400).join('\n'), /resource="widgets".*verb="WATCH".* 2$/);
    assert.ok(counted.some((line) => /^apiserver_longrunning_requests.*verb="WATCH".* 0$/.test(line)));
  });
});
