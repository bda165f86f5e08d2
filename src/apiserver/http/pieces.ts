import type { Response } from './types.ts';

/** A body of this size is not written at once: encrypting it would hold up everyone else. */
export const longBody = 512 * 1024;
const pieceBytes = 256 * 1024;
/** How long pieces are written in one turn of the event loop, ms. */
const sliceMs = 3;

/** Each writes one piece, and tells whether another may follow at once. */
const waiting: (() => boolean)[] = [];
let running = false;

/** Writes a long body piece by piece, in turn with others and with everything else. Resolves when it is over, or the client is gone. */
export function writePieces(response: Response, body: Buffer, isGone: (response: Response) => boolean): Promise<void> {
  let at = 0;
  return new Promise((resolve) => {
    const piece = (): boolean => {
      if (isGone(response) || response.writableEnded) return false;
      const end = Math.min(body.length, at + pieceBytes);
      const more = (response as { write(chunk: Buffer): boolean }).write(body.subarray(at, end));
      at = end;
      if (at === body.length) response.end();
      else if (!more) response.once('drain', () => join(piece));
      return more && at < body.length;
    };
    response.once('close', resolve);
    response.once('finish', resolve);
    join(piece);
  });
}

function join(piece: () => boolean): void {
  waiting.push(piece);
  if (running) return;
  running = true;
  setImmediate(turn);
}
function turn(): void {
  const began = performance.now();
  while (waiting.length > 0 && performance.now() - began < sliceMs) {
    const piece = waiting.shift() as () => boolean;
    if (piece()) waiting.push(piece);
  }
  running = waiting.length > 0;
  if (running) setImmediate(turn);
}
