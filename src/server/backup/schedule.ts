import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Created, Retention } from '#backup';
import type { Clock, Logger, Timer } from '#base';
import type { Paths } from '../paths.ts';
import type { SecretFiles } from './secret.ts';
import type { TargetPlace } from './target.ts';

/** Backups that an instance makes by itself. Kept in the data directory, without keys or credentials. */
export interface Schedule {
  readonly everyMs: number;
  readonly place: TargetPlace;
  readonly secret: SecretFiles;
  readonly retention: Retention;
  /** ms since the epoch. */
  readonly lastTry?: number | undefined;
  /** Id of the last backup, or why there was none. */
  readonly lastResult?: string | undefined;
}

const fileOf = (paths: Paths): string => join(paths.data, 'backup-schedule.json');

export function readSchedule(paths: Paths): Schedule | undefined {
  return existsSync(fileOf(paths)) ? (JSON.parse(readFileSync(fileOf(paths), 'utf8')) as Schedule) : undefined;
}
export function writeSchedule(paths: Paths, schedule: Schedule | undefined): void {
  if (!schedule) return rmSync(fileOf(paths), { force: true });
  writeFileSync(`${fileOf(paths)}.tmp`, JSON.stringify(schedule, null, 2) + '\n', { mode: 0o600, flush: true });
  renameSync(`${fileOf(paths)}.tmp`, fileOf(paths));
}

/** When the next one is due, ms since the epoch. */
export const dueAt = (schedule: Schedule, now: number): number => (schedule.lastTry === undefined ? now : schedule.lastTry + schedule.everyMs);

/** Makes backups when they are due. Changes of the schedule count when `changed` is called. */
export class Scheduler {
  readonly #paths: Paths;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #create: (schedule: Schedule) => Promise<Created>;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: { paths: Paths; clock: Clock; log: Logger; create(schedule: Schedule): Promise<Created> }) {
    this.#paths = options.paths;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#create = options.create;
  }
  changed(): void {
    this.#timer?.cancel();
    const schedule = readSchedule(this.#paths);
    if (!schedule || this.#stopped || this.#running) return;
    const now = this.#clock.now();
    this.#timer = this.#clock.after(Math.max(0, dueAt(schedule, now) - now), () => {
      this.#running = this.#run(schedule).finally(() => {
        this.#running = undefined;
        this.changed();
      });
    });
  }
  async #run(schedule: Schedule): Promise<void> {
    let lastResult: string;
    try {
      const created = await this.#create(schedule);
      lastResult = created.id;
      this.#log.info('backup made', {
        id: created.id,
        objects: created.objects,
        blobs: created.blobs,
        sentBytes: created.sent.bytes,
        pruned: created.pruned.length,
      });
    } catch (error) {
      lastResult = error instanceof Error ? error.message : String(error);
      this.#log.error('the scheduled backup failed; the next one is tried when it is due', { error });
    }
    // It may have been changed or ended meanwhile.
    const now = readSchedule(this.#paths);
    if (now) writeSchedule(this.#paths, { ...now, lastTry: this.#clock.now(), lastResult });
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }
}
