import { nanosOf } from './time.ts';
import { CelMap, Duration, keyText, List, Opaque, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

const isNumber = (value: Value): value is bigint | number | Uint => typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;

/** Order of numbers of any type; undefined when one is NaN. */
function compareNumbers(a: bigint | number | Uint, b: bigint | number | Uint): number | undefined {
  let left = a instanceof Uint ? a.value : a;
  let right = b instanceof Uint ? b.value : b;
  // A double meets an integer as a double, as in cel-go: 2^63 - 1 is not less than 2^63.
  if (typeof left === 'number') right = Number(right);
  else if (typeof right === 'number') left = Number(left);
  return left < right ? -1 : left > right ? 1 : left >= right ? 0 : undefined;
}

/** By code points, as Go compares texts. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const high = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
    return high(x) < high(y) ? -1 : 1;
  }
  return a.length < b.length ? -1 : 1;
}

/** Order of two values; undefined when they have none. */
export function compareValues(a: Value, b: Value): number | undefined {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof Timestamp && b instanceof Timestamp) return compareNumbers(nanosOf(a), nanosOf(b));
  if (a instanceof Duration && b instanceof Duration) return compareNumbers(a.nanos, b.nanos);
  return undefined;
}

/** CEL's ==: values of different types differ, numbers are compared across types. */
export function celEquals(a: Value, b: Value): boolean {
  if (a === b) return typeof a !== 'number' || !Number.isNaN(a);
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) === 0;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof List) return b instanceof List && equalLists(a, b);
  if (a instanceof CelMap) return b instanceof CelMap && equalMaps(a, b);
  if (a instanceof Optional)
    return b instanceof Optional && (a.value === undefined || b.value === undefined ? a.value === b.value : celEquals(a.value, b.value));
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Opaque) return b instanceof Opaque && a.type === b.type && a.equals(b);
  return compareValues(a, b) === 0;
}

function equalLists(a: List, b: List): boolean {
  if (a.items.length !== b.items.length) return false;
  // The order of sets and of lists of type map says nothing.
  if (a.listType === 'set') {
    const others = new Set(b.items.map(canonical));
    return a.items.every((item) => others.has(canonical(item)));
  }
  if (a.listType === 'map') {
    const others = new Map(b.items.map((item) => [listMapKey(item, a.mapKeys), item]));
    return a.items.every((item) => {
      const other = others.get(listMapKey(item, a.mapKeys));
      return other !== undefined && celEquals(item, other);
    });
  }
  return a.items.every((item, i) => celEquals(item, b.items[i]!));
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false;
  return a.keys().every((key) => {
    const other = b.get(key);
    return other !== undefined && celEquals(a.get(key) ?? null, other);
  });
}

/** Text that equal items of sets share: sets may be large, and comparing every two would take too long. */
function canonical(value: Value): string {
  const key = keyText(value);
  if (key !== undefined) return JSON.stringify(key);
  if (value instanceof List) return `[${value.items.map(canonical).join()}]`;
  if (!(value instanceof CelMap)) return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? String(member) : member));
  const members = value.keys().map((name) => `${canonical(name)}:${canonical(value.get(name) ?? null)}`);
  return `{${members.toSorted().join()}}`;
}

/** What tells items of a list of type map apart. */
export function listMapKey(item: Value, keys: readonly string[]): string {
  if (!(item instanceof CelMap)) return '';
  return JSON.stringify(keys.map((key) => keyText(item.get(key) ?? '') ?? null));
}

/** Concatenation: sets keep what they have once, lists of type map let the right side's items win. */
export function concatLists(a: List, b: List): List {
  if (a.listType === 'set') {
    const known = new Set(a.items.map(canonical));
    const added = b.items.filter((item) => !known.has(canonical(item)));
    return new List([...a.items, ...added], 'set');
  }
  if (a.listType === 'map') {
    const byKey = new Map(a.items.map((item) => [listMapKey(item, a.mapKeys), item]));
    for (const item of b.items) byKey.set(listMapKey(item, a.mapKeys), item);
    return new List([...byKey.values()], 'map', a.mapKeys);
  }
  return new List([...a.items, ...b.items]);
}
