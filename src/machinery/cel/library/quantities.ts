import { readsFirst } from '../cost-rules.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { Opaque } from '../values.ts';

const nano = 1_000_000_000n;
const scales: { readonly [suffix: string]: bigint | undefined } = {
  n: 1n,
  u: 1000n,
  m: 1_000_000n,
  '': nano,
  k: nano * 1000n,
  M: nano * 10n ** 6n,
  G: nano * 10n ** 9n,
  T: nano * 10n ** 12n,
  P: nano * 10n ** 15n,
  E: nano * 10n ** 18n,
};
const binary: { readonly [suffix: string]: bigint | undefined } = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };

/** A quantity in billionths, as resource.Quantity reads it: finer than that is rounded away from zero. */
function parse(text: string): bigint | undefined {
  const match = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3})|(n|u|m|k|M|G|T|P|E|[KMGTPE]i)?)$/.exec(text);
  if (!match) return undefined;
  const [, sign, digits = '', exponent, suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  let numerator = BigInt(whole + fraction || '0');
  let denominator = 10n ** BigInt(fraction.length);
  const shift = binary[suffix];
  if (shift !== undefined) numerator = (numerator << shift) * nano;
  else if (exponent === undefined) numerator *= scales[suffix] ?? nano;
  else if (Number(exponent) >= 0) numerator *= 10n ** BigInt(exponent) * nano;
  else {
    numerator *= nano;
    denominator *= 10n ** BigInt(-Number(exponent));
  }
  const value = (numerator + denominator - 1n) / denominator;
  return sign === '-' ? -value : value;
}

export class Quantity extends Opaque {
  readonly type = 'kubernetes.Quantity';
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    super();
    this.nanos = nanos;
  }
  equals(other: this): boolean {
    return this.nanos === other.nanos;
  }
}
/** The value of `quantity(text)`. Throws CelError. */
export function quantity(text: string): Quantity {
  const value = parse(text);
  if (value === undefined) throw new CelError(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`);
  return new Quantity(value);
}
const isInteger = ({ nanos }: Quantity): boolean => nanos % nano === 0n && BigInt.asIntN(64, nanos / nano) === nanos / nano;
function asInteger(value: Quantity): bigint {
  if (!isInteger(value)) throw new CelError('cannot convert value to integer');
  return value.nanos / nano;
}
const order = (a: Quantity, b: Quantity): bigint => (a.nanos < b.nanos ? -1n : a.nanos > b.nanos ? 1n : 0n);

/** Kubernetes' quantity library. */
export const quantities: readonly FunctionSpec[] = [
  ['quantity(string) Quantity', quantity, readsFirst],
  ['isQuantity(string) bool', (text: string) => parse(text) !== undefined, readsFirst],
  ['Quantity.sign() int', ({ nanos }: Quantity) => (nanos > 0n ? 1n : nanos < 0n ? -1n : 0n)],
  ['Quantity.isInteger() bool', isInteger],
  ['Quantity.asInteger() int', asInteger],
  ['Quantity.asApproximateFloat() double', ({ nanos }: Quantity) => Number(nanos / nano) + Number(nanos % nano) / 1e9],
  ['Quantity.add(Quantity) Quantity', (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos)],
  ['Quantity.add(int) Quantity', (a: Quantity, b: bigint) => new Quantity(a.nanos + b * nano)],
  ['Quantity.sub(Quantity) Quantity', (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos)],
  ['Quantity.sub(int) Quantity', (a: Quantity, b: bigint) => new Quantity(a.nanos - b * nano)],
  ['Quantity.isGreaterThan(Quantity) bool', (a: Quantity, b: Quantity) => a.nanos > b.nanos],
  ['Quantity.isLessThan(Quantity) bool', (a: Quantity, b: Quantity) => a.nanos < b.nanos],
  ['Quantity.compareTo(Quantity) int', order],
];
