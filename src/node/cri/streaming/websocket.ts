import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { SpdyConnection } from './spdy.ts';

/** Bytes that may wait in a WebSocket before the other side is held back. */
const highWater = 1 << 20;

/** Channels of the remotecommand protocol: the first byte of every message. */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export interface RemoteCommandStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/**
 * Accepts the client's WebSocket with exactly this subprotocol and hands it to `use` at once: its first messages may
 * already be there. Rejects when the client went away.
 */
export async function acceptWebSocket(
  protocol: string,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  use: (ws: WebSocket) => Promise<void>,
): Promise<void> {
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, handleProtocols: () => protocol });
  await new Promise<void>((resolve, reject) => {
    if (socket.destroyed) return reject(new Error('the client went away'));
    const gone = (): void => reject(new Error('the client went away'));
    socket.once('close', gone);
    server.handleUpgrade(request, socket, head, (ws) => {
      socket.off('close', gone);
      ws.binaryType = 'nodebuffer';
      use(ws).then(resolve, reject);
    });
  });
}

/** The subprotocols a request offers; empty when it asks for no WebSocket. */
export function offeredProtocols(request: IncomingMessage): string[] {
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') return [];
  return (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((p) => p.trim())
    .filter((p) => p !== '');
}

/** SPDY inside a WebSocket: each binary message carries the next bytes of the connection. Resolves when it is over. */
export function tunnel(ws: WebSocket, upstream: Duplex, head: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const toClient = sender(
      ws,
      () => upstream.pause(),
      () => upstream.resume(),
    );
    ws.on('message', (message: RawData) => {
      if (upstream.writable && !upstream.write(message as Buffer)) holdBack(ws, (then) => upstream.once('drain', then));
    });
    ws.once('close', () => {
      upstream.destroy();
      resolve();
    });
    ws.on('error', () => ws.terminate());
    upstream.on('data', toClient);
    upstream.on('error', () => upstream.destroy());
    upstream.once('close', () => ws.close(1000));
    if (head.length > 0) toClient(head);
    upstream.resume();
  });
}

/**
 * v5.channel.k8s.io (KEP-4006) over the runtime's v4 SPDY streams: a close message for stdin becomes SPDY's half-close,
 * which WebSocket v4 cannot say. Resolves when the command and the connection are over.
 */
export function bridgeRemoteCommand(ws: WebSocket, upstream: Duplex, head: Buffer, wanted: RemoteCommandStreams): Promise<void> {
  return new Promise((resolve) => {
    let statusSent = false;
    const channelOf = new Map<number, number>();
    const open = new Set<number>();
    const spdy = new SpdyConnection(upstream, { data: toClient, end: ended, close: upstreamClosed }, head);
    const send = sender(
      ws,
      () => spdy.pause(),
      () => spdy.resume(),
    );
    const ids = openStreams(spdy, wanted);
    for (const [name, id] of Object.entries(ids)) {
      channelOf.set(id, channel[name as keyof typeof ids]);
      if (name === 'error' || name === 'stdout' || name === 'stderr') open.add(id);
    }

    function toClient(streamId: number, chunk: Buffer): void {
      const number = channelOf.get(streamId);
      if (number === undefined) return;
      if (number === channel.error) statusSent = true;
      send(Buffer.concat([Buffer.from([number]), chunk]));
    }
    function ended(streamId: number): void {
      open.delete(streamId);
      if (open.size === 0) spdy.close();
    }
    function upstreamClosed(error: Error | undefined): void {
      if (!statusSent) send(Buffer.concat([Buffer.from([channel.error]), Buffer.from(lostStatus(error))]));
      ws.close(1000);
    }
    function fromClient(message: Buffer): void {
      const payload = message.subarray(1);
      if (message[0] === channel.stdin && ids.stdin !== undefined) write(ids.stdin, payload);
      else if (message[0] === channel.resize && ids.resize !== undefined) write(ids.resize, payload);
      else if (message[0] === channel.close && payload[0] === channel.stdin && ids.stdin !== undefined) spdy.endStream(ids.stdin);
    }
    function write(streamId: number, payload: Buffer): void {
      if (!spdy.write(streamId, payload)) holdBack(ws, (then) => spdy.drained(then));
    }
    ws.on('message', (message: RawData) => fromClient(message as Buffer));
    ws.on('error', () => ws.terminate());
    ws.once('close', () => {
      spdy.destroy();
      resolve();
    });
  });
}

/** The order matters to no one; the server waits until it has all it expects. */
function openStreams(spdy: SpdyConnection, wanted: RemoteCommandStreams): { error: number; stdin?: number; stdout?: number; stderr?: number; resize?: number } {
  const open = (streamtype: string): number => spdy.openStream({ streamtype });
  return {
    error: open('error'),
    ...(wanted.stdin ? { stdin: open('stdin') } : {}),
    ...(wanted.stdout ? { stdout: open('stdout') } : {}),
    ...(wanted.stderr && !wanted.tty ? { stderr: open('stderr') } : {}),
    ...(wanted.tty ? { resize: open('resize') } : {}),
  };
}

/** metav1.Status for a command whose end is not known. */
function lostStatus(error: Error | undefined): string {
  const message = `the connection to the container runtime was lost${error ? `: ${error.message}` : ''}`;
  return JSON.stringify({ metadata: {}, status: 'Failure', reason: 'InternalError', message, code: 500 });
}

/** Sends binary messages, and holds the source back while too much waits. */
function sender(ws: WebSocket, pause: () => void, resume: () => void): (chunk: Buffer) => void {
  let paused = false;
  const sent = (): void => {
    if (!paused || ws.bufferedAmount > highWater / 2) return;
    paused = false;
    resume();
  };
  return (chunk) => {
    if (ws.readyState !== ws.OPEN) return;
    ws.send(chunk, { binary: true }, sent);
    if (paused || ws.bufferedAmount <= highWater) return;
    paused = true;
    pause();
  };
}
function holdBack(ws: WebSocket, drained: (then: () => void) => void): void {
  if (ws.isPaused) return;
  ws.pause();
  drained(() => ws.resume());
}
