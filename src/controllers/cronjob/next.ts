/** When a schedule is due. Times are ms since the epoch. Pure. */
import { parseCron, type CronInterval, type CronSchedule } from '#kinds';

/** The first time after `from`; undefined when there is none (the 30th of February). */
export type Next = (from: number) => number | undefined;

const minuteMs = 60_000;
const hourMs = 3_600_000;
/** A schedule that is not due within so many years is never due. */
const horizonMs = 5 * 366 * 24 * hourMs;

/**
 * `zone` is a name of the IANA database; UTC without one. Times that a change to summer time skips are not
 * due; times that the change back repeats are due twice, as with robfig/cron.
 */
export function scheduleOf(text: string, zone: string | undefined): Next {
  // Old objects may carry the zone in the schedule itself.
  const inside = /^(?:CRON_)?TZ=(\S+)\s/.exec(text)?.[1];
  const schedule = parseCron(text);
  if ('everySeconds' in schedule) return every(schedule);
  const offset = offsetOf(zone ?? inside ?? 'UTC');
  return (from) => next(schedule, offset, from);
}

const every =
  ({ everySeconds }: CronInterval): Next =>
  (from) =>
    Math.floor(from / 1000) * 1000 + everySeconds * 1000;

/** How far local time is ahead of UTC, ms. */
type Offset = (at: number) => number;

function offsetOf(zone: string): Offset {
  if (zone === 'UTC' || zone === 'Etc/UTC') return () => 0;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
  };
}

function next(schedule: CronSchedule, offset: Offset, from: number): number | undefined {
  const end = from + horizonMs;
  let at = Math.floor(from / minuteMs) * minuteMs + minuteMs;
  while (at <= end) {
    const local = new Date(at + offset(at));
    if (!schedule.months.has(local.getUTCMonth() + 1)) at = toLocal(offset, at, Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + 1, 1));
    else if (!isDay(schedule, local)) at = toLocal(offset, at, Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate() + 1));
    else if (!schedule.hours.has(local.getUTCHours())) at += hourMs - local.getUTCMinutes() * minuteMs;
    else if (!schedule.minutes.has(local.getUTCMinutes())) at += minuteMs;
    else return at;
  }
  return undefined;
}
/** The instant of a local time; where the clocks skip it, or it is not after `at`, an hour on, so that there is no standing still. */
function toLocal(offset: Offset, at: number, local: number): number {
  const guess = local - offset(local - offset(at));
  return guess > at ? guess : at + hourMs;
}

/** With a restriction on both, either day will do. */
function isDay(schedule: CronSchedule, local: Date): boolean {
  const date = schedule.daysOfMonth.has(local.getUTCDate());
  const weekday = schedule.daysOfWeek.has(local.getUTCDay());
  return schedule.anyDayOfMonth || schedule.anyDayOfWeek ? date && weekday : date || weekday;
}
