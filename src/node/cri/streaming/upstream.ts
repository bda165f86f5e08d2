import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { RuntimeError } from '../../runtime.ts';

/** Connects to the streaming server that a CRI call named. */
export function dial(url: URL): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: Number(url.port || 80), noDelay: true });
    socket.once('error', (error) => reject(new RuntimeError('unavailable', `cannot reach containerd's streaming server: ${error.message}`)));
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** Hands the client's untouched upgrade request to the streaming server, and then every byte both ways. */
export async function passThrough(url: URL, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const upstream = await dial(url);
  upstream.write(`${request.method} ${url.pathname}${url.search} HTTP/1.1\r\n${forwardedHeaders(request, url.host)}\r\n`);
  if (head.length > 0) upstream.write(head);
  await join(socket, upstream);
}

/** Credentials are for us; the rest, with names as the client wrote them, is for the streaming server. */
function forwardedHeaders(request: IncomingMessage, host: string): string {
  const lines: string[] = [`Host: ${host}\r\n`];
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!/^(?:host|authorization|cookie|impersonate-.*|content-length)$/i.test(name)) lines.push(`${name}: ${raw[i + 1]}\r\n`);
  }
  return lines.join('');
}

/** Pipes two connections into each other with back-pressure; resolves when both are over. */
export function join(a: Duplex, b: Duplex): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const closed = (other: Duplex) => (): void => {
      other.destroy();
      if (--open === 0) resolve();
    };
    a.once('close', closed(b));
    b.once('close', closed(a));
    for (const side of [a, b]) side.on('error', () => side.destroy());
    a.pipe(b);
    b.pipe(a);
  });
}

/** Upgrades to SPDY/3.1 ourselves. Resolves with the connection and what already arrived behind the answer. */
export async function upgradeToSpdy(url: URL, protocol: string): Promise<{ socket: Socket; head: Buffer }> {
  const socket = await dial(url);
  socket.write(
    `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
      `X-Stream-Protocol-Version: ${protocol}\r\nContent-Length: 0\r\n\r\n`,
  );
  const { status, text, head } = await responseHead(socket);
  if (status === 101) return { socket, head };
  socket.destroy();
  throw new RuntimeError('exec', `containerd's streaming server refused the stream: ${text}`);
}

const maxResponseHead = 64 << 10;
function responseHead(socket: Socket): Promise<{ status: number; text: string; head: Buffer }> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const settle = (fn: () => void): void => {
      socket.off('data', onData).off('close', onClose).off('error', onError);
      socket.pause();
      fn();
    };
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end < 0 && received.length < maxResponseHead) return;
      const text = received.toString('latin1', 0, Math.max(end, 0));
      settle(() =>
        resolve({ status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0), text: text.split('\r\n')[0] ?? '', head: received.subarray(end + 4) }),
      );
    };
    const onClose = (): void => settle(() => reject(new RuntimeError('unavailable', "containerd's streaming server closed the connection")));
    const onError = (error: Error): void => settle(() => reject(new RuntimeError('unavailable', `containerd's streaming server: ${error.message}`)));
    socket.on('data', onData).once('close', onClose).once('error', onError);
  });
}
