import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallRequest, CallResponse } from '../protocol/types.ts';
import { headersOf, splitUrl } from '../sigv4/request.ts';
import { AwsError } from './errors.ts';

/** Bodies that are read whole may be as long as this, bytes. ECR's layer parts are the longest. */
export const maxBody = 32 * 1024 * 1024;

/** The request without its body. */
export function readHead(message: IncomingMessage): CallRequest {
  const { path, query } = splitUrl(message.url ?? '/');
  return {
    method: message.method ?? 'GET',
    url: message.url ?? '/',
    path,
    query,
    ...readHeaders(message.rawHeaders),
    body: Buffer.alloc(0),
    stream: undefined,
  };
}
/** The request with other headers. */
export const withHeaders = (request: CallRequest, rawHeaders: readonly string[]): CallRequest =>
  rawHeaders === request.rawHeaders ? request : { ...request, ...readHeaders(rawHeaders) };

/** The request with headers that are read, but were not sent as such. */
export const withReadHeaders = (request: CallRequest, headers: CallRequest['headers']): CallRequest =>
  headers === request.headers ? request : { ...request, headers, header: (name) => headers.get(name)?.[0] };

function readHeaders(rawHeaders: readonly string[]): Pick<CallRequest, 'rawHeaders' | 'headers' | 'header'> {
  const headers = headersOf(rawHeaders);
  return { rawHeaders, headers, header: (name) => headers.get(name)?.[0] };
}

/** The whole body. Throws AwsError when it is too long. */
export async function readBody(message: IncomingMessage): Promise<Buffer> {
  const length = Number(message.headers['content-length'] ?? 0);
  const tooLong = (): AwsError => new AwsError('RequestEntityTooLarge', `The body is longer than ${maxBody} bytes`, { status: 413 });
  if (length > maxBody) throw tooLong();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) throw tooLong();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** The request with its gzipped body unpacked. Throws AwsError when it is none, or too long. */
export async function unpacked(request: CallRequest): Promise<CallRequest> {
  const [{ gunzip }, { promisify }] = await Promise.all([import('node:zlib'), import('node:util')]);
  try {
    return { ...request, body: await promisify(gunzip)(request.body, { maxOutputLength: maxBody }) };
  } catch {
    throw new AwsError('SerializationException', `The body is not gzip, or longer than ${maxBody} bytes when it is unpacked`);
  }
}

/** Sends an answer; resolves when it is out or the client is gone. */
export async function send(response: ServerResponse, answer: CallResponse, head: boolean): Promise<void> {
  const { body } = answer;
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    response.writeHead(answer.status, { 'content-length': length, ...answer.headers });
    response.end(head ? undefined : body);
    return;
  }
  response.writeHead(answer.status, answer.headers as Record<string, string>);
  if (head) return void response.end();
  const { pipeline } = await import('node:stream/promises');
  await pipeline(body, response).catch(() => response.destroy());
}
