import { longBody } from './pieces.ts';
import { tapOf } from './taps.ts';
import type { Response } from './types.ts';

const largest = 16 * 1024 * 1024;
const step = 1024 * 1024;

/**
 * Memory of one long body, used again for the next: new memory costs several times what filling it does, because the
 * system hands it out page by page and the garbage collector runs for it. Who finds it in use gets memory of his own.
 */
export class Room {
  #free: Buffer | undefined;

  /** At least `size` bytes, with anything in them. */
  take(size: number): Buffer {
    if (size < longBody || size > largest) return Buffer.allocUnsafe(size);
    const free = this.#free;
    this.#free = undefined;
    return free && free.length >= size ? free : Buffer.allocUnsafeSlow(Math.ceil(size / step) * step);
  }
  /** Takes back what a body was written into, when the body is sent to its end and nobody else can have kept it. */
  giveBack(body: Buffer, response: Response): void {
    const { buffer } = body;
    if (buffer.byteLength < longBody || buffer.byteLength > largest || !isSent(response) || tapOf(response)) return;
    if (!this.#free || this.#free.length < buffer.byteLength) this.#free = Buffer.from(buffer);
  }
}

/** A response of HTTP/2 says that it is finished when its stream is closed, however that came; the stream itself knows. */
function isSent(response: Response): boolean {
  return 'stream' in response ? response.stream.writableFinished : response.writableFinished;
}
