import { WorkQueue, workQueueMetrics, type Metrics, type Clock, type Logger, type Random } from '#base';
import { createRecorder, type Client, type Recorder, type Subscription } from '#client';
import { isApiError, type Kind } from '#machinery';
import type { Controller, ControllerContext, ControllerOptions, Reconcile } from './controller.ts';
import { Pacer } from './pacer.ts';

export interface ManagerDeps {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  options?: ControllerOptions;
  /** Where the queues count. */
  metrics?: Metrics;
  controllers: readonly Controller[];
}

export interface RunningControllers {
  /** Takes no more work, and resolves when what runs has ended and events are written. */
  stop(): Promise<void>;
  /** Resolves when every cache is filled and nothing is queued or running; what waits for a time does not count. */
  idle(): Promise<void>;
}

/** Starts the controllers. Errors of a reconcile are logged and retried; nothing here rejects. */
export function runControllers(deps: ManagerDeps): RunningControllers {
  const running = deps.controllers.map((controller) => new RunningController(controller, deps));
  return {
    stop: async () => void (await Promise.all(running.map((one) => one.stop()))),
    idle: async () => void (await Promise.all(running.map((one) => one.idle()))),
  };
}

class RunningController {
  readonly #controller: Controller;
  readonly #deps: ManagerDeps;
  readonly #log: Logger;
  readonly #recorder: Recorder;
  readonly #queue: WorkQueue;
  readonly #pacer: Pacer;
  readonly #subscriptions: Subscription[] = [];
  readonly #filling: Promise<void>[] = [];
  readonly #ready: Promise<unknown>;
  #isReady = false;
  #isStopped = false;
  #stop: () => void = () => {};
  readonly #stopped = new Promise<void>((resolve) => (this.#stop = resolve));
  readonly #reconcile: Reconcile;
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();

  constructor(controller: Controller, deps: ManagerDeps) {
    this.#controller = controller;
    this.#deps = deps;
    this.#log = deps.log.named(controller.name);
    this.#recorder = createRecorder({ api: deps.client.api, clock: deps.clock, random: deps.random, log: this.#log }, controller.component ?? controller.name);
    this.#pacer = new Pacer(deps.clock, deps.options?.gatherMs);
    this.#queue = new WorkQueue({
      clock: deps.clock,
      concurrency: controller.concurrency ?? 16,
      handle: (key) => this.#handle(key),
      observer: deps.metrics && workQueueMetrics(deps.metrics, controller.name),
      onError: (key, error, retryInMs) => this.#report(key, error, retryInMs),
    });
    this.#reconcile = controller.setup(this.#context());
    this.#ready = Promise.all(this.#filling).then(() => (this.#isReady = true));
  }
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stop();
    for (const subscription of this.#subscriptions) subscription.close();
    await this.#queue.close();
    await this.#recorder.flush();
  }
  async idle(): Promise<void> {
    await this.#ready;
    await this.#queue.idle();
  }

  #context(): ControllerContext {
    const { client, clock, random, options = {} } = this.#deps;
    const enqueue = (key: string): void => {
      // What changes while a key is handled is paced from the end of that handling on.
      if (this.#running.has(key)) this.#again.add(key);
      else this.#queue.addAfter(key, this.#pacer.wait(key));
    };
    const informer: ControllerContext['informer'] = (kind) => {
      const found = client.informer(kind);
      this.#filling.push(found.ready());
      return found;
    };
    return {
      client,
      api: client.api,
      clock,
      random,
      options,
      log: this.#log,
      recorder: this.#recorder,
      informer,
      enqueue,
      enqueueAfter: (key, ms) => this.#queue.addAfter(key, ms),
      watch: (kind, keys) => {
        const found = informer(kind);
        this.#subscriptions.push(found.onChange((object, old) => this.#changed(keys(object, old), enqueue)));
        return found;
      },
      watchAll: (chosen, keys) => {
        const followed = new Map<Kind, Subscription>();
        const follow = (kind: Kind): Subscription => client.informer(kind).onChange((object, old) => this.#changed(keys(kind, object, old), enqueue));
        const update = (): void => this.#follow(client.kinds.resources().filter(chosen), followed, follow);
        update();
        for (const kind of followed.keys()) this.#filling.push(client.informer(kind).ready());
        client.kinds.follow(update);
        this.#subscriptions.push({ close: () => followed.forEach((subscription) => subscription.close()) });
      },
    };
  }
  /** Subscribes to what is new in `wanted` and to nothing else any more. */
  #follow(wanted: readonly Kind[], followed: Map<Kind, Subscription>, follow: (kind: Kind) => Subscription): void {
    if (this.#isStopped) return;
    for (const [kind, subscription] of followed) {
      if (wanted.includes(kind)) continue;
      followed.delete(kind);
      subscription.close();
      this.#deps.client.release(kind);
    }
    for (const kind of wanted) if (!followed.has(kind)) followed.set(kind, follow(kind));
  }
  #changed(keys: readonly string[], enqueue: (key: string) => void): void {
    for (const key of keys) enqueue(key);
  }
  async #handle(key: string): Promise<number | void> {
    if (!this.#isReady) await Promise.race([this.#ready, this.#stopped]);
    if (!this.#isReady) return;
    const end = this.#pacer.begin(key);
    this.#running.add(key);
    try {
      return await this.#reconcile(key);
    } finally {
      end();
      this.#running.delete(key);
      if (this.#again.delete(key)) this.#queue.addAfter(key, this.#pacer.wait(key));
    }
  }
  #report(key: string, error: unknown, retryInMs: number): void {
    const fields = { controller: this.#controller.name, key, error, retryInMs };
    // Someone else was faster, or the cache is behind: the retry heals it, nobody needs to know.
    if (isApiError(error, 'Conflict') || isApiError(error, 'NotFound') || isApiError(error, 'AlreadyExists')) this.#log.debug('reconcile again', fields);
    else this.#log.warn('reconcile failed', fields);
  }
}
