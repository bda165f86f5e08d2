import type { Timer } from '#base';
import { podRef } from './pod.ts';
import type { PodWorker } from './worker.ts';

/** The volumes of one pod: made, kept up to date and taken down, never two of these at once. */
export class PodVolumeState {
  paths: ReadonlyMap<string, string> = new Map();
  /** In a row. */
  failures = 0;
  readonly #worker: PodWorker;
  #made = false;
  #gone = false;
  #turn: Promise<unknown> = Promise.resolve();
  #timer: Timer | undefined;
  constructor(worker: PodWorker) {
    this.#worker = worker;
  }
  /** Rejects with VolumeError. */
  setup(): Promise<void> {
    return this.#exclusive(async () => {
      const { volumes, clock } = this.#worker.context;
      if (!volumes || this.#gone) return;
      try {
        const made = await volumes.setup(this.#worker.pod, this.#worker.facts());
        this.paths = made.paths;
        this.#made = true;
        this.failures = 0;
        this.#timer?.cancel();
        if (made.refreshAt !== undefined) this.#timer = clock.after(Math.max(1000, made.refreshAt - clock.now()), () => this.refresh());
      } catch (error) {
        this.failures++;
        throw error;
      }
    });
  }
  /** Brings the files of a running pod up to date; a pod that waits for its volumes tries at once. */
  refresh(): void {
    const worker = this.#worker;
    if (this.#gone || worker.deleting || worker.over) return;
    if (!this.#made) {
      worker.blocked.clear();
      return worker.context.enqueue(worker.uid);
    }
    this.setup().catch((error: unknown) => {
      worker.context.log.warn('cannot refresh volumes', { pod: podRef(worker.pod), error });
      this.#timer?.cancel();
      this.#timer = worker.context.clock.after(30_000, () => this.refresh());
    });
  }
  teardown(): Promise<void> {
    this.stop();
    return this.#exclusive(async () => {
      this.#gone = true;
      this.#made = false;
      await this.#worker.context.volumes?.teardown(this.#worker.uid);
    });
  }
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
