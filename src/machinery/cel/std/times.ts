import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { dateParts, second, type DateParts } from '../time.ts';
import type { Duration, Timestamp } from '../values.ts';

function parts(time: Timestamp, zone?: string): DateParts {
  const found = dateParts(time, zone);
  if (!found) throw new CelError(`unknown time zone ${zone}`);
  return found;
}
const accessors: readonly (readonly [string, (parts: DateParts) => number])[] = [
  ['getFullYear', (p) => p.year],
  ['getMonth', (p) => p.month],
  ['getDayOfYear', (p) => p.dayOfYear],
  ['getDayOfMonth', (p) => p.day - 1],
  ['getDate', (p) => p.day],
  ['getDayOfWeek', (p) => p.weekday],
  ['getHours', (p) => p.hours],
  ['getMinutes', (p) => p.minutes],
  ['getSeconds', (p) => p.seconds],
];

/** The calendar of timestamps, and durations in whole units. */
export const times: readonly FunctionSpec[] = [
  ...accessors.flatMap(([name, read]): FunctionSpec[] => [
    [`timestamp.${name}() int`, (time: Timestamp) => BigInt(read(parts(time)))],
    [`timestamp.${name}(string) int`, (time: Timestamp, zone: string) => BigInt(read(parts(time, zone)))],
  ]),
  ['timestamp.getMilliseconds() int', (time: Timestamp) => BigInt(Math.trunc(time.nanos / 1e6))],
  ['timestamp.getMilliseconds(string) int', (time: Timestamp) => BigInt(Math.trunc(time.nanos / 1e6))],
  ['duration.getHours() int', (value: Duration) => value.nanos / (3600n * second)],
  ['duration.getMinutes() int', (value: Duration) => value.nanos / (60n * second)],
  ['duration.getSeconds() int', (value: Duration) => value.nanos / second],
  ['duration.getMilliseconds() int', (value: Duration) => (value.nanos / 1_000_000n) % 1000n],
];
