import type { PriorityLevelConfiguration } from './specs.ts';
import type { SeatPool, Share, ShareSpec } from './seats.ts';
import { deal, hashOf } from './shuffle.ts';

/** How long a request is taken to last until it has, seconds (kube-apiserver's guess). Corrected when it is over. */
const guessSeconds = 0.003;

/** A request that waits for seats, or has them. */
export interface Ticket {
  readonly level: Level;
  readonly schema: string;
  readonly flow: string;
  readonly width: number;
  /** ms on a clock that only goes forward. */
  readonly arrived: number;
  /** For dumps. */
  readonly describe: () => { readonly user: string; readonly verb: string; readonly path: string };
  /** Called once: with its seats taken, or with why there will be none. */
  readonly decide: (refused: Refusal | undefined) => void;
  queue?: Queue;
  dispatched?: number;
}
export type Refusal = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

/** Requests of a few flows, oldest first. */
export class Queue {
  readonly index: number;
  readonly waiting: Ticket[] = [];
  /** Seat-seconds that were given to it: its place in virtual time. */
  start = 0;
  executing = 0;
  seats = 0;
  constructor(index: number) {
    this.index = index;
  }
}

export interface Queuing {
  readonly queues: number;
  readonly handSize: number;
  readonly lengthLimit: number;
}
export interface LevelSpec extends ShareSpec {
  readonly name: string;
  readonly uid: string;
  readonly exempt: boolean;
  /** Undefined: what finds no seat is refused. */
  readonly queuing: Queuing | undefined;
}

export function readLevel({ metadata, spec }: PriorityLevelConfiguration): LevelSpec {
  const name = metadata?.name ?? '';
  const limits = spec?.limited ?? spec?.exempt ?? {};
  const queuing = spec?.limited?.limitResponse?.type === 'Queue' ? (spec.limited.limitResponse.queuing ?? {}) : undefined;
  return {
    name,
    uid: metadata?.uid ?? '',
    exempt: spec?.type === 'Exempt',
    shares: limits.nominalConcurrencyShares ?? (spec?.limited ? 30 : 0),
    lendablePercent: limits.lendablePercent ?? 0,
    borrowingLimitPercent: spec?.limited?.borrowingLimitPercent,
    queuing: queuing && { queues: queuing.queues ?? 64, handSize: queuing.handSize ?? 8, lengthLimit: queuing.queueLengthLimit ?? 50 },
  };
}

/**
 * One priority level: its seats, and its queues with fair queuing among them. Fairness is start-time fair queuing:
 * a queue moves on in virtual time by the seat-seconds that its requests used, and the queue that is furthest behind is
 * next; one that comes back from being empty starts where the others are.
 */
export class Level {
  spec: LevelSpec;
  share: Share;
  inUse = 0;
  executing = 0;
  queued = 0;
  queuedSeats = 0;
  /** Its place among the levels, in seat-shares that were dispatched. */
  pass = 0;
  /** Virtual time: the start of what was dispatched last. */
  #now = 0;
  #queues: Queue[];
  /** Queues in which something waits; also those of an earlier configuration. */
  readonly #busy = new Set<Queue>();
  readonly #pool: SeatPool;

  constructor(spec: LevelSpec, share: Share, pool: SeatPool) {
    this.spec = spec;
    this.share = share;
    this.#pool = pool;
    this.#queues = makeQueues(spec);
    if (!spec.exempt) pool.resize(0, undefined, share);
  }
  /** A new configuration. What waits, waits on. */
  update(spec: LevelSpec, share: Share): void {
    if (!this.spec.exempt) this.#pool.resize(this.inUse, this.share, undefined);
    if (!spec.exempt) this.#pool.resize(this.inUse, undefined, share);
    if (spec.queuing?.queues !== this.spec.queuing?.queues) this.#queues = makeQueues(spec);
    this.spec = spec;
    this.share = share;
  }
  /** It is configured no longer: it keeps nothing, and goes on until nothing of it waits or runs. */
  retire(): void {
    this.update(this.spec, { nominal: 0, min: 0, max: Math.max(this.share.max, 1) });
  }
  get idle(): boolean {
    return this.executing === 0 && this.queued === 0;
  }

