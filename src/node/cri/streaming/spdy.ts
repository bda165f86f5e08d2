import type { Duplex } from 'node:stream';

interface DataFrame {
  streamId: number;
  flags: number;
  left: number;
}
interface ControlFrame {
  type: number;
  flags: number;
  length: number;
  parts: Buffer[];
  have: number;
}

/** What the owner of a connection is told. Data arrives in pieces as the network gives them. */
export interface SpdyEvents {
  data(streamId: number, chunk: Buffer): void;
  /** The peer sends no more on this stream (FIN or RST_STREAM). */
  end(streamId: number): void;
  /** The connection is over. */
  close(error: Error | undefined): void;
}

const controlBit = 0x8000_0000;
const version = 3;
const frame = { synStream: 1, synReply: 2, rstStream: 3, ping: 6 } as const;
const flagFin = 1;
const maxControlFrame = 1 << 20;

/**
 * The client side of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00 with 3.1's framing), as much as the streaming protocols of
 * Kubernetes use: streams opened by us, their data, half-close, ping. Flow control is the transport's: no peer of these
 * protocols uses SPDY's windows.
 */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #events: SpdyEvents;
  #nextStream = 1;
  #headersOpened = false;
  #closed = false;
  #header: Buffer = Buffer.alloc(0);
  #reading: DataFrame | undefined;
  #control: ControlFrame | undefined;

  /** `head`: what was read behind the answer to the upgrade. Events come after the constructor returned. */
  constructor(socket: Duplex, events: SpdyEvents, head: Buffer) {
    this.#socket = socket;
    this.#events = events;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.once('end', () => this.#finish(undefined));
    socket.once('close', () => this.#finish(undefined));
    socket.on('error', (error: Error) => this.#finish(error));
    if (head.length > 0) socket.unshift(head);
    socket.resume();
  }

  /** Opens a stream. Header names must be lower case. */
  openStream(headers: Record<string, string>): number {
    const id = this.#nextStream;
    this.#nextStream += 2;
    const block = this.#headerBlock(headers);
    const fixed = Buffer.alloc(10);
    fixed.writeUInt32BE(id, 0);
    this.#writeControl(frame.synStream, 0, [fixed, block]);
    return id;
  }
  /** False when the transport is full: wait for `drained`. */
  write(streamId: number, chunk: Buffer): boolean {
    if (chunk.length === 0) return true;
    return this.#send([dataHeader(streamId, 0, chunk.length), chunk]);
  }
  /** Half-closes: the peer sees the end of this stream. */
  endStream(streamId: number): void {
    this.#send([dataHeader(streamId, flagFin, 0)]);
  }
  drained(then: () => void): void {
    this.#socket.once('drain', then);
  }
  /** Stops and starts reading; holds back the peer through the transport. */
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  close(): void {
    if (!this.#closed) this.#socket.end();
  }
  destroy(): void {
    this.#socket.destroy();
  }

  #finish(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.close(error);
    this.#socket.destroy();
  }
  #send(parts: readonly Buffer[]): boolean {
    if (this.#closed || this.#socket.destroyed || this.#socket.writableEnded) return true;
    return this.#socket.write(parts.length === 1 ? parts[0] : Buffer.concat(parts));
  }
  #writeControl(type: number, flags: number, payload: readonly Buffer[]): void {
    const length = payload.reduce((sum, part) => sum + part.length, 0);
    const header = Buffer.alloc(8);
    header.writeUInt32BE((controlBit | (version << 16) | type) >>> 0, 0);
    header.writeUInt32BE(((flags << 24) | length) >>> 0, 4);
    this.#send([header, ...payload]);
  }

  /**
   * Headers travel in one zlib stream per connection. Stored blocks are valid zlib and need no dictionary, which the
   * stream's header would have to announce.
   */
  #headerBlock(headers: Record<string, string>): Buffer {
    const entries = Object.entries(headers);
    const parts = [uint32(entries.length)];
    for (const [name, value] of entries) for (const text of [Buffer.from(name), Buffer.from(value)]) parts.push(uint32(text.length), text);
    const plain = Buffer.concat(parts);
    if (plain.length > 0xffff) throw new Error('SPDY headers are longer than 64 KiB');
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(plain.length, 1);
    stored.writeUInt16LE(~plain.length & 0xffff, 3);
    const opening = this.#headersOpened ? [] : [Buffer.from([0x78, 0x01])];
    this.#headersOpened = true;
    // An empty stored block is zlib's flush: without it Go's reader asks for more than the frame holds.
    return Buffer.concat([...opening, stored, plain, Buffer.from([0, 0, 0, 0xff, 0xff])]);
  }

  #read(chunk: Buffer): void {
    try {
      for (let rest = chunk; rest.length > 0 && !this.#closed;) rest = this.#consume(rest);
    } catch (error) {
      this.#finish(error as Error);
    }
  }
  /** Reads one step of a frame; gives what is left of the chunk. */
  #consume(chunk: Buffer): Buffer {
    if (this.#reading) return this.#readData(this.#reading, chunk);
    if (this.#control) return this.#readControl(this.#control, chunk);
    const wanted = 8 - this.#header.length;
    this.#header = this.#header.length === 0 ? chunk.subarray(0, wanted) : Buffer.concat([this.#header, chunk.subarray(0, wanted)]);
    if (this.#header.length === 8) this.#startFrame(this.#header);
    return chunk.subarray(wanted);
  }
  #startFrame(header: Buffer): void {
    this.#header = Buffer.alloc(0);
    const first = header.readUInt32BE(0);
    const flags = header[4] as number;
    const length = header.readUIntBE(5, 3);
    if (first < controlBit) {
      this.#reading = { streamId: first, flags, left: length };
      if (length === 0) this.#endData(this.#reading);
      return;
    }
    if (length > maxControlFrame) throw new Error(`SPDY control frame of ${length} bytes`);
    this.#control = { type: first & 0xffff, flags, length, parts: [], have: 0 };
    if (length === 0) this.#endControl(this.#control);
  }
  #readData(reading: DataFrame, chunk: Buffer): Buffer {
    const part = chunk.subarray(0, reading.left);
    reading.left -= part.length;
    this.#events.data(reading.streamId, part);
    if (reading.left === 0) this.#endData(reading);
    return chunk.subarray(part.length);
  }
  #endData(reading: DataFrame): void {
    this.#reading = undefined;
    if (reading.flags & flagFin) this.#events.end(reading.streamId);
  }
  #readControl(control: ControlFrame, chunk: Buffer): Buffer {
    const part = chunk.subarray(0, control.length - control.have);
    control.parts.push(part);
    control.have += part.length;
    if (control.have === control.length) this.#endControl(control);
    return chunk.subarray(part.length);
  }
  #endControl(control: ControlFrame): void {
    this.#control = undefined;
    const payload = Buffer.concat(control.parts);
    if (control.type === frame.ping) this.#answerPing(payload);
    else if (control.type === frame.rstStream) this.#events.end(payload.readUInt32BE(0));
    else if (control.type === frame.synReply && control.flags & flagFin) this.#events.end(payload.readUInt32BE(0));
    // SETTINGS, HEADERS, WINDOW_UPDATE and GOAWAY ask nothing of us: after GOAWAY the peer closes.
  }
  /** Even ids are the server's: they are echoed. */
  #answerPing(payload: Buffer): void {
    if (payload.length >= 4 && payload.readUInt32BE(0) % 2 === 0) this.#writeControl(frame.ping, 0, [payload.subarray(0, 4)]);
  }
}

function dataHeader(streamId: number, flags: number, length: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt32BE(((flags << 24) | length) >>> 0, 4);
  return header;
}
function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value, 0);
  return buffer;
}
