import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { ApiError } from '#machinery';
import { handshake, isWebSocket, listenOnly, messageFrame, normalClosure, offered, opcode, type Connection } from './socket-frames.ts';

const newline = 0x0a;

/**
 * A watch's answer over a WebSocket: each line becomes a message of its own, as text, whatever protocol the client
 * names (kube-apiserver's too). It takes the place of the HTTP response that the watch is written to; the handshake
 * waits for the head, so that a watch that is refused is refused in plain HTTP.
 */
export class WatchSocket extends Writable {
  readonly #connection: Connection;
  readonly #protocol: string;
  #line: Buffer = Buffer.alloc(0);

  /** Throws BadRequest for what is no WebSocket, or offers several protocols: a watch has none of its own to choose. */
  constructor(connection: Connection) {
    super();
    const { message, socket } = connection;
    if (!isWebSocket(message)) throw new ApiError('BadRequest', 'a watch is upgraded to WebSockets only');
    const [protocol = '', ...more] = offered(message);
    if (more.length > 0) throw new ApiError('BadRequest', 'bad websocket protocol: a watch takes one at most');
    this.#connection = connection;
    this.#protocol = protocol;
    socket.once('close', () => this.destroy());
  }
  writeHead(): void {
    this.#connection.socket.write(handshake(this.#connection.message, this.#protocol));
    listenOnly(this.#connection);
  }
  flushHeaders(): void {}
  /** For those who answer: what they need of a response is here. */
  asResponse(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const frames: Buffer[] = [];
    let rest = this.#line.length > 0 ? Buffer.concat([this.#line, chunk]) : chunk;
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      frames.push(messageFrame(opcode.text, rest.subarray(0, end + 1)));
      rest = rest.subarray(end + 1);
    }
    this.#line = rest;
    const { socket } = this.#connection;
    if (frames.length === 0 || socket.write(Buffer.concat(frames))) return done();
    socket.once('drain', done);
  }
  override _final(done: (error?: Error | null) => void): void {
    this.#connection.socket.end(messageFrame(opcode.close, normalClosure));
    done();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { socket } = this.#connection;
    if (!socket.writableEnded) socket.destroy();
    done(error);
  }
}
