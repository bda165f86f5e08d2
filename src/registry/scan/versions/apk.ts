import { compareDigits } from './dpkg.ts';

/** Suffixes by their order; '' stands for none. apk-package(5). */
const suffixes = ['alpha', 'beta', 'pre', 'rc', '', 'cvs', 'svn', 'git', 'hg', 'p'];
const form = /^(\d+(?:\.\d+)*)([a-z])?((?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?$/;

interface Version {
  readonly numbers: readonly string[];
  readonly letter: string;
  readonly suffixes: readonly { rank: number; number: string }[];
  readonly revision: string;
}

/** Order of versions of Alpine: numbers, letter, suffixes, -r. Undefined: one of them is no such version. */
export function compareAlpine(a: string, b: string): number | undefined {
  const [x, y] = [parse(a), parse(b)];
  if (!x || !y) return undefined;
  return compareNumbers(x.numbers, y.numbers) || order(x.letter, y.letter) || compareSuffixes(x, y) || compareDigits(x.revision, y.revision);
}
function parse(text: string): Version | undefined {
  const match = form.exec(text.trim());
  if (!match) return undefined;
  const named = [...(match[3] ?? '').matchAll(/_([a-z]+)(\d*)/g)].map(([, name = '', number = '']) => ({
    rank: suffixes.indexOf(name),
    number: number || '0',
  }));
  if (named.some((one) => one.rank < 0)) return undefined;
  return { numbers: (match[1] as string).split('.'), letter: match[2] ?? '', suffixes: named, revision: match[4] ?? '0' };
}
function compareNumbers(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    // After the first, a number with a leading zero is read like a fraction: 1.02 is before 1.1 and after 1.010.
    const difference = i > 0 && (x.startsWith('0') || y.startsWith('0')) ? order(x, y) : compareDigits(x, y);
    if (difference !== 0) return difference;
  }
  return 0;
}
function compareSuffixes(a: Version, b: Version): number {
  const none = { rank: suffixes.indexOf(''), number: '0' };
  for (let i = 0; i < Math.max(a.suffixes.length, b.suffixes.length); i++) {
    const [x, y] = [a.suffixes[i] ?? none, b.suffixes[i] ?? none];
    const difference = x.rank - y.rank || compareDigits(x.number, y.number);
    if (difference !== 0) return difference;
  }
  return 0;
}
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
