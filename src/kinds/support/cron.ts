/**
 * Cron schedules with five fields, as CronJobs have them: what `ParseStandard` of robfig/cron v3 takes, with its error texts.
 * A schedule is sets of numbers; when it is due is for the controller to reckon.
 */
export interface CronSchedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly daysOfWeek: ReadonlySet<number>;
  /** Whether the field was `*` or `?`: days are then decided by the other field alone. */
  readonly anyDayOfMonth: boolean;
  readonly anyDayOfWeek: boolean;
}
/** `@every 90m`: a fixed distance instead of a calendar. */
export interface CronInterval {
  readonly everySeconds: number;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}
const minutes: Bounds = { min: 0, max: 59 };
const hours: Bounds = { min: 0, max: 23 };
const daysOfMonth: Bounds = { min: 1, max: 31 };
const months: Bounds = { min: 1, max: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] };
const daysOfWeek: Bounds = { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] };

const descriptors: { readonly [name: string]: string } = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** Throws Error with the library's text. A leading `TZ=…` or `CRON_TZ=…` is skipped: Kubernetes has a field for it. */
export function parseCron(text: string): CronSchedule | CronInterval {
  if (text === '') throw new Error('empty spec string');
  const spec = /^(?:CRON_)?TZ=/.test(text) ? text.slice(text.indexOf(' ') + 1).trim() : text;
  if (spec.startsWith('@')) return parseDescriptor(spec);
  const fields = spec.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== 5) throw new Error(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string];
  return {
    minutes: parseField(minute, minutes),
    hours: parseField(hour, hours),
    daysOfMonth: parseField(dayOfMonth, daysOfMonth),
    months: parseField(month, months),
    daysOfWeek: parseField(dayOfWeek, daysOfWeek),
    anyDayOfMonth: isAny(dayOfMonth),
    anyDayOfWeek: isAny(dayOfWeek),
  };
}

function parseDescriptor(text: string): CronSchedule | CronInterval {
  const spec = descriptors[text];
  if (spec) return parseCron(spec);
  const every = '@every ';
  if (!text.startsWith(every)) throw new Error(`unrecognized descriptor: ${text}`);
  const seconds = parseDuration(text.slice(every.length));
  if (seconds === undefined) throw new Error(`failed to parse duration ${text}: time: invalid duration ${JSON.stringify(text.slice(every.length))}`);
  return { everySeconds: Math.max(1, Math.trunc(seconds)) };
}

const units: { readonly [unit: string]: number } = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };
/** Go's duration form: 1h30m. */
function parseDuration(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) sum += Number(value) * units[unit!]!;
  return text.startsWith('-') ? -sum : sum;
}

const isAny = (field: string): boolean => field.split(',').some((part) => /^[*?](\/1)?$/.test(part));

function parseField(text: string, bounds: Bounds): Set<number> {
  const out = new Set<number>();
  for (const part of text.split(',').filter((item) => item !== '')) addRange(part, bounds, out);
  return out;
}

/** `number | number-number | * | ?`, each with an optional `/step`. */
function addRange(text: string, bounds: Bounds, out: Set<number>): void {
  const [range = '', step, ...rest] = text.split('/');
  const [low = '', high, ...more] = range.split('-');
  const any = low === '*' || low === '?';
  if (!any && more.length > 0) throw new Error(`too many hyphens: ${text}`);
  if (rest.length > 0) throw new Error(`too many slashes: ${text}`);
  let start = any ? bounds.min : parseNumber(low, bounds);
  let end = any ? bounds.max : high === undefined ? start : parseNumber(high, bounds);
  const by = step === undefined ? 1 : parsePlain(step);
  // N/step means N-max/step.
  if (step !== undefined && !any && high === undefined) end = bounds.max;
  if (start < bounds.min) throw new Error(`beginning of range (${start}) below minimum (${bounds.min}): ${text}`);
  if (end > bounds.max) throw new Error(`end of range (${end}) above maximum (${bounds.max}): ${text}`);
  if (start > end) throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (by === 0) throw new Error(`step of range should be a positive number: ${text}`);
  for (; start <= end; start += by) out.add(start);
}

function parseNumber(text: string, { names, min }: Bounds): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  return named >= 0 ? named + min : parsePlain(text);
}
function parsePlain(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (value < 0) throw new Error(`negative number (${value}) not allowed: ${text}`);
  return value;
}
