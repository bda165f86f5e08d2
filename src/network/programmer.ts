import type { Clock, Logger, Timer } from '#base';
import { FlowCleaner } from './conntrack.ts';
import { must, type Host } from './host.ts';
import { allowLocalhost } from './links.ts';
import { Table } from './nft/table.ts';
import type { TableSettings, Unit } from './nft/unit.ts';

export interface ProgrammerOptions {
  host: Host;
  clock: Clock;
  log: Logger;
  settings: TableSettings;
  /** The unit of a key as the caches say now; undefined when its owner is gone. */
  compile(key: string): Unit | undefined;
}

const checkMs = 30_000;
/** Longest pause between two transactions under a stream of changes. */
const longestPauseMs = 100;

/**
 * Keeps the kernel's table equal to what the owners want. The first change of a quiet time is applied at once;
 * what arrives while nft runs goes together in the next transaction. A failed transaction, or a table that
 * somebody flushed (reloading a host firewall does), leads to a full one.
 */
export class Programmer {
  readonly #options: ProgrammerOptions;
  readonly #table: Table;
  readonly #cleaner: FlowCleaner;
  readonly #dirty = new Set<string>();
  readonly #localhost = new Set<string>();
  /** Wanted on localhost, but without an interface when we looked. */
  #unrouted = new Set<string>();
  #stage: 'new' | 'running' | 'closed' = 'new';
  #pumping: Promise<void> | undefined;
  #needFull = true;
  #failures = 0;
  #marked = 0;
  #applied = 0;
  #timer: Timer | undefined;
  #retry: Timer | undefined;
  #waiters: { check(): boolean; done(): void }[] = [];

  constructor(options: ProgrammerOptions) {
    this.#options = options;
    this.#table = new Table(options.settings);
    this.#cleaner = new FlowCleaner(options.host, options.log);
  }

