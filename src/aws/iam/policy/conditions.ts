import { BlockList, isIP } from 'node:net';
import { splitOperator, type Condition } from './document.ts';
import { glob, matchesArn, unquote } from './match.ts';

/** Condition keys of a request, in lower case, each with its values. An absent key has no entry. */
export type ConditionKeys = ReadonlyMap<string, readonly string[]>;

/** Replaces policy variables in a value, as a pattern (see `quote`); undefined when one of them has no value and no default. */
export type Expand = (value: string) => string | undefined;

type Compare = (wanted: string, given: string) => boolean;

/** Whether a condition holds (IAM reference, condition operators). All conditions of a statement must. */
export function holds(condition: Condition, keys: ConditionKeys, expand: Expand): boolean {
  const { name, ifExists, set } = splitOperator(condition.operator);
  const given = keys.get(condition.key.toLowerCase());
  if (name === 'null') return condition.values.some((value) => (value.toLowerCase() === 'true') === (given === undefined));
  if (given === undefined || (given.length === 0 && set === undefined)) return ifExists || set === 'all' || isNegated(name);
  const wanted = condition.values
    .map(expand)
    .filter((value) => value !== undefined)
    .map(patterned.has(plain(name)) ? (value) => value : unquote);
  const compare = comparisons[plain(name)];
  if (!compare) return false; // parsing refuses unknown operators
  const matches = (value: string): boolean => wanted.some((w) => compare(w, value));
  const passes = isNegated(name) ? (value: string) => !matches(value) : matches;
  if (set === 'all') return given.every(passes);
  if (set === 'any') return given.some(passes);
  // Without a qualifier, a key has one value; where it has several, any may match, and none for a negated operator.
  return isNegated(name) ? given.every(passes) : given.some(passes);
}

const patterned = new Set(['stringlike', 'arnequals', 'arnlike']);
const isNegated = (name: string): boolean => name.includes('not');
const plain = (name: string): string => name.replace('not', '');

const number =
  (test: (given: number, wanted: number) => boolean): Compare =>
  (wanted, given) => {
    const [w, g] = [Number(wanted), Number(given)];
    return wanted.trim() !== '' && given.trim() !== '' && Number.isFinite(w) && Number.isFinite(g) && test(g, w);
  };
const date =
  (test: (given: number, wanted: number) => boolean): Compare =>
  (wanted, given) => {
    const [w, g] = [toTime(wanted), toTime(given)];
    return !Number.isNaN(w) && !Number.isNaN(g) && test(g, w);
  };
/** ISO 8601 or seconds since the epoch. */
const toTime = (text: string): number => (/^\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text));

const comparisons: Readonly<Record<string, Compare>> = {
  stringequals: (wanted, given) => wanted === given,
  stringequalsignorecase: (wanted, given) => wanted.toLowerCase() === given.toLowerCase(),
  stringlike: glob,
  numericequals: number((g, w) => g === w),
  numericlessthan: number((g, w) => g < w),
  numericlessthanequals: number((g, w) => g <= w),
  numericgreaterthan: number((g, w) => g > w),
  numericgreaterthanequals: number((g, w) => g >= w),
  dateequals: date((g, w) => g === w),
  datelessthan: date((g, w) => g < w),
  datelessthanequals: date((g, w) => g <= w),
  dategreaterthan: date((g, w) => g > w),
  dategreaterthanequals: date((g, w) => g >= w),
  bool: (wanted, given) => wanted.toLowerCase() === given.toLowerCase(),
  binaryequals: (wanted, given) => wanted === given,
  ipaddress: inRange,
  // Both compare part by part, and both take wildcards: ArnEquals and ArnLike behave alike.
  arnequals: matchesArn,
  arnlike: matchesArn,
};

function inRange(range: string, address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const [network, prefix] = range.split('/');
  if (network === undefined || isIP(network) !== family) return false;
  const most = family === 4 ? 32 : 128;
  const bits = prefix === undefined ? most : Number(prefix);
  if (!Number.isInteger(bits) || bits < 0 || bits > most) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, bits, type);
  return list.check(address, type);
}
