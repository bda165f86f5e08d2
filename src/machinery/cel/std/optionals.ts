import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { CelMap, Duration, List, Optional, Timestamp, Uint, type Value } from '../values.ts';

/** The values that optional.ofNonZeroValue takes for nothing. */
function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof List) return value.items.length === 0;
  if (value instanceof CelMap) return value.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Duration) return value.nanos === 0n;
  return value instanceof Timestamp && value.seconds === 0n && value.nanos === 0;
}

/** Optional values. */
export const optionals: readonly FunctionSpec[] = [
  ['optional::of(A) optional<A>', (value) => new Optional(value)],
  ['optional::ofNonZeroValue(A) optional<A>', (value) => (isZero(value) ? Optional.none : new Optional(value))],
  ['optional::none() optional<A>', () => Optional.none],
  ['optional<A>.hasValue() bool', (optional: Optional) => optional.value !== undefined],
  [
    'optional<A>.value() A',
    (optional: Optional) => {
      if (optional.value === undefined) throw new CelError('optional.none() dereference');
      return optional.value;
    },
  ],
  ['optional<A>.or(optional<A>) optional<A>', (optional: Optional, other: Optional) => (optional.value === undefined ? other : optional)],
  ['optional<A>.orValue(A) A', (optional: Optional, other: Value) => optional.value ?? (optional.value === undefined ? other : null)],
];
