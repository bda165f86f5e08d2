import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Opcodes of RFC 6455, 5.2. */
export const opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** 1000: a normal closure. */
export const normalClosure: Buffer = Buffer.from([3, 232]);
/** What a ping may carry at most. */
const longestControl = 125;

/** An upgrade as the HTTP server hands it over. */
export interface Connection {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

export function isWebSocket({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && headers['sec-websocket-key'] !== undefined;
}
/** The subprotocols a client offers, in its order. */
export function offered({ headers }: Pick<IncomingMessage, 'headers'>): string[] {
  return (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** The server's half of the handshake. `protocol` is one of those offered, or empty. */
export function handshake({ headers }: Pick<IncomingMessage, 'headers'>, protocol: string): string {
  const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${guid}`).digest('base64');
  const chosen = protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}\r\n`;
}

/** A whole message in one frame. */
export function messageFrame(code: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const out = Buffer.allocUnsafe(2 + extended + length);
  out[0] = 0x80 | code;
  out[1] = extended === 0 ? length : extended === 2 ? 126 : 127;
  if (extended === 2) out.writeUInt16BE(length, 2);
  if (extended === 8) out.writeBigUInt64BE(BigInt(length), 2);
  out.set(payload, 2 + extended);
  return out;
}

/**
 * Follows a client that has nothing to say: what it sends is passed over, its pings are answered, and when it closes,
 * so does the socket.
 */
export function listenOnly({ socket, head }: Connection): void {
  let unread: Buffer = head;
  let skip = 0;
  const take = (bytes: Buffer): void => {
    unread = unread.length === 0 ? bytes : Buffer.concat([unread, bytes]);
    for (;;) {
      const passed = Math.min(skip, unread.length);
      skip -= passed;
      unread = unread.subarray(passed);
      const frame = headOf(unread);
      if (!frame || (frame.control && unread.length < frame.payloadAt + frame.length)) return;
      if (frame.control) answer(socket, frame, unread);
      skip = frame.payloadAt + frame.length;
    }
  };
  socket.on('data', take);
  take(Buffer.alloc(0));
}
interface FrameHead {
  readonly code: number;
  readonly control: boolean;
  /** Where the payload begins; the mask is the four bytes before it. */
  readonly payloadAt: number;
  readonly length: number;
}
function headOf(bytes: Buffer): FrameHead | undefined {
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
  const masked = second >= 0x80 ? 4 : 0;
  if (bytes.length < 2 + extended + masked) return undefined;
  const length = extended === 0 ? short : extended === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  return { code: first & 15, control: (first & 15) >= 8 && length <= longestControl, payloadAt: 2 + extended + masked, length };
}
function answer(socket: Duplex, { code, payloadAt, length }: FrameHead, bytes: Buffer): void {
  if (code === opcode.close) socket.destroy();
  if (code !== opcode.ping || !socket.writable) return;
  const masked = ((bytes[1] ?? 0) & 0x80) !== 0;
  const payload = bytes.subarray(payloadAt, payloadAt + length).map((byte, i) => (masked ? byte ^ (bytes[payloadAt - 4 + (i % 4)] ?? 0) : byte));
  socket.write(messageFrame(opcode.pong, payload));
}
