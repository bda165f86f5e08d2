/** Streams without kubectl: exec, attach, ports, logs and watches over WebSockets, as browsers and the conformance suite use them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { idle, pod, sh } from './pod-kit.ts';
import { cannotRunContainers, root, useCluster } from './harness.ts';

/** One message of the server. */
interface Message {
  readonly text: boolean;
  readonly data: Buffer;
}

/** The client's half of RFC 6455, as far as these tests need it. */
class Socket {
  readonly protocol: string;
  readonly messages: Message[] = [];
  closed = false;
  readonly #stream: Duplex;
  #unread: Buffer = Buffer.alloc(0);
  #waiting: (() => void)[] = [];
  constructor(stream: Duplex, protocol: string, head: Buffer) {
    this.#stream = stream;
    this.protocol = protocol;
    stream.on('data', (bytes: Buffer) => this.#read(bytes));
    stream.on('close', () => this.#end());
    stream.on('error', () => this.#end());
    this.#read(head);
  }
  send(data: Buffer, text = false): void {
    const mask = randomBytes(4);
    const masked = data.map((byte, i) => byte ^ (mask[i % 4] as number));
    const length = data.length < 126 ? Buffer.from([0x80 | data.length]) : Buffer.from([0x80 | 126, data.length >> 8, data.length & 255]);
    this.#stream.write(Buffer.concat([Buffer.from([0x80 | (text ? 1 : 2)]), length, mask, masked]));
  }
  close(): void {
    this.#stream.destroy();
  }
  /** Resolves when `test` says so of what has come, or the stream is over. */
  async until(test: () => boolean): Promise<void> {
    while (!test() && !this.closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
  /** All that came on a channel, for protocols whose messages begin with its number. */
  channel(number: number): string {
    const parts = this.messages.flatMap(({ text, data }) => {
      if (!text) return data[0] === number ? [data.subarray(1)] : [];
      return data[0] === 48 + number ? [Buffer.from(data.subarray(1).toString(), 'base64')] : [];
    });
    return Buffer.concat(parts).toString();
  }
  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const [first = 0, second = 0] = this.#unread;
      const long = (second & 127) === 126;
      const head = long ? 4 : 2;
      if (this.#unread.length < head) break;
      const size = long ? this.#unread.readUInt16BE(2) : second & 127;
      if (this.#unread.length < head + size) break;
      const data = this.#unread.subarray(head, head + size);
      this.#unread = this.#unread.subarray(head + size);
      if ((first & 15) === 8) this.#stream.end();
      else if ((first & 15) < 8) this.messages.push({ text: (first & 15) === 1, data });
    }
    this.#wake();
  }
  #end(): void {
    this.closed = true;
    this.#wake();
  }
  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

describe('WebSockets', { skip: cannotRunContainers() ?? false }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  let token = '';
  before(async () => {
    const listening = sh('echo ready; nc -ll -p 8080 -e cat & ' + idle, { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } });
    await my.cluster.apply(JSON.stringify(pod('p', [listening], {})));
    await my.cluster.kubectl('create', 'sa', 'robot');
    await my.cluster.kubectl('create', 'clusterrolebinding', 'robot', '--clusterrole=cluster-admin', '--serviceaccount=default:robot');
    token = (await my.cluster.kubectl('create', 'token', 'robot')).trim();
    await my.cluster.kubectl('wait', '--for=condition=Ready', 'pod/p', '--timeout=120s');
  });
  /** Resolves with the status code when the server does not switch protocols. */
  const open = (path: string, ...protocols: string[]): Promise<Socket | number> =>
    new Promise((resolve, reject) => {
      const outgoing = request({
        host: '127.0.0.1',
        port: my.cluster.kubePort,
        path: `/api/v1/namespaces/default/pods${path.startsWith('?') ? '' : '/'}${path}`,
        rejectUnauthorized: false,
        headers: {
          authorization: `Bearer ${token}`,
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': randomBytes(16).toString('base64'),
          ...(protocols.length ? { 'sec-websocket-protocol': protocols.join(', ') } : {}),
        },
      });
      outgoing.on('upgrade', (response, stream, head) => resolve(new Socket(stream, response.headers['sec-websocket-protocol'] ?? '', head)));
      outgoing.on('response', (response) => (response.resume(), resolve(response.statusCode ?? 0)));
      outgoing.on('error', reject);
      outgoing.end();
    });
  const opened = async (path: string, ...protocols: string[]): Promise<Socket> => {
    const socket = await open(path, ...protocols);
    assert.ok(socket instanceof Socket, `refused with ${socket as number}`);
    return socket;
  };
  const command = (...args: string[]): string => args.map((arg) => `command=${encodeURIComponent(arg)}`).join('&');

  for (const protocol of ['channel.k8s.io', 'v4.channel.k8s.io', 'v5.channel.k8s.io', 'base64.channel.k8s.io', 'v4.base64.channel.k8s.io']) {
    test(`exec speaks ${protocol}`, async () => {
      const socket = await opened(`p/exec?${command('sh', '-c', 'echo out; echo err >&2; exit 3')}&stdout=1&stderr=1`, protocol);
      assert.equal(socket.protocol, protocol);
      await socket.until(() => false);
      assert.deepEqual([socket.channel(1), socket.channel(2)], ['out\n', 'err\n']);
      if (protocol.startsWith('v')) {
        const status = JSON.parse(socket.channel(3)) as { status: string; reason: string; details: { causes: unknown[] } };
        assert.deepEqual([status.status, status.reason, status.details.causes], ['Failure', 'NonZeroExitCode', [{ reason: 'ExitCode', message: '3' }]]);
      } else assert.match(socket.channel(3), /exit code 3/);
    });
  }

  test('the newest that both know is spoken', async () => {
    const socket = await opened(`p/exec?${command('true')}&stdout=1`, 'v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io');
    assert.equal(socket.protocol, 'v5.channel.k8s.io');
    await socket.until(() => false);
    assert.equal((JSON.parse(socket.channel(3)) as { status: string }).status, 'Success');
  });

  test('standard input, and its end in v5', async () => {
    const socket = await opened(`p/exec?${command('cat')}&stdin=1&stdout=1`, 'v5.channel.k8s.io');
    socket.send(Buffer.from('\0one\n'));
    socket.send(Buffer.from('\0two\n'));
    socket.send(Buffer.from([255, 0]));
    await socket.until(() => false);
    assert.equal(socket.channel(1), 'one\ntwo\n');
    assert.match(socket.channel(3), /"Success"/);
  });

  test('a terminal gets its size', async () => {
    // The runtime sets the size when it gets to it: the shell asks until there is one.
    const socket = await opened(
      `p/exec?${command('sh', '-c', 'until [ -n "$size" ]; do size=$(stty size 2>/dev/null); done; echo $size')}&stdin=1&stdout=1&tty=1`,
      'v4.channel.k8s.io',
    );
    socket.send(Buffer.from('\x04{"Width":97,"Height":31}'));
    await socket.until(() => /\d+ \d+/.test(socket.channel(1)));
    assert.match(socket.channel(1), /31 97/);
    socket.close();
  });

  test('attach sees what the process says', async () => {
    const talker = pod('talker', [sh('i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.2; done')]);
    await my.cluster.apply(JSON.stringify(talker));
    await my.cluster.kubectl('wait', '--for=condition=Ready', 'pod/talker', '--timeout=120s');
    const socket = await opened('talker/attach?stdout=1&container=main', 'v4.channel.k8s.io');
    await socket.until(() => /tick \d+\n.*tick \d+\n/s.test(socket.channel(1)));
    assert.match(socket.channel(1), /tick \d+\n.*tick \d+\n/s);
    socket.close();
  });

  const ports = '\x00\x90\x1f'; // 8080, little-endian, as the first message of each channel
  for (const protocol of ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io']) {
    test(`a port over ${protocol}`, async () => {
      const socket = await opened('p/portforward?ports=8080', protocol);
      assert.equal(socket.protocol, protocol);
      const send = (text: string): void =>
        protocol.includes('base64') ? socket.send(Buffer.from(`0${Buffer.from(text).toString('base64')}`), true) : socket.send(Buffer.from(`\0${text}`));
      await socket.until(() => socket.messages.length >= 2);
      assert.deepEqual(
        [socket.channel(0), socket.channel(1)],
        [ports.slice(1), ports.slice(1)].map((bytes) => Buffer.from(bytes, 'latin1').toString()),
      );
      send('hello');
      await socket.until(() => socket.channel(0).endsWith('hello'));
      send(' world');
      await socket.until(() => socket.channel(0).endsWith('hello world'));
      assert.match(socket.channel(0), /hello world$/, socket.channel(1));
      socket.close();
    });
  }
  test('a port that nobody listens to', async () => {
    const socket = await opened('p/portforward?ports=8081', 'v4.channel.k8s.io');
    await socket.until(() => socket.channel(1).length > 2);
    assert.match(socket.channel(1), /8081/);
    socket.close();
  });

  test('logs, as bytes and as base64', async () => {
    const text = async (...protocols: string[]): Promise<string> => {
      const socket = await opened('p/log?container=main', ...protocols);
      assert.equal(socket.protocol, protocols[0] ?? '');
      await socket.until(() => false);
      return socket.messages.map(({ text: base64, data }) => (base64 ? Buffer.from(data.toString(), 'base64') : data).toString()).join('');
    };
    assert.deepEqual([await text(), await text('binary.k8s.io'), await text('base64.binary.k8s.io')], ['ready\n', 'ready\n', 'ready\n']);
  });
  test('a watch: a message of text for each event', async () => {
    const socket = await opened('?watch=true&fieldSelector=metadata.name=watched', 'base64.binary.k8s.io');
    await my.cluster.apply(JSON.stringify(pod('watched', [sh(idle)], { nodeName: 'none' })));
    await my.cluster.kubectl('label', 'pod/watched', 'seen=yes');
    const events = (): { type: string; object: { metadata: { name: string; labels?: { seen?: string } } } }[] =>
      socket.messages.map(({ data }) => JSON.parse(data.toString()) as ReturnType<typeof events>[number]);
    await socket.until(() => events().some(({ object }) => object.metadata.labels?.seen === 'yes'));
    assert.deepEqual([events()[0]?.type, events()[0]?.object.metadata.name, events().at(-1)?.type], ['ADDED', 'watched', 'MODIFIED']);
    assert.ok(socket.messages.every(({ text }) => text));
    socket.close();
    await my.cluster.kubectl('delete', 'pod/watched', '--force', '--grace-period=0');
  });

  test('a protocol that nobody speaks, and a command that is not there', async () => {
    assert.equal(typeof (await open(`p/exec?${command('true')}&stdout=1`, 'v9.example.com')), 'number');
    const socket = await opened(`p/exec?${command('/no/such')}&stdout=1&stderr=1`, 'v4.channel.k8s.io');
    await socket.until(() => false);
    assert.match(socket.channel(3), /"Failure"/);
  });
});
