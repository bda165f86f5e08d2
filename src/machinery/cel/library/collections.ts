import { visits, visitsBoth } from '../cost-rules.ts';
import { celEquals, compareValues } from '../equality.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { checkedInt, checkedUint } from '../numbers.ts';
import { Duration, List, Uint, type Value } from '../values.ts';

const order = (a: Value, b: Value): number => {
  const found = compareValues(a, b);
  if (found === undefined && typeof a === typeof b && typeof a === 'number') return 1;
  if (found === undefined) throw new CelError('no such overload');
  return found;
};
const isSorted = (list: List): boolean => list.items.every((item, i) => i === 0 || order(list.items[i - 1]!, item) <= 0);

function add(a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return checkedInt(a + b);
  if (a instanceof Uint && b instanceof Uint) return checkedUint(a.value + b.value);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof Duration && b instanceof Duration) return new Duration(a.nanos + b.nanos);
  throw new CelError('no such overload');
}
const sum =
  (zero: Value) =>
  (list: List): Value =>
    list.items.length === 0 ? zero : list.items.slice(1).reduce(add, list.items[0]!);

const extreme =
  (name: string, sign: number) =>
  (list: List): Value => {
    if (list.items.length === 0) throw new CelError(`${name} called on empty list`);
    return list.items.reduce((best, item) => (sign * order(item, best) > 0 ? item : best));
  };
const indexOf = (list: List, value: Value): bigint => BigInt(list.items.findIndex((item) => celEquals(item, value)));
const lastIndexOf = (list: List, value: Value): bigint => BigInt(list.items.findLastIndex((item) => celEquals(item, value)));

const has = (list: List, value: Value): boolean => list.items.some((item) => celEquals(item, value));
const contains = (a: List, b: List): boolean => b.items.every((item) => has(a, item));

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const zeros: readonly (readonly [string, Value])[] = [
  ['int', 0n],
  ['uint', new Uint(0n)],
  ['double', 0],
  ['duration', new Duration(0n)],
];

/** Kubernetes' lists library. */
export const lists: readonly FunctionSpec[] = [
  ...comparable.flatMap((type): FunctionSpec[] => [
    [`list<${type}>.isSorted() bool`, isSorted, visits],
    [`list<${type}>.min() ${type}`, extreme('min', -1), visits],
    [`list<${type}>.max() ${type}`, extreme('max', 1), visits],
  ]),
  ...zeros.map(([type, zero]): FunctionSpec => [`list<${type}>.sum() ${type}`, sum(zero), visits]),
  ['list<A>.indexOf(A) int', indexOf, visits],
  ['list<A>.lastIndexOf(A) int', lastIndexOf, visits],
];

/** cel-go's sets extension. */
export const sets: readonly FunctionSpec[] = [
  ['sets::contains(list<A>, list<A>) bool', contains, visitsBoth],
  ['sets::equivalent(list<A>, list<A>) bool', (a: List, b: List) => contains(a, b) && contains(b, a), visitsBoth],
  ['sets::intersects(list<A>, list<A>) bool', (a: List, b: List) => b.items.some((item) => has(a, item)), visitsBoth],
];
