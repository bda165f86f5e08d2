import { ApiError } from '#machinery';
import type { Request } from './types.ts';

/** As kube-apiserver: 3 MiB. */
export const bodyLimit = 3 * 1024 * 1024;
const tooLarge = (): ApiError => new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${bodyLimit}`);

/** The whole body as text. Throws RequestEntityTooLarge. */
export async function readBody(request: Request): Promise<string> {
  return (await readBytes(request)).toString();
}
export function readBytes(request: Request): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > bodyLimit) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyLimit) {
        request.removeAllListeners('data');
        request.resume();
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('aborted', () => reject(new ApiError('BadRequest', 'the request body was cut off')));
  });
}
