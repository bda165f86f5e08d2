import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Clock, Logger, Timer } from '#base';
import type { RegistryEvent } from '../types.ts';
import { scanFiles } from './files.ts';
import type { Calls, Message, Question, ThreadOptions } from './messages.ts';
import { ScanError, type ImageName, type ScanEvent, type ScanMode, type Scanner } from './types.ts';
import { versionOf } from './version-of.ts';

export interface ScannerOptions {
  /** The registry's directory. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of this program, for SBOMs. */
  readonly version: string;
  /** Whether and how an image is scanned that was just pushed. Default: it is not. */
  onPush?(image: ImageName): ScanMode | undefined;
  onEvent?(event: ScanEvent): void;
  /** How long the thread may have nothing to do before it ends, ms. Default one minute. */
  idleMs?: number;
  /** How often is looked whether the advisories have changed, ms. Default half a minute. */
  lookMs?: number;
}

/** The scanner, and what it must be told of the registry. */
export interface RegistryScanner extends Scanner {
  /** Scans what was pushed, when its owner wants that, and forgets what was deleted. Never throws. */
  observe(event: RegistryEvent): void;
  /** From now on looks for new advisories; the first time also goes on with what the last run left. */
  start(): void;
}

const send = (to: Worker, question: Question): void => to.postMessage(question, []);

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Scans in a thread that starts when something is asked and ends when nothing is. */
export function openScanner(options: ScannerOptions): RegistryScanner {
  const { clock, log, idleMs = 60_000, lookMs = 30_000 } = options;
  const files = scanFiles(options.dir);
  const waiting = new Map<number, Waiting>();
  /** Those that still run: one at most takes questions, others end what they have in work. */
  const running = new Set<Worker>();
  let worker: Worker | undefined;
  let next = 1;
  let stopped = false;
  let idle: Timer | undefined;
  let look: Timer | undefined;
  /** Null: nothing was compared since the start. */
  let compared: string | null | undefined = null;

  function open(): Worker {
    const mine = new Worker(new URL('./thread.ts', import.meta.url), {
      name: 'scanner',
      // An image that takes more ends this thread and nothing else.
      resourceLimits: { maxOldGenerationSizeMb: 1536 },
      workerData: { dir: options.dir, version: options.version } satisfies ThreadOptions,
    });
    mine.unref();
    running.add(mine);
    mine.on('message', receive);
    mine.once('error', (error) => log.error('the scanner ended', { error }));
    mine.once('exit', (code) => {
      running.delete(mine);
      // What it had in work waits in the results: the next look goes on with it.
      if (code !== 0) compared = null;
      if (worker !== mine) return;
      worker = undefined;
      for (const one of waiting.values()) one.reject(new Error('the scanner ended: try again'));
      waiting.clear();
    });
    return mine;
  }
  function receive(message: Message): void {
    if ('event' in message) {
      options.onEvent?.(message.event);
      return;
    }
    const one = waiting.get(message.id);
    waiting.delete(message.id);
    if (waiting.size === 0) rest();
    if (!one) return;
    if (!('error' in message)) one.resolve(message.value);
    else one.reject(message.error.reason ? new ScanError(message.error.reason, message.error.message) : new Error(message.error.message));
  }
  function rest(): void {
    idle?.cancel();
    if (!stopped) idle = clock.after(idleMs, end);
  }
  /** The thread ends after what it has in work; whoever asks meanwhile gets another one. */
  function end(): void {
    if (worker) send(worker, { id: 0, call: 'stop', args: [] });
    worker = undefined;
  }
  function ask<T>(call: keyof Calls, ...args: unknown[]): Promise<T> {
    if (stopped) return Promise.reject(new Error('the scanner is stopping'));
    idle?.cancel();
    worker ??= open();
    const id = next++;
    const answer = new Promise<T>((resolve, reject) => waiting.set(id, { resolve: resolve as (value: unknown) => void, reject }));
    send(worker, { id, call, args });
    return answer;
  }
  const quietly = (what: string, work: Promise<unknown>): void =>
    void work.catch((error: unknown) => {
      if (!stopped && !(error instanceof ScanError)) log.error(`${what} failed`, { error });
    });
  /** Without results there is nothing to compare, and no thread is needed to say so. */
  const hasResults = (): boolean => worker !== undefined || existsSync(files.results);
  function lookAgain(): void {
    const version = versionOf(files.advisories);
    if (hasResults() && version !== compared)
      quietly(
        'comparing with the advisories',
        ask('refresh').then(() => (compared = version)),
      );
    if (!stopped) look = clock.after(lookMs, lookAgain);
  }

  return {
    scan: (image, mode) => ask('scan', image, mode),
    request: (image, mode) => ask('request', image, mode),
    record: async (image) => (hasResults() ? ask('record', image) : undefined),
    findings: async (image, page) => (hasResults() ? ask('findings', image, page) : undefined),
    sbom: async (image) => (hasResults() ? ask('sbom', image) : undefined),
    forget: async (image) => (hasResults() ? ask('forget', image) : undefined),
    start() {
      look = clock.after(lookMs, lookAgain);
    },
    observe(event) {
      if (stopped) return;
      const { registry, repository } = event;
      if (event.type === 'manifest-deleted') {
        if (hasResults()) quietly('forgetting a scan', ask('forget', { registry, repository, digest: event.digest }));
      } else if (event.type === 'manifest-pushed') {
        const image = { registry, repository, digest: event.digest };
        const mode = options.onPush?.(image);
        if (mode) quietly('scan of a pushed image', ask('scan', image, mode));
      }
    },
    async stop() {
      stopped = true;
      idle?.cancel();
      look?.cancel();
      worker = undefined;
      // A scan in work is cut off: it starts anew.
      await Promise.all([...running].map((one) => one.terminate()));
      for (const one of waiting.values()) one.reject(new Error('the scanner is stopping'));
      waiting.clear();
    },
  };
}
