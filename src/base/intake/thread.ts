/** The thread that digests and writes the bytes of large bodies: see ./intake.ts. */
import { readSync, writevSync } from 'node:fs';
import { parentPort, type MessagePort } from 'node:worker_threads';
import type { Order, Reply } from './protocol.ts';
import { Sums } from './sums.ts';

const READ = 512 << 10;
const port = parentPort as MessagePort;
const jobs = new Map<number, Sums>();

function carryOut(order: Order): void {
  if (order.do === 'begin') return void jobs.set(order.job, new Sums(order.algorithms));
  if (order.do === 'end') return void jobs.delete(order.job);
  const reply = (rest: Omit<Reply, 'job'>): void => port.postMessage({ job: order.job, ...rest } satisfies Reply);
  const sums = jobs.get(order.job);
  if (!sums) return reply({ error: { message: 'this job has not begun', code: undefined } });
  try {
    if (order.do === 'read') readBack(order.fd, order.size, sums);
    else if (order.do === 'write') write(order.fd, order.at, order.chunks, sums);
    else return reply({ values: sums.values() });
    reply({});
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    reply({ error: { message, code } });
  }
}

function readBack(fd: number, size: number, sums: Sums): void {
  const buffer = new Uint8Array(Math.min(READ, size));
  for (let at = 0; at < size;) {
    const read = readSync(fd, buffer, 0, Math.min(buffer.length, size - at), at);
    if (read === 0) throw new Error('the file is shorter than it was');
    sums.update(buffer.subarray(0, read));
    at += read;
  }
}

function write(fd: number, at: number, chunks: readonly Uint8Array[], sums: Sums): void {
  for (const chunk of chunks) sums.update(chunk);
  let left = [...chunks];
  for (let position = at; left.length > 0;) {
    const written = writevSync(fd, left, position);
    position += written;
    left = after(left, written);
  }
  // Given back at once: waiting for the collector would cost hundreds of megabytes, each page touched for the first time.
  for (const chunk of chunks) (chunk.buffer as ArrayBuffer).transfer(0);
}
/** What is left of buffers after their first bytes. */
function after(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  const left: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skip < chunk.length) left.push(chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return left;
}

port.on('message', carryOut);
