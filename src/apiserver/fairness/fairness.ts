import { Metrics, type Clock } from '#base';
import { Overloaded } from '../http/overloaded.ts';
import { addHeaders } from '../http/respond.ts';
import type { Exchange } from '../http/types.ts';
import type { Filter, ObjectReader } from '../types.ts';
import { Config, type BuiltIn, type Classified } from './config.ts';
import { dump } from './dump.ts';
import type { Refusal, Ticket } from './level.ts';
import { FairnessMetrics, type FlowMetrics } from './metrics.ts';
import { flowControlGroup, type FlowSchema, type PriorityLevelConfiguration } from './specs.ts';
import { Turns } from './turns.ts';
import { widthOf } from './width.ts';

export interface FairnessOptions {
  readonly clock: Clock;
  /** Seats of all priority levels together; 600 by default, as --max-requests-inflight and --max-mutating-requests-inflight of kube-apiserver together. */
  readonly seats?: number;
  readonly builtIn: BuiltIn;
  readonly metrics?: Metrics;
  /** Ms on a clock that only goes forward. */
  readonly now?: () => number;
  /** Calls when this turn of the event loop is over. */
  readonly defer?: (fn: () => void) => void;
  /** Calls when everything that is ready to run in this turn has run. */
  readonly drained?: (fn: () => void) => void;
}

/** Ticks come before microtasks, but a tick that a microtask asks for comes after all of them. */
const afterMicrotasks = (fn: () => void): void => queueMicrotask(() => process.nextTick(fn));

/** A request waits at most so long for its seats (a quarter of a minute, as kube-apiserver's). */
const longestWaitMs = 15_000;
const sweepMs = 1000;

type Next = () => number | Promise<number>;

/**
 * API priority and fairness (flowcontrol.apiserver.k8s.io): requests that find a seat begin at once; the others wait in
 * the queues of their priority level, or are refused. docs/decisions/010 tells what a seat is on one thread.
 */
export class Fairness implements Filter {
  readonly name = 'fairness';
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #config: Config;
  readonly #metrics: FairnessMetrics;
  readonly #turns: Turns;
  readonly #drained: (fn: () => void) => void;
  #reader: ObjectReader | undefined;
  #sweeping = false;
  #waiting = 0;
  /** How far the levels that are served have come; a level that had nothing starts there. */
  #pass = 0;
  #dirty = false;
  readonly #count = (group: string, plural: string): number => this.#reader?.count?.(group, plural) ?? 0;

