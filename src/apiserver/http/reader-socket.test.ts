import assert from 'node:assert/strict';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import test from 'node:test';
import { isApiError } from '#machinery';
import { readerProtocol, sendMessages } from './reader-socket.ts';

const asking = (protocol?: string, more: IncomingHttpHeaders = {}): IncomingMessage =>
  ({
    headers: {
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...(protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }),
      ...more,
    },
  }) as unknown as IncomingMessage;

test('the first protocol that is known', () => {
  assert.equal(readerProtocol(asking()), '');
  assert.equal(readerProtocol(asking('x, base64.binary.k8s.io, binary.k8s.io')), 'base64.binary.k8s.io');
  assert.throws(
    () => readerProtocol(asking('v4.channel.k8s.io')),
    (error) => isApiError(error, 'BadRequest'),
  );
  assert.throws(
    () => readerProtocol(asking('binary.k8s.io', { upgrade: 'SPDY/3.1' })),
    (error) => isApiError(error, 'BadRequest'),
  );
});

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}
/** What a client gets: the head of the answer, and the frames. */
async function sent(protocol: '' | 'base64.binary.k8s.io', ...texts: string[]): Promise<[string, Buffer]> {
  const out: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(bytes: Buffer, _encoding, done) {
      out.push(bytes);
      done();
    },
  });
  await sendMessages({ message: asking(protocol || undefined), socket, head: Buffer.alloc(0) }, protocol, chunks(...texts), new AbortController().signal);
  const all = Buffer.concat(out);
  const end = all.indexOf('\r\n\r\n') + 4;
  return [all.subarray(0, end).toString(), all.subarray(end)];
}

test('chunks become messages, and the end a close frame', async () => {
  const [head, frames] = await sent('', 'one\n', 'two');
  assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(head, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  assert.doesNotMatch(head, /Sec-WebSocket-Protocol/);
  assert.deepEqual(
    frames,
    Buffer.concat([Buffer.from([0x82, 4]), Buffer.from('one\n'), Buffer.from([0x82, 3]), Buffer.from('two'), Buffer.from([0x88, 2, 3, 232])]),
  );
});

test('text in base64, and long messages', async () => {
  const [head, frames] = await sent('base64.binary.k8s.io', 'hi');
  assert.match(head, /Sec-WebSocket-Protocol: base64\.binary\.k8s\.io\r\n/);
  assert.deepEqual(frames.subarray(0, 6), Buffer.concat([Buffer.from([0x81, 4]), Buffer.from('aGk=')]));
  for (const [size, header] of [
    [200, [0x82, 126, 0, 200]],
    [70_000, [0x82, 127, 0, 0, 0, 0, 0, 1, 17, 112]],
  ] as const)
    assert.deepEqual([...(await sent('', 'x'.repeat(size)))[1].subarray(0, header.length)], header);
});
