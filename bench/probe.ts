/** A thread that asks for one small object again and again and tells how long it waited each time, in ms; apart from whoever loads the server, so that only the server's stalls count. */
import { Agent, request } from 'node:https';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

export interface ProbeTarget {
  readonly port: number;
  readonly path: string;
  readonly tls: { readonly ca: Uint8Array; readonly cert: Uint8Array; readonly key: Uint8Array };
}

export function startProbe(target: ProbeTarget): { stop(): Promise<number[]> } {
  const worker = new Worker(new URL(import.meta.url), { workerData: target });
  return {
    stop: () =>
      new Promise((resolve, reject) => {
        worker.once('message', (waits: number[]) => void worker.terminate().then(() => resolve(waits), reject));
        worker.once('error', reject);
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
        worker.postMessage('stop');
      }),
  };
}

async function probe({ port, path, tls }: ProbeTarget): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const options = { host: '127.0.0.1', port, path, agent, ca: Buffer.from(tls.ca), cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) };
  const waits: number[] = [];
  const told = new AbortController();
  parentPort?.once('message', () => told.abort());
  while (!told.signal.aborted) {
    const started = performance.now();
    await new Promise<void>((resolve, reject) => {
      request(options, (response) => response.resume().on('end', resolve))
        .on('error', reject)
        .end();
    });
    waits.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  agent.destroy();
  // The first request makes the connection.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
  parentPort?.postMessage(waits.slice(1));
}

if (!isMainThread) await probe(workerData as ProbeTarget);
