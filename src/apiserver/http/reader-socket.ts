import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError } from '#machinery';

/** How bytes become messages: as they are, or as text in base64 (wsstream's reader protocols). */
export type ReaderProtocol = '' | 'binary.k8s.io' | 'base64.binary.k8s.io';
const protocols: readonly string[] = ['binary.k8s.io', 'base64.binary.k8s.io'];

/** The first protocol of the client that is known; none is binary. Throws BadRequest for what is no WebSocket, or none of these. */
export function readerProtocol({ headers }: IncomingMessage): ReaderProtocol {
  if (headers.upgrade?.toLowerCase() !== 'websocket' || !headers['sec-websocket-key'])
    throw new ApiError('BadRequest', 'this subresource takes WebSockets only');
  const wanted = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const found = wanted.find((name) => protocols.includes(name));
  if (found === undefined && wanted.some((name) => name !== '')) throw new ApiError('BadRequest', `none of the protocols is known: ${wanted.join(', ')}`);
  return (found ?? '') as ReaderProtocol;
}

interface Connection {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}
/** Completes the handshake and sends every chunk as one message. Resolves when the source or the client is at its end. */
export async function sendMessages(
  { message, socket, head }: Connection,
  protocol: ReaderProtocol,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  socket.write(handshake(message, protocol));
  // A client has nothing to say but that it goes.
  const listen = (bytes: Buffer): void => void ((bytes[0] ?? 0) % 16 === close && socket.destroy());
  socket.on('data', listen);
  listen(head);
  const text = protocol === 'base64.binary.k8s.io';
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      const payload = text ? Buffer.from(Buffer.from(chunk).toString('base64')) : chunk;
      if (!socket.write(frame(text ? 1 : 2, payload))) await drained(socket, signal);
    }
  } finally {
    // 1000: a normal closure.
    socket.end(frame(close, Buffer.from([3, 232])));
  }
}

/** RFC 6455. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const close = 8;
function handshake({ headers }: IncomingMessage, protocol: ReaderProtocol): string {
  const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${guid}`).digest('base64');
  const chosen = protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}\r\n`;
}
function frame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const out = Buffer.alloc(2 + extended + length);
  out[0] = 0x80 | opcode;
  out[1] = extended === 0 ? length : extended === 2 ? 126 : 127;
  if (extended === 2) out.writeUInt16BE(length, 2);
  if (extended === 8) out.writeBigUInt64BE(BigInt(length), 2);
  out.set(payload, 2 + extended);
  return out;
}
function drained(socket: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
