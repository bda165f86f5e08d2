import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { constants, createInflate } from 'node:zlib';
import { settle } from '#base';
import { SpdyConnection } from './spdy.ts';

/** The server's end: what was sent to it, and a way to send. */
function pair(head: Buffer = Buffer.alloc(0)): { connection: SpdyConnection; sent(): Buffer; receive(bytes: Buffer): void; seen: string[]; end(): void } {
  const written: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  const seen: string[] = [];
  const connection = new SpdyConnection(
    socket,
    {
      data: (id, chunk) => void seen.push(`data ${id} ${chunk.toString()}`),
      end: (id) => void seen.push(`end ${id}`),
      close: (error) => void seen.push(`close${error ? ` ${error.message}` : ''}`),
    },
    head,
  );
  return { connection, sent: () => Buffer.concat(written), receive: (bytes) => void socket.push(bytes), seen, end: () => void socket.push(null) };
}
function data(id: number, flags: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(id, 0);
  header.writeUInt32BE(((flags << 24) | text.length) >>> 0, 4);
  return Buffer.concat([header, Buffer.from(text)]);
}
function control(type: number, payload: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE((0x80030000 | type) >>> 0, 0);
  header.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
  return Buffer.concat([header, payload]);
}
const word = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
};
/** The frames of a byte string. */
function frames(bytes: Buffer): { head: number; flags: number; payload: Buffer }[] {
  const out = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUIntBE(at + 5, 3);
    out.push({ head: bytes.readUInt32BE(at), flags: bytes[at + 4] as number, payload: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length;
  }
  return out;
}

test('streams are opened with odd ids and headers in one zlib stream that flushes each block', async () => {
  const { connection, sent } = pair();
  assert.deepEqual([connection.openStream({ streamtype: 'error' }), connection.openStream({ streamtype: 'stdin' })], [1, 3]);
  const opened = frames(sent());
  assert.deepEqual(
    opened.map((f) => [f.head, f.payload.readUInt32BE(0)]),
    [
      [0x80030001, 1],
      [0x80030001, 3],
    ],
  );
  const inflate = createInflate({ finishFlush: constants.Z_SYNC_FLUSH });
  const plain: Buffer[] = [];
  inflate.on('data', (chunk: Buffer) => plain.push(chunk));
  for (const f of opened) await new Promise((resolve) => inflate.write(f.payload.subarray(10), resolve));
  const block = (value: string): string => `\0\0\0\x01\0\0\0\x0astreamtype\0\0\0${String.fromCharCode(value.length)}${value}`;
  assert.equal(Buffer.concat(plain).toString('latin1'), block('error') + block('stdin'));
});

test('data and half-close', () => {
  const { connection, sent } = pair();
  const id = connection.openStream({ streamtype: 'stdin' });
  connection.write(id, Buffer.from('abc'));
  connection.write(id, Buffer.alloc(0));
  connection.endStream(id);
  const [, first, last] = frames(sent());
  assert.deepEqual([first?.head, first?.flags, first?.payload.toString()], [id, 0, 'abc']);
  assert.deepEqual([last?.head, last?.flags, last?.payload.length], [id, 1, 0]);
});

test('reads frames however the network cuts them', async () => {
  const bytes = Buffer.concat([
    control(2, Buffer.concat([word(1), Buffer.from('headers')])),
    data(1, 0, 'hello'),
    control(4, word(0)),
    control(6, word(2)),
    control(6, word(1)),
    control(9, Buffer.concat([word(1), word(100)])),
    data(3, 1, 'bye'),
    data(5, 1, ''),
    control(3, Buffer.concat([word(7), word(1)])),
    control(7, Buffer.concat([word(1), word(0)])),
  ]);
  for (const size of [1, 2, 3, 7, 1000]) {
    const { receive, seen, end, sent } = pair();
    for (let at = 0; at < bytes.length; at += size) receive(bytes.subarray(at, at + size));
    await settle();
    const text = (id: number): string =>
      seen
        .filter((s) => s.startsWith(`data ${id} `))
        .map((s) => s.slice(7))
        .join('');
    assert.deepEqual([text(1), text(3)], ['hello', 'bye'], `pieces of ${size}`);
    assert.deepEqual(
      seen.filter((s) => s.startsWith('end')),
      ['end 3', 'end 5', 'end 7'],
    );
    assert.deepEqual(
      frames(sent()).map((f) => [f.head, f.payload.readUInt32BE(0)]),
      [[0x80030006, 2]],
      "only the server's ping is answered",
    );
    end();
    await settle();
    assert.deepEqual(
      seen.filter((s) => s.startsWith('close')),
      ['close'],
    );
  }
});

test('what came behind the answer to the upgrade is read first; nonsense closes', async () => {
  const { seen } = pair(data(1, 0, 'early'));
  await settle();
  assert.deepEqual(seen, ['data 1 early']);
  const bad = pair();
  bad.receive(Buffer.from([0x80, 3, 0, 4, 0, 0xff, 0xff, 0xff]));
  await settle();
  assert.match(bad.seen[0] ?? '', /^close SPDY control frame/);
});