  constructor(options: FairnessOptions) {
    const { clock, seats = 600, builtIn, metrics = new Metrics(), now = () => performance.now(), defer = setImmediate, drained = afterMicrotasks } = options;
    this.#drained = drained;
    this.#clock = clock;
    this.#now = now;
    this.#config = new Config(seats, builtIn);
    this.#metrics = new FairnessMetrics(metrics, this.#config);
    this.#turns = new Turns(seats, now, (fn) => void defer(fn));
    this.#turns.onEnd(() => this.#pump());
  }
  start(reader: ObjectReader): void {
    this.#reader = reader;
    const changed = (): void => {
      // Many change at the same time: at the start, all of them.
      if (this.#dirty) return;
      this.#dirty = true;
      queueMicrotask(() => this.#reload(reader));
    };
    reader.observe(flowControlGroup, 'flowschemas', changed);
    reader.observe(flowControlGroup, 'prioritylevelconfigurations', changed);
  }
  #reload(reader: ObjectReader): void {
    this.#dirty = false;
    const schemas = reader.list(flowControlGroup, 'flowschemas') as readonly FlowSchema[];
    const levels = reader.list(flowControlGroup, 'prioritylevelconfigurations') as readonly PriorityLevelConfiguration[];
    this.#config.load(schemas, levels);
    this.#turns.ask();
  }

  handle(exchange: Exchange, next: Next): number | Promise<number> {
    const { info, longRunning } = exchange;
    // Streams go on for as long as the client likes; watches only wait once they have begun.
    if (longRunning && info.verb !== 'watch') return next();
    const classified = this.#config.classify(exchange.user, info);
    const { schema, level } = classified;
    addHeaders(exchange.response, { 'X-Kubernetes-PF-FlowSchema-UID': schema.uid, 'X-Kubernetes-PF-PriorityLevel-UID': level.spec.uid });
    const flow = this.#metrics.of(schema.name, level.spec.name);
    if (level.spec.exempt) {
      level.take(1);
      return this.#run(exchange, next, flow, 1, false, () => level.give(1));
    }
    const width = widthOf(info, level.share.nominal, this.#count);
    flow.width.observe(width);
    if (level.queued === 0 && level.fits(width) && this.#turns.mayBegin()) {
      level.take(width);
      return this.#run(exchange, next, flow, width, true, () => level.give(width));
    }
    return this.#wait(exchange, next, classified, flow, width);
  }
  /** /debug/api_priority_and_fairness/dump_*: what waits where. */
  page(exchange: Exchange): number | undefined {
    return dump(this.#config, exchange);
  }
  /** Answers, and calls `give` when seats are needed no longer. `paced`: it counts among those that make turns long. */
  #run(exchange: Exchange, next: Next, flow: FlowMetrics, width: number, paced: boolean, give: () => void): number | Promise<number> {
    const began = this.#now();
    const { longRunning } = exchange;
    if (paced) this.#turns.running++;
    const leave = (): void => {
      if (paced) this.#turns.running--;
      paced = false;
      if (this.#waiting > 0) this.#turns.ask();
    };
    flow.dispatched.value++;
    flow.executing.value++;
    flow.seats.value += width;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      flow.executing.value--;
      flow.seats.value -= width;
      flow.execution.observe((this.#now() - began) / 1000);
      give();
      leave();
    };
    // What only waits makes no turn long; a watch needs no seat for it either.
    exchange.begun = longRunning ? end : leave;
    let code: number | Promise<number>;
    try {
      code = next();
    } catch (error) {
      end();
      throw error;
    }
    if (typeof code === 'number') {
      end();
      return code;
    }
    code.then(end, end);
    return code;
  }

  /** Resolves when the request that had to wait is answered. */
  #wait(exchange: Exchange, next: Next, { schema, level }: Classified, flow: FlowMetrics, width: number): Promise<number> {
    const { info, user, response } = exchange;
    return new Promise((resolve, reject) => {
      const arrived = this.#now();
      const distinguisher = schema.distinguisher === 'ByUser' ? user.username : schema.distinguisher === 'ByNamespace' ? (info.resource?.namespace ?? '') : '';
      const gone = (): void => void (level.remove(ticket) && this.#refuse(ticket, 'cancelled'));
      const decide = (refused: Refusal | undefined): void => {
        response.off('close', gone);
        (refused ? flow.waitedInVain : flow.waited).observe((this.#now() - arrived) / 1000);
        if (refused) {
          flow.rejected(refused);
          return reject(new Overloaded());
        }
        try {
          resolve(this.#run(exchange, next, flow, width, true, () => level.finish(ticket, this.#now())));
        } catch (error) {
          reject(error as Error);
        }
      };
      const describe = (): ReturnType<Ticket['describe']> => ({ user: user.username, verb: info.verb, path: info.path });
      const ticket: Ticket = { level, schema: schema.name, flow: `${schema.name}\0${distinguisher}`, width, arrived, decide, describe };
      if (level.queued === 0) level.pass = Math.max(level.pass, this.#pass);
      const refusal = level.enqueue(ticket);
      if (refusal) return decide(refusal);
      response.on('close', gone);
      this.#waiting++;
      flow.queued.value++;
      flow.queueLength.observe(ticket.queue?.waiting.length ?? 0);
      this.#turns.ask();
      this.#watchTime();
    });
  }
  #refuse(ticket: Ticket, why: Refusal): void {
    this.#left(ticket);
    ticket.decide(why);
  }
  #left({ schema, level }: Ticket): void {
    this.#waiting--;
    this.#metrics.of(schema, level.spec.name).queued.value--;
  }

  /** A new turn: begins what waits, the levels by their shares, the flows of a level fairly, until the slice is over. */
  #pump(): void {
    if (this.#waiting === 0) return;
    if (!this.#turns.mayBegin()) return this.#turns.ask();
    const ticket = this.#next();
    if (!ticket) return;
    const { level } = ticket;
    level.dispatch(ticket, this.#now());
    this.#pass = level.pass;
    level.pass += ticket.width / Math.max(1, level.share.nominal);
    this.#left(ticket);
    ticket.decide(undefined);
    // What it does at once belongs to the slice, also where promises are between its steps.
    this.#drained(() => this.#pump());
  }
  /** Of the levels whose next request fits: those within their own seats first, then the one that is furthest behind. */
  #next(): Ticket | undefined {
    let best: Ticket | undefined;
    let bestBorrows = true;
    for (const level of this.#config.levels()) {
      if (level.queued === 0) continue;
      const ticket = level.next();
      if (!ticket || !level.fits(ticket.width)) continue;
      const borrows = level.inUse + ticket.width > level.share.nominal;
      if (best && (borrows === bestBorrows ? level.pass >= best.level.pass : borrows)) continue;
      best = ticket;
      bestBorrows = borrows;
    }
    return best;
  }
  #watchTime(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#clock.after(sweepMs, () => {
      this.#sweeping = false;
      const limit = this.#now() - longestWaitMs;
      for (const level of this.#config.levels()) for (const ticket of level.expire(limit)) this.#refuse(ticket, 'time-out');
      if (this.#waiting > 0) this.#watchTime();
    });
  }
}
