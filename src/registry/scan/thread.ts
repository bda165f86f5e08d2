/** Program of the scanner's thread: answers questions one after another has come, and tells events. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { systemClock } from '#base';
import type { Calls, Message, Question, ThreadOptions } from './messages.ts';
import { ScanService } from './service.ts';
import { ScanError } from './types.ts';

const port = parentPort as MessagePort;
const tell = (message: Message): void => port.postMessage(message);
const { dir, version } = workerData as ThreadOptions;
let service: ScanService | undefined;
/** Opened by the first question, so that what is wrong with the files is an answer. */
const open = (): ScanService => (service ??= new ScanService({ dir, version, clock: systemClock, onEvent: (event) => tell({ event }) }));

const calls: Calls = {
  scan: (image, mode) => open().scan(image, mode),
  request: async (image, mode) => (await open().request(image, mode)).record,
  record: (image) => open().record(image),
  findings: (image, options) => open().findings(image, options),
  sbom: (image) => open().sbom(image),
  forget: (image) => open().forget(image),
  refresh: () => open().refresh(),
  stop: async () => service?.close(),
};

port.on('message', (question: Question) => void answer(question));
async function answer({ id, call, args }: Question): Promise<void> {
  try {
    const value = await (calls[call] as (...args: readonly unknown[]) => unknown)(...args);
    tell({ id, value });
    if (call === 'stop') port.close();
  } catch (error) {
    tell({ id, error: { message: (error as Error).message, reason: error instanceof ScanError ? error.reason : undefined } });
  }
}
