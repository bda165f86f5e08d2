import { parentPort, type MessagePort } from 'node:worker_threads';
import { makeDatabase } from './create.ts';
import { Database, failureOf } from './database.ts';
import type { Reply, Request, WorkerInput } from './protocol.ts';

/** The writer thread: makes the file when there is none and opens it, hands over what is in it, then does one request after the other. */
function main(port: MessagePort): void {
  const reply = (message: Reply, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  let opened: Database | undefined;
  let head: Float64Array = new Float64Array(0);
  let values: Uint8Array = new Uint8Array(0);

  const perform = (request: Exclude<Request, { kind: 'open' }>, database: Database): boolean => {
    switch (request.kind) {
      case 'buffers':
        head = new Float64Array(request.head);
        values = new Uint8Array(request.values);
        return false;
      case 'write':
        database.write({ count: request.count, head, keys: request.keys, values });
        return false;
      case 'compacted':
        database.markCompacted(request.revision);
        return false;
      case 'forget':
        database.forget(request.ids);
        return false;
      case 'tidy':
        return database.tidy();
      case 'close':
        database.close();
        return false;
    }
  };

  port.on('message', (request: Request) => {
    if (request.kind === 'open') {
      opened = open(request.input, reply);
      if (!opened) port.close();
      return;
    }
    try {
      const more = perform(request, opened as Database);
      if (request.kind !== 'buffers') reply({ kind: 'done', failure: undefined, more });
    } catch (error) {
      reply({ kind: 'done', failure: failureOf(error), more: false });
    }
    if (request.kind === 'close') port.close();
  });
}

function open(input: WorkerInput, reply: (message: Reply, transfer?: ArrayBuffer[]) => void): Database | undefined {
  let database: Database | undefined;
  try {
    makeDatabase(input.file);
    database = new Database(input.file, input.lockWaitMs, input.quotaBytes);
    database.load((rows) => reply({ kind: 'rows', rows }, [rows.head.buffer as ArrayBuffer, rows.values.buffer as ArrayBuffer]));
    reply({ kind: 'ready', compacted: database.compacted() });
    return database;
  } catch (error) {
    database?.close();
    reply({ kind: 'refused', failure: failureOf(error) });
    return undefined;
  }
}

if (parentPort) main(parentPort);
