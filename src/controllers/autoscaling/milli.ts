import { formatAmount, parseAmount } from '#base';

const million = 1_000_000n;

/** A quantity in thousandths, rounded up, as Quantity.MilliValue gives it; 0 for what is none. */
export function milliOf(text: string | number | undefined): number {
  const nano = text === undefined ? 0n : (parseAmount(text)?.nano ?? 0n);
  return Number(nano >= 0n ? (nano + million - 1n) / million : nano / million);
}
/** The quantity of so many thousandths: 1500 is `1500m`. */
export function milliText(milli: number): string {
  return formatAmount({ nano: BigInt(Math.trunc(milli)) * million, format: 'decimal' });
}
