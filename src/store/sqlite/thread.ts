import { Worker } from 'node:worker_threads';

/** The writer makes little garbage and keeps none: a small nursery costs it nothing and saves tens of megabytes. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

/**
 * The writer thread before it has a file. A thread takes about as long to start as everything else to load, so it may
 * be started first. Until a store is opened with it, it does not keep the process alive.
 */
export class StoreThread {
  readonly worker: Worker;
  /** Resolves when the thread is no more. */
  readonly ended: Promise<void>;
  /** Why it ended, when it was not asked to. */
  failure: Error | undefined;

  /** `program`: for a bundle that moved it, and for tests. */
  constructor(program: URL = new URL('./worker.ts', import.meta.url)) {
    this.worker = new Worker(program, { name: 'store-writer', resourceLimits });
    this.worker.once('error', (error) => (this.failure = error));
    this.ended = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.worker.unref();
  }
}
