/** Which start of a CronJob is due now. Pure. */
import type { V1CronJob } from '#kinds';
import type { Next } from './next.ts';

/** With more missed starts than this something is wrong with the clock, or with the deadline. */
const many = 100;
/** A look at the clock comes this much after the time, ms. */
const delta = 100;

export interface Due {
  /** The last start that was due and has not been made; undefined when none was. */
  at: number | undefined;
  tooMany: boolean;
}
interface Missed extends Due {
  earliest: number;
  some: boolean;
}
const stampOf = (time: string | undefined): number => Date.parse(time ?? '') || 0;

/** Throws when the schedule is due twice within a second. */
export function dueStart(job: V1CronJob, next: Next, now: number): Due {
  return missed(job, next, now, true);
}
/** How long until the next start, ms. */
export function untilNext(job: V1CronJob, next: Next, now: number): number | undefined {
  const at = next(latest(job, next, now));
  return at === undefined ? undefined : Math.max(0, at - now) + delta;
}
function latest(job: V1CronJob, next: Next, now: number): number {
  try {
    const { at, some, earliest } = missed(job, next, now, false);
    return at ?? (some ? now : earliest);
  } catch {
    return now;
  }
}

function missed(job: V1CronJob, next: Next, now: number, withDeadline: boolean): Missed {
  const deadline = job.spec?.startingDeadlineSeconds;
  const since = stampOf(job.status?.lastScheduleTime ?? job.metadata?.creationTimestamp);
  const earliest = withDeadline && deadline !== undefined ? Math.max(since, now - deadline * 1000) : since;
  const first = next(earliest);
  const second = first === undefined ? undefined : next(first);
  if (first === undefined || now < first) return { earliest, at: undefined, some: false, tooMany: false };
  if (second === undefined || now < second) return { earliest, at: first, some: false, tooMany: false };
  const distance = Math.round((second - first) / 1000) * 1000;
  if (distance < 1000) throw new Error('time difference between two schedules is less than 1 second');
  // Counting them one by one could take for ever: the distance between the first two tells about how many there are.
  const count = Math.floor((now - first) / distance) + 1;
  let at: number | undefined;
  for (let t = next(first + (count - 2) * distance); t !== undefined && t <= now; t = next(t)) at = t;
  return { earliest, at, some: true, tooMany: count > many };
}
