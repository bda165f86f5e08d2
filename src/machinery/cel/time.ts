import { Duration, Timestamp } from './values.ts';

const minSeconds = -62135596800n;
const maxSeconds = 253402300799n;
export const second = 1_000_000_000n;

/** RFC 3339; undefined for anything else and outside of the years 1 to 9999. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.exec(text);
  if (!match) return undefined;
  const ms = Date.parse(`${match[1]}T${match[2]}${match[4]!.toUpperCase()}`);
  if (Number.isNaN(ms)) return undefined;
  const nanos = Number((match[3] ?? '.').slice(1).padEnd(9, '0').slice(0, 9));
  return timestampOf(BigInt(ms / 1000), nanos);
}
export function timestampOf(seconds: bigint, nanos: number): Timestamp | undefined {
  return seconds < minSeconds || seconds > maxSeconds ? undefined : new Timestamp(seconds, nanos);
}
export function addToTimestamp(time: Timestamp, nanos: bigint): Timestamp | undefined {
  const total = time.seconds * second + BigInt(time.nanos) + nanos;
  const rest = ((total % second) + second) % second;
  return timestampOf((total - rest) / second, Number(rest));
}
export const nanosOf = (time: Timestamp): bigint => time.seconds * second + BigInt(time.nanos);

export function formatTimestamp(time: Timestamp): string {
  const date = new Date(Number(time.seconds) * 1000).toISOString().slice(0, 19);
  const fraction = time.nanos === 0 ? '' : `.${String(time.nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return `${date}${fraction}Z`;
}

const units: { readonly [unit: string]: bigint | undefined } = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
};

/** Go's durations: `1h30m`, `-1.5s`. Undefined for anything else and past 2^63 nanoseconds. */
export function parseDuration(text: string): Duration | undefined {
  if (!/^[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/.test(text)) return undefined;
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of text.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = units[unit] ?? 0n;
    nanos += BigInt(whole || '0') * size;
    if (fraction) nanos += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length);
  }
  if (text.startsWith('-')) nanos = -nanos;
  return BigInt.asIntN(64, nanos) === nanos ? new Duration(nanos) : undefined;
}

/** In seconds, as CEL prints durations: `5400s`, `-1.5s`. */
export function formatDuration({ nanos }: Duration): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const fraction =
    size % second === 0n
      ? ''
      : `.${String(size % second)
          .padStart(9, '0')
          .replace(/0+$/, '')}`;
  return `${sign}${size / second}${fraction}s`;
}

export interface DateParts {
  year: number;
  /** 0 = January */
  month: number;
  day: number;
  hours: number;
  minutes: number;
  seconds: number;
  /** 0 = Sunday */
  weekday: number;
  dayOfYear: number;
}

const zones = new Map<string, Intl.DateTimeFormat>();
function zoneFormat(zone: string): Intl.DateTimeFormat {
  let format = zones.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      era: 'short',
    });
    if (zones.size > 100) zones.clear();
    zones.set(zone, format);
  }
  return format;
}

/** Minutes east of UTC; undefined when the zone is not known. */
function offsetOf(zone: string, ms: number): number | undefined {
  const fixed = /^([+-])?(\d{1,2}):(\d{2})$/.exec(zone);
  if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3]));
  try {
    const parts = Object.fromEntries(
      zoneFormat(zone)
        .formatToParts(ms)
        .map((part) => [part.type, part.value]),
    );
    const local = Date.UTC(
      Number(parts['year']),
      Number(parts['month']) - 1,
      Number(parts['day']),
      Number(parts['hour']),
      Number(parts['minute']),
      Number(parts['second']),
    );
    return Math.round((local - Math.floor(ms / 1000) * 1000) / 60000);
  } catch {
    return undefined;
  }
}

/** The calendar in a time zone (UTC by default); undefined when the zone is not known. */
export function dateParts(time: Timestamp, zone = 'UTC'): DateParts | undefined {
  const ms = Number(time.seconds) * 1000;
  const offset = zone === 'UTC' ? 0 : offsetOf(zone, ms);
  if (offset === undefined) return undefined;
  const date = new Date(ms + offset * 60000);
  const year = date.getUTCFullYear();
  const newYear = new Date(0);
  newYear.setUTCFullYear(year, 0, 1);
  return {
    year,
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    hours: date.getUTCHours(),
    minutes: date.getUTCMinutes(),
    seconds: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
    dayOfYear: Math.floor((date.getTime() - newYear.getTime()) / 86_400_000),
  };
}
