import { CelError, checkLength } from '../errors.ts';
import { formatDouble } from '../numbers.ts';
import { formatDuration, formatTimestamp } from '../time.ts';
import { CelMap, Duration, List, Timestamp, TypeValue, typeNameOf, Uint, type Value } from '../values.ts';

const fail = (text: string): never => {
  throw new CelError(text);
};

/** string.format(): %s %d %f %e %b %o %x %X, with a precision for %f and %e. */
export function formatText(template: string, args: readonly Value[]): string {
  let next = 0;
  let length = template.length;
  return template.replace(/%(?:%|(?:\.(\d+))?([a-zA-Z]?))/g, (text: string, precision: string | undefined, verb: string | undefined) => {
    if (text === '%%') return '%';
    const write = verb === undefined ? undefined : verbs[verb];
    if (write === undefined) return fail(`could not parse formatting clause: unrecognized formatting clause "${verb ?? ''}"`);
    if (next >= args.length) fail(`index ${next} out of range`);
    const out = write(args[next++]!, precision === undefined ? 6 : Number(precision));
    checkLength((length += out.length));
    return out;
  });
}

type Write = (value: Value, precision: number) => string;
const verbs: { readonly [verb: string]: Write | undefined } = {
  s: textOf,
  d: (value) =>
    isInteger(value)
      ? integerText(value)
      : typeof value === 'number' && !Number.isFinite(value)
        ? special(value)
        : wrong('decimal', 'integers and doubles', value),
  f: (value, precision) =>
    typeof value === 'number'
      ? Number.isFinite(value)
        ? fixed(value, Math.min(precision, 100))
        : special(value)
      : isInteger(value)
        ? Number(integerText(value)).toFixed(precision)
        : wrong('fixed-point', 'doubles', value),
  e: (value, precision) =>
    typeof value === 'number' && Number.isFinite(value)
      ? exponent(value, precision)
      : typeof value === 'number'
        ? special(value)
        : isInteger(value)
          ? exponent(Number(integerText(value)), precision)
          : wrong('scientific notation', 'doubles', value),
  b: (value) => (typeof value === 'boolean' ? (value ? '1' : '0') : isInteger(value) ? bigOf(value).toString(2) : wrong('binary', 'integers and bools', value)),
  o: (value) => (isInteger(value) ? bigOf(value).toString(8) : wrong('octal', 'integers', value)),
  x: (value) => hex(value),
  X: (value) => hex(value).toUpperCase(),
};

const isInteger = (value: Value): value is bigint | Uint => typeof value === 'bigint' || value instanceof Uint;
const bigOf = (value: bigint | Uint): bigint => (typeof value === 'bigint' ? value : value.value);
const integerText = (value: bigint | Uint): string => String(bigOf(value));
const special = (value: number): string => (Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity');
const wrong = (what: string, allowed: string, value: Value): never =>
  fail(`error during formatting: ${what} clause can only be used on ${allowed}, was given ${typeNameOf(value)}`);

/** Halves go to the even neighbour, as in Go. */
function fixed(value: number, precision: number): string {
  const scaled = value * 10 ** precision;
  if (Number.isSafeInteger(scaled * 2) && Math.abs(scaled % 1) === 0.5) return ((2 * Math.round(scaled / 2)) / 10 ** precision).toFixed(precision);
  return value.toFixed(precision);
}
function exponent(value: number, precision: number): string {
  const [digits = '', power = ''] = value.toExponential(Math.min(precision, 100)).split('e');
  return `${digits}e${power.startsWith('-') ? '-' : '+'}${power.replace(/^[+-]/, '').padStart(2, '0')}`;
}
function hex(value: Value): string {
  if (isInteger(value)) return bigOf(value).toString(16);
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return wrong('hex', 'integers, byte buffers, and strings', value);
}

/** %s: how a value reads in a message. */
function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? formatDouble(value) : special(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof List) return `[${value.items.map(textOf).join(', ')}]`;
  if (value instanceof CelMap) return `{${mapEntries(value).join(', ')}}`;
  return fail(
    `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
  );
}
const mapEntries = (map: CelMap): string[] =>
  map
    .keys()
    .map((key) => `${textOf(key)}: ${textOf(map.get(key) ?? null)}`)
    .toSorted();
