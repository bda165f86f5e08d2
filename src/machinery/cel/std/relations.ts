import { compares, visitsSecond } from '../cost-rules.ts';
import { celEquals, compareValues } from '../equality.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec, Implementation } from '../functions.ts';
import { keyText, typeNameOf, Uint, Optional, type CelMap, type List, type Value } from '../values.ts';

const ordered = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'];
const numeric = ['int', 'uint', 'double'];
const comparisons: readonly (readonly [string, Implementation])[] = [
  ['_<_', (a, b) => order(a, b, (n) => n < 0)],
  ['_<=_', (a, b) => order(a, b, (n) => n <= 0)],
  ['_>_', (a, b) => order(a, b, (n) => n > 0)],
  ['_>=_', (a, b) => order(a, b, (n) => n >= 0)],
];
/** Nothing holds of NaN. */
const order = (a: Value, b: Value, holds: (order: number) => boolean): boolean => {
  const found = compareValues(a, b);
  return found !== undefined && holds(found);
};

/** The place that a number means; doubles and uints are fine where they are whole. */
export function indexOf(value: Value): number {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new CelError(`unsupported index type '${typeNameOf(value)}' in list`);
}

export function listItem(list: List, index: Value): Value {
  const found = list.items[indexOf(index)];
  if (found === undefined) throw new CelError(`index out of bounds: ${indexOf(index)}`);
  return found;
}
export function mapItem(map: CelMap, key: Value): Value {
  const found = map.get(key);
  if (found === undefined) throw new CelError(`no such key: ${typeof key === 'string' ? key : (keyText(key)?.slice(1) ?? typeNameOf(key))}`);
  return found;
}

const optionalItem = (list: List, index: Value): Optional => maybe(list.items[indexOf(index)]);
export const maybe = (value: Value | undefined): Optional => (value === undefined ? Optional.none : new Optional(value));
/** Indexing goes on inside of an optional value. */
const inside = (optional: Optional, look: (value: Value) => Value | undefined): Optional =>
  optional.value === undefined ? optional : maybe(look(optional.value));
const optionalIndexes = (operator: string): FunctionSpec[] => [
  [`${operator}(optional<list<A>>, int) optional<A>`, (o: Optional, i: Value) => inside(o, (list) => (list as List).items[indexOf(i)])],
  [`${operator}(optional<map<K, V>>, K) optional<V>`, (o: Optional, key: Value) => inside(o, (map) => (map as CelMap).get(key))],
];

/** Equality, order, membership, indexing and logic. */
export const relations: readonly FunctionSpec[] = [
  ['_==_(A, A) bool', (a, b) => celEquals(a, b), compares],
  ['_!=_(A, A) bool', (a, b) => !celEquals(a, b), compares],
  ...comparisons.flatMap(([name, call]): FunctionSpec[] => [
    ...ordered.map((type): FunctionSpec => [`${name}(${type}, ${type}) bool`, call, compares]),
    ...numeric.flatMap((left) => numeric.filter((right) => right !== left).map((right): FunctionSpec => [`${name}(${left}, ${right}) bool`, call])),
  ]),
  ['@in(A, list<A>) bool', (item: Value, list: List) => list.items.some((other) => celEquals(other, item)), visitsSecond],
  ['@in(K, map<K, V>) bool', (key: Value, map: CelMap) => map.has(key)],
  ['_[_](list<A>, int) A', listItem],
  ['_[_](map<K, V>, K) V', mapItem],
  ...optionalIndexes('_[_]'),
  ['_[?_](list<A>, int) optional<A>', optionalItem],
  ['_[?_](map<K, V>, K) optional<V>', (map: CelMap, key: Value) => maybe(map.get(key))],
  ...optionalIndexes('_[?_]'),
  ['!_(bool) bool', (a: boolean) => !a],
  // The planner evaluates these itself: they do not look at all their arguments.
  ['_&&_(bool, bool) bool', (a: boolean, b: boolean) => a && b],
  ['_||_(bool, bool) bool', (a: boolean, b: boolean) => a || b],
  ['_?_:_(bool, A, A) A', (condition: boolean, a: Value, b: Value) => (condition ? a : b)],
];