  /** The first full transaction. Rejects when it fails: nothing else can work then. */
  async start(): Promise<void> {
    this.#stage = 'running';
    this.#pumping = this.#round().finally(() => (this.#pumping = undefined));
    await this.#pumping;
    this.#wake();
    this.#scheduleCheck();
    this.#kick();
  }
  mark(key: string): void {
    this.#marked++;
    this.#dirty.add(key);
    this.#kick();
  }
  /** Resolves when everything marked until now is in the kernel. */
  settled(): Promise<void> {
    const wanted = this.#marked;
    return this.#until(() => this.#applied >= wanted && !this.#needFull);
  }
  /** Resolves when no applied rule sends new connections to this pod (IP or UID) as if it were staying, or after `limitMs`. */
  async withdrawn(pod: string, limitMs: number): Promise<boolean> {
    const gone = (): boolean => {
      for (const unit of this.#table.units()) if (unit.live.has(pod)) return false;
      return true;
    };
    const wanted = this.#marked;
    const limit = { passed: false };
    const timer = this.#options.clock.after(
      limitMs,
      () => {
        limit.passed = true;
        this.#wake();
      },
      true,
    );
    await this.#until(() => limit.passed || (this.#applied >= wanted && gone()));
    timer.cancel();
    return !limit.passed;
  }
  async close(): Promise<void> {
    this.#stage = 'closed';
    this.#timer?.cancel();
    this.#retry?.cancel();
    await this.#pumping;
    for (const waiter of this.#waiters.splice(0)) waiter.done();
  }
  /** Removes the table. */
  async remove(): Promise<void> {
    const { host, settings } = this.#options;
    // `add` first: deleting what is not there is an error.
    await must(host, 'nft', ['-f', '-'], `table ip ${settings.table}\ndelete table ip ${settings.table}\n`);
  }

  #until(check: () => boolean): Promise<void> {
    if (this.#stage === 'closed' || (!this.#pumping && check())) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ check, done }));
  }
  #wake(): void {
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting)
      if (waiter.check()) waiter.done();
      else this.#waiters.push(waiter);
  }
  #kick(): void {
    if (this.#stage !== 'running' || this.#pumping || this.#retry) return;
    if (this.#dirty.size === 0 && !this.#needFull) return;
    // A microtask later, so that changes that arrive together go together.
    this.#pumping = Promise.resolve()
      .then(() => this.#pump())
      .finally(() => {
        this.#pumping = undefined;
        this.#wake();
        this.#kick();
      });
  }
  async #pump(): Promise<void> {
    while (this.#stage === 'running' && (this.#dirty.size > 0 || this.#needFull)) {
      const began = this.#options.clock.now();
      try {
        await this.#round();
        this.#failures = 0;
      } catch (error) {
        return this.#backOff(error);
      }
      this.#wake();
      if (this.#waiters.length === 0) await this.#pause(Math.min(longestPauseMs, this.#options.clock.now() - began));
    }
  }
  /** Under a stream of changes nft may take half of the time, not all of it. */
  #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#dirty.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#options.clock.after(ms, resolve, true));
  }
  #backOff(error: unknown): void {
    this.#needFull = true;
    const wait = Math.min(30_000, 250 * 2 ** Math.min(this.#failures++, 7));
    this.#options.log.error('nftables refused the rules; trying again from scratch', { error, retryInMs: wait });
    this.#retry = this.#options.clock.after(wait, () => {
      this.#retry = undefined;
      this.#kick();
    });
  }

  /** One transaction: everything that is dirty now. */
  async #round(): Promise<void> {
    const upTo = this.#marked;
    const changes = new Map<string, Unit | undefined>();
    for (const key of this.#dirty) changes.set(key, this.#options.compile(key));
    this.#dirty.clear();
    const goneUdp = this.#goneUdp(changes);
    const text = this.#table.change(changes);
    await this.#openLocalhost(changes);
    if (this.#needFull) await this.#apply(this.#table.full());
    else if (text !== '') await this.#applyChange(text);
    this.#needFull = false;
    this.#applied = upTo;
    if (goneUdp.size > 0) void this.#cleaner.forgetUdp(goneUdp);
  }
  async #applyChange(text: string): Promise<void> {
    const result = await this.#options.host.run('nft', ['-f', '-'], text);
    if (result.code === 0) return;
    this.#options.log.warn('the nftables table is not as we left it: replacing it', { error: result.stderr.trim().slice(0, 500) });
    await this.#apply(this.#table.full());
  }
  async #apply(text: string): Promise<void> {
    await must(this.#options.host, 'nft', ['-f', '-'], text);
  }
  #goneUdp(changes: ReadonlyMap<string, Unit | undefined>): Set<string> {
    const gone = new Set<string>();
    for (const [key, next] of changes) for (const ip of this.#table.get(key)?.udp ?? []) if (!next?.udp.has(ip)) gone.add(ip);
    return gone;
  }
  /** Pods that localhost may now reach need a setting on their interface, once. */
  async #openLocalhost(changes: ReadonlyMap<string, Unit | undefined>): Promise<void> {
    const wanted = new Set(this.#unrouted);
    for (const unit of changes.values()) for (const ip of unit?.localhost ?? []) wanted.add(ip);
    const fresh = [...wanted].filter((ip) => !this.#localhost.has(ip));
    this.#unrouted = new Set(await allowLocalhost(this.#options.host, fresh));
    for (const ip of fresh) if (!this.#unrouted.has(ip)) this.#localhost.add(ip);
    this.#forgetLocalhost();
  }
  /** An address that no rule uses may come back on another interface. */
  #forgetLocalhost(): void {
    if (this.#localhost.size + this.#unrouted.size === 0) return;
    const used = new Set<string>();
    for (const unit of this.#table.units()) for (const ip of unit.localhost) used.add(ip);
    for (const set of [this.#localhost, this.#unrouted]) for (const ip of set) if (!used.has(ip)) set.delete(ip);
  }

  #scheduleCheck(): void {
    this.#timer = this.#options.clock.after(checkMs, () => void this.#check().finally(() => this.#stage === 'running' && this.#scheduleCheck()));
  }
  async #check(): Promise<void> {
    if (this.#pumping || this.#retry) return;
    const { host, settings, log } = this.#options;
    const result = await host.run('nft', ['list', 'set', 'ip', settings.table, 'node-addresses']);
    if (result.code === 0 || this.#stage !== 'running') return;
    log.warn('somebody removed our nftables table: restoring it');
    this.#needFull = true;
    this.#kick();
  }
}
