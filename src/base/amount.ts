/** How an amount is written: with decimal suffixes (m, k, M …), binary ones (Ki, Mi …), or an exponent (e3). */
export type AmountFormat = 'decimal' | 'binary' | 'exponent';
/** An exact quantity, for sums that must not drift: whole billionths, as fine as resource.Quantity is. */
export interface Amount {
  readonly nano: bigint;
  readonly format: AmountFormat;
}

const billion = 1_000_000_000n;
const pattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?)$/;
/** Thousands that a decimal suffix stands for, from billionths up. */
const decimals = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binaries = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

export const zeroAmount: Amount = { nano: 0n, format: 'decimal' };
export const wholeAmount = (count: number): Amount => ({ nano: BigInt(count) * billion, format: 'decimal' });

/** The same few texts come again and again, and amounts are never changed. */
const known = new Map<string | number, Amount | undefined>();
const mostKnown = 2000;

/** Undefined when the text is not a quantity. Finer than a billionth is rounded away from zero. */
export function parseAmount(text: string | number): Amount | undefined {
  if (known.has(text)) return known.get(text);
  if (known.size >= mostKnown) known.clear();
  const amount = parse(text);
  known.set(text, amount);
  return amount;
}
function parse(text: string | number): Amount | undefined {
  const match = pattern.exec(String(text));
  if (!match || (!match[2] && !match[3])) return undefined;
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = match;
  const digits = BigInt(whole + fraction);
  const binary = binaries.indexOf(suffix || '-');
  const power = exponent === undefined ? (binary > 0 ? 0 : (decimals.indexOf(suffix) - 3) * 3) : Number(exponent);
  const scaled = shift(binary > 0 ? digits << BigInt(10 * binary) : digits, power - fraction.length + 9);
  return { nano: sign === '-' ? -scaled : scaled, format: binary > 0 ? 'binary' : exponent === undefined ? 'decimal' : 'exponent' };
}
function shift(value: bigint, power: number): bigint {
  if (power >= 0) return value * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return (value + divisor - 1n) / divisor;
}

/** The sum is written as the first of the two that is not zero. */
export function addAmounts(a: Amount, b: Amount): Amount {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format };
}
export function maxAmount(a: Amount, b: Amount): Amount {
  return b.nano > a.nano ? b : a;
}

/** The canonical text, as resource.Quantity prints it: 1500m, 2Gi, 3k. */
export function formatAmount({ nano, format }: Amount): string {
  if (nano === 0n) return '0';
  const sign = nano < 0n ? '-' : '';
  const size = nano < 0n ? -nano : nano;
  // Small numbers are never binary: 512, not 0.5Ki.
  if (format !== 'binary' || size < 1024n * billion) return sign + decimalText(size, format);
  let value = (size + billion - 1n) / billion;
  let unit = 0;
  while (unit < binaries.length - 1 && value % 1024n === 0n) {
    value /= 1024n;
    unit++;
  }
  return `${sign}${value}${binaries[unit] ?? ''}`;
}
function decimalText(size: bigint, format: AmountFormat): string {
  let value = size;
  let unit = 0;
  while (unit < decimals.length - 1 && value % 1000n === 0n) {
    value /= 1000n;
    unit++;
  }
  if (format === 'exponent') return unit === 3 ? String(value) : `${value}e${(unit - 3) * 3}`;
  return `${value}${decimals[unit] ?? ''}`;
}