  /** Whether a request of this width could begin now. */
  fits(width: number): boolean {
    return this.spec.exempt || this.#pool.fits(this.share, this.inUse, width);
  }
  take(width: number): void {
    if (!this.spec.exempt) this.#pool.take(this.share, this.inUse, width);
    this.inUse += width;
    this.executing++;
  }
  give(width: number): void {
    if (!this.spec.exempt) this.#pool.give(this.share, this.inUse, width);
    this.inUse -= width;
    this.executing--;
  }

  /** Queues the ticket; or says why not. Where requests are not queued they only wait for a turn, never for a seat. */
  enqueue(ticket: Ticket): Refusal | undefined {
    const { queuing } = this.spec;
    if (!queuing && !this.#pool.fits(this.share, this.inUse + this.queuedSeats, ticket.width)) return 'concurrency-limit';
    const queue = this.#choose(ticket);
    if (queuing && queue.waiting.length >= queuing.lengthLimit) return 'queue-full';
    if (queue.waiting.length === 0) {
      this.#busy.add(queue);
      if (queue.executing === 0) queue.start = Math.max(queue.start, this.#now);
    }
    ticket.queue = queue;
    queue.waiting.push(ticket);
    this.queued++;
    this.queuedSeats += ticket.width;
    return undefined;
  }
  /** Of the queues that the flow may use, the one with the least work. */
  #choose({ flow, width }: Ticket): Queue {
    const queues = this.#queues;
    if (queues.length === 1) return queues[0] as Queue;
    let best: Queue | undefined;
    let least = Infinity;
    for (const index of deal(hashOf(flow), queues.length, this.spec.queuing?.handSize ?? 1)) {
      const queue = queues[index] as Queue;
      const work = queue.seats + queue.waiting.length * width;
      if (work >= least) continue;
      best = queue;
      least = work;
    }
    return best as Queue;
  }
  /** The ticket that is next; undefined when nothing waits. */
  next(): Ticket | undefined {
    return this.#nextQueue()?.waiting[0];
  }
  #nextQueue(): Queue | undefined {
    let best: Queue | undefined;
    let least = Infinity;
    for (const queue of this.#busy) {
      const finish = queue.start + guessSeconds * (queue.waiting[0] as Ticket).width;
      if (finish >= least) continue;
      best = queue;
      least = finish;
    }
    return best;
  }
  /** Takes the seats of a ticket that is `next`. */
  dispatch(ticket: Ticket, now: number): void {
    const queue = ticket.queue as Queue;
    this.#unqueue(queue, ticket);
    this.#now = Math.max(this.#now, queue.start);
    queue.start += guessSeconds * ticket.width;
    queue.executing++;
    queue.seats += ticket.width;
    ticket.dispatched = now;
    this.take(ticket.width);
  }
  /** The request of a dispatched ticket is answered: what it really took counts. */
  finish(ticket: Ticket, now: number): void {
    this.give(ticket.width);
    const queue = ticket.queue;
    if (!queue) return;
    queue.executing--;
    queue.seats -= ticket.width;
    const seconds = (now - (ticket.dispatched ?? now)) / 1000;
    queue.start += (seconds - guessSeconds) * ticket.width;
  }
  /** Takes a ticket out that waits no longer. */
  remove(ticket: Ticket): boolean {
    const queue = ticket.queue;
    if (!queue || ticket.dispatched !== undefined || !queue.waiting.includes(ticket)) return false;
    this.#unqueue(queue, ticket);
    return true;
  }
  /** What has waited since before `limit`, taken out. */
  expire(limit: number): Ticket[] {
    const late = [...this.#busy].flatMap((queue) => queue.waiting.filter((ticket) => ticket.arrived <= limit));
    for (const ticket of late) this.#unqueue(ticket.queue as Queue, ticket);
    return late;
  }
  #unqueue(queue: Queue, ticket: Ticket): void {
    queue.waiting.splice(queue.waiting.indexOf(ticket), 1);
    if (queue.waiting.length === 0) this.#busy.delete(queue);
    this.queued--;
    this.queuedSeats -= ticket.width;
  }
  /** For dumps and metrics. */
  get queues(): readonly Queue[] {
    return [...new Set([...this.#queues, ...this.#busy])];
  }
  get activeQueues(): number {
    return this.#busy.size;
  }
}

function makeQueues({ queuing }: LevelSpec): Queue[] {
  return Array.from({ length: Math.max(1, Math.min(queuing?.queues ?? 1, 100_000)) }, (_, i) => new Queue(i));
}
