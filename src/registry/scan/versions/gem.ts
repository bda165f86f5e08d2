import { compareDigits } from './dpkg.ts';

/** Order of Gem::Version: segments of digits and of letters; letters make a pre-release, missing segments are 0. */
export function compareGem(a: string, b: string): number | undefined {
  if (!/^\d[\w.-]*$/.test(a.trim()) || !/^\d[\w.-]*$/.test(b.trim())) return undefined;
  const [x, y] = [segments(a), segments(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [p, q] = [x[i] ?? '0', y[i] ?? '0'];
    const [m, n] = [/^\d/.test(p), /^\d/.test(q)];
    const difference = m && n ? compareDigits(p, q) : m !== n ? (m ? 1 : -1) : p < q ? -1 : p > q ? 1 : 0;
    if (difference !== 0) return difference;
  }
  return 0;
}
const segments = (text: string): string[] =>
  text
    .trim()
    .replaceAll('-', '.pre.')
    .match(/\d+|[A-Za-z]+/g) ?? [];
