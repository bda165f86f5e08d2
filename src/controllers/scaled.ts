/** A count, or a share of `total` in percent, rounded by `round`; 0 for what is neither. */
export function scaledCount(value: number | string | undefined, total: number, round: (n: number) => number): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value);
  return percent ? round((Number(percent[1]) * total) / 100) : 0;
}
