import { compareDigits } from './dpkg.ts';

const words = ['dev', 'alpha', 'beta', 'rc', '', 'patch'];
const short: Record<string, string> = { a: 'alpha', b: 'beta', p: 'patch', pl: 'patch', stable: '' };
const form = /^v?(\d+(?:\.\d+){0,3})(?:[._-]?(dev|alpha|a|beta|b|rc|patch|pl|p|stable)[._-]?(\d*))?(?:\+.*)?$/i;

/** Order of Composer: up to four numbers and a stability. Undefined for branches (`dev-main`) and the like. */
export function compareComposer(a: string, b: string): number | undefined {
  const [x, y] = [form.exec(a.trim()), form.exec(b.trim())];
  if (!x || !y) return undefined;
  const [p, q] = [(x[1] as string).split('.'), (y[1] as string).split('.')];
  for (let i = 0; i < 4; i++) {
    const difference = compareDigits(p[i] ?? '0', q[i] ?? '0');
    if (difference !== 0) return difference;
  }
  return rank(x[2]) - rank(y[2]) || compareDigits(x[3] ?? '', y[3] ?? '');
}
const rank = (word = ''): number => {
  const lower = word.toLowerCase();
  return words.indexOf(short[lower] ?? lower);
};
