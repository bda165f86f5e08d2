import { formatAmount } from '#base';

/** A number as a quantity, in thousandths where it is no whole number. */
export function quantityOf(value: number): string {
  if (!Number.isFinite(value)) return '0';
  return formatAmount({ nano: BigInt(Math.round(value * 1000)) * 1_000_000n, format: 'decimal' });
}
