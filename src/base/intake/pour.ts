import { finished, Readable } from 'node:stream';

/** Takes chunks that are its own from then on. What it gives is waited for before more is taken from the sender. */
export type Take = (chunks: Uint8Array[], bytes: number) => Promise<void> | undefined;

/**
 * Gives a body to `take` in batches of at least `batch` bytes; only the last one is smaller. False: the sender left
 * before the end of it; what came was taken. Rejects as `take` does and with errors of the body.
 */
export function pour(body: AsyncIterable<Uint8Array>, batch: number, take: Take): Promise<boolean> {
  return body instanceof Readable ? pourStream(body, batch, take) : pourIterable(body, batch, take);
}

/** From now on an error of a body that nobody reads yet, or any more, does not end the process. */
export function shield(body: AsyncIterable<Uint8Array>): void {
  if (body instanceof Readable) body.on('error', () => {});
}

/** By events: an iterator would join what has come into a new buffer, and take turns of the event loop for every chunk. */
function pourStream(body: Readable, batch: number, take: Take): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const gathered = gather(batch, take);
    const onData = (chunk: Uint8Array): void => {
      try {
        const wait = gathered.add(chunk);
        if (!wait) return;
        body.pause();
        wait.then(() => body.resume(), fail);
      } catch (error) {
        fail(error);
      }
    };
    const forget = finished(body, { writable: false }, (error) => {
      body.off('data', onData);
      if (error && !isAbort(error)) reject(error);
      else Promise.resolve(gathered.rest()).then(() => resolve(!error), reject);
    });
    function fail(error: unknown): void {
      forget();
      body.off('data', onData);
      body.pause();
      reject(error as Error);
    }
    body.on('data', onData);
  });
}

async function pourIterable(body: AsyncIterable<Uint8Array>, batch: number, take: Take): Promise<boolean> {
  const gathered = gather(batch, take);
  let whole = true;
  try {
    // A stream hands its chunks over; here, who made them may still look at them.
    for await (const chunk of body) await gathered.add(new Uint8Array(chunk));
  } catch (error) {
    if (!isAbort(error)) throw error;
    whole = false;
  }
  await gathered.rest();
  return whole;
}

function gather(batch: number, take: Take): { add(chunk: Uint8Array): Promise<void> | undefined; rest(): Promise<void> | undefined } {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  const flush = (): Promise<void> | undefined => {
    const [full, size] = [chunks, bytes];
    chunks = [];
    bytes = 0;
    return take(full, size);
  };
  return {
    add(chunk) {
      chunks.push(chunk);
      bytes += chunk.length;
      return bytes >= batch ? flush() : undefined;
    },
    rest: () => (bytes > 0 ? flush() : undefined),
  };
}
const isAbort = (error: unknown): boolean => ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes((error as { code?: string }).code ?? '');
