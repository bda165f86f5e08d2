import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError } from '#machinery';
import { handshake, isWebSocket, listenOnly, messageFrame, normalClosure, offered, opcode, type Connection } from './socket-frames.ts';

/** How bytes become messages: as they are, or as text in base64 (wsstream's reader protocols). */
export type ReaderProtocol = '' | 'binary.k8s.io' | 'base64.binary.k8s.io';
const protocols: readonly string[] = ['binary.k8s.io', 'base64.binary.k8s.io'];

/** The first protocol of the client that is known; none is binary. Throws BadRequest for what is no WebSocket, or none of these. */
export function readerProtocol(message: IncomingMessage): ReaderProtocol {
  if (!isWebSocket(message)) throw new ApiError('BadRequest', 'this subresource takes WebSockets only');
  const wanted = offered(message);
  const found = wanted.find((name) => protocols.includes(name));
  if (found === undefined && wanted.length > 0) throw new ApiError('BadRequest', `none of the protocols is known: ${wanted.join(', ')}`);
  return (found ?? '') as ReaderProtocol;
}

/** Completes the handshake and sends every chunk as one message. Resolves when the source or the client is at its end. */
export async function sendMessages(connection: Connection, protocol: ReaderProtocol, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  const { message, socket } = connection;
  socket.write(handshake(message, protocol));
  listenOnly(connection);
  const text = protocol === 'base64.binary.k8s.io';
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      const payload = text ? Buffer.from(Buffer.from(chunk).toString('base64')) : chunk;
      if (!socket.write(messageFrame(text ? opcode.text : opcode.binary, payload))) await drained(socket, signal);
    }
  } finally {
    socket.end(messageFrame(opcode.close, normalClosure));
  }
}

function drained(socket: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
