import { sizeOf } from './cost-rules.ts';
import { CelError } from './errors.ts';
import type { Frame } from './frame.ts';
import type { Overload } from './functions.ts';
import type { CelType } from './types.ts';
import { CelMap, Duration, List, Opaque, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

type Fits = (value: Value) => boolean;

const kinds: { readonly [kind in CelType['kind']]?: Fits } = {
  null: (value) => value === null,
  bool: (value) => typeof value === 'boolean',
  int: (value) => typeof value === 'bigint',
  uint: (value) => value instanceof Uint,
  double: (value) => typeof value === 'number',
  string: (value) => typeof value === 'string',
  bytes: (value) => value instanceof Uint8Array,
  timestamp: (value) => value instanceof Timestamp,
  duration: (value) => value instanceof Duration,
  list: (value) => value instanceof List,
  map: (value) => value instanceof CelMap,
  object: (value) => value instanceof CelMap,
  type: (value) => value instanceof TypeValue,
};
const anything: Fits = () => true;

function fits(type: CelType): Fits {
  if (type.kind === 'opaque') {
    if (type.name !== 'optional_type') return (value) => value instanceof Opaque && value.type === type.name;
    const inner = fits(type.params[0]!);
    return (value) => value instanceof Optional && (value.value === undefined || inner(value.value));
  }
  return kinds[type.kind] ?? anything;
}

const fitsOf = new WeakMap<Overload, readonly Fits[]>();
function checksOf(overload: Overload): readonly Fits[] {
  let checks = fitsOf.get(overload);
  if (!checks) fitsOf.set(overload, (checks = overload.args.map(fits)));
  return checks;
}

/** Indexing takes any number that is whole. */
const isIndex = (overload: Overload, values: readonly Value[]): boolean =>
  (overload.name === '_[_]' || overload.name === '_[?_]') &&
  values[0] instanceof List &&
  overload.args[0]?.kind === 'list' &&
  (typeof values[1] === 'number' || values[1] instanceof Uint);

/** Calls the first overload that the values fit. */
export function dispatch(overloads: readonly Overload[]): (values: readonly Value[], frame: Frame) => Value {
  const candidates = overloads.map((overload) => ({ overload, checks: checksOf(overload) }));
  return (values, frame) => {
    for (const { overload, checks } of candidates) {
      let good = true;
      for (let i = 0; good && i < checks.length; i++) good = checks[i]!(values[i]!);
      if (!good && !isIndex(overload, values)) continue;
      frame.charge(overload.cost === undefined ? 1 : overload.cost.cost(values.map(sizeOf)));
      return overload.call(...values);
    }
    throw new CelError('no such overload');
  };
}
