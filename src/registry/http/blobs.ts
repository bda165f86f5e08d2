import type { ServerResponse } from 'node:http';
import type { FileHandle } from 'node:fs/promises';
import { readRange, type ByteRange } from '#base';
import { RegistryError } from '../errors.ts';
import { checkDigest } from '../names.ts';
import { answer, header, isUnchanged, type Exchange } from './exchange.ts';

/** Bytes read from the disk at a time. */
const READ = 1 << 20;

const describe = (digest: string): Record<string, string> => ({
  'content-type': 'application/octet-stream',
  'docker-content-digest': digest,
  etag: `"${digest}"`,
  'accept-ranges': 'bytes',
  'cache-control': 'max-age=31536000',
});

export async function getBlob(exchange: Exchange): Promise<void> {
  const digest = checkDigest(exchange.reference);
  const { registry, repository, request, response } = exchange;
  const size = registry.statBlob(repository, digest);
  if (isUnchanged(exchange, digest)) return answer(exchange, 304, describe(digest));
  if (request.method === 'HEAD') return answer(exchange, 200, { ...describe(digest), 'content-length': size });
  const range = parseRange(header(exchange, 'range'), header(exchange, 'if-range'), digest, size);
  const { handle } = await registry.openBlob(repository, digest);
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.writeHead(range ? 206 : 200, {
    ...describe(digest),
    'content-length': end - start + 1,
    ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
  });
  if (end < start) {
    await handle.close();
    response.end();
    return;
  }
  try {
    await send(handle, response, start, end);
  } finally {
    await handle.close();
  }
}

/**
 * Sends bytes of a file. Two buffers take turns, one read while the other is sent: memory stays flat, and no page is
 * touched for the first time at every read. Ends without an error when the client has left.
 */
async function send(handle: FileHandle, response: ServerResponse, start: number, end: number): Promise<void> {
  const buffers = [Buffer.allocUnsafeSlow(Math.min(READ, end - start + 1)), Buffer.allocUnsafeSlow(Math.min(READ, end - start + 1))];
  let sending: Promise<void> = Promise.resolve();
  for (let at = start, turn = 0; at <= end; turn ^= 1) {
    const buffer = buffers[turn] as Buffer;
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - at + 1), at);
    await sending;
    if (response.destroyed) return;
    // Shorter than the catalog says: only cutting the answer off tells the client.
    if (bytesRead === 0) throw new Error('a blob is shorter than the catalog says');
    at += bytesRead;
    sending = sent(response, buffer.subarray(0, bytesRead));
  }
  await sending;
  if (!response.destroyed) response.end();
}
/** Resolves when the buffer may be used again. */
function sent(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve);
    response.write(bytes, () => {
      response.off('close', resolve);
      resolve();
    });
  });
}

/**
 * The one range that is asked for; undefined: the whole blob (no range, several, another unit, or an If-Range that
 * does not hold). Throws RANGE_INVALID when it lies outside (RFC 9110, 14.2).
 */
export function parseRange(range: string | undefined, ifRange: string | undefined, digest: string, size: number): ByteRange | undefined {
  if (range === undefined || (ifRange !== undefined && ifRange !== `"${digest}"`)) return undefined;
  const wanted = readRange(range, size);
  if (wanted === 'outside') {
    throw new RegistryError('RANGE_INVALID', 'the range lies outside of the blob', { size }, { headers: { 'content-range': `bytes */${size}` } });
  }
  return wanted;
}

export function deleteBlob(exchange: Exchange): void {
  const digest = checkDigest(exchange.reference);
  exchange.registry.deleteBlob(exchange.repository, digest);
  answer(exchange, 202, { 'docker-content-digest': digest });
}
