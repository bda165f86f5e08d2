import { compareDigits } from './dpkg.ts';

/** Order of epoch, version and release as rpm has it (rpmvercmp). A release that one side lacks is not compared. */
export function compareRpm(a: string, b: string): number {
  const [x, y] = [parse(a), parse(b)];
  const difference = x.epoch - y.epoch || comparePart(x.version, y.version);
  if (difference !== 0 || x.release === undefined || y.release === undefined) return difference;
  return comparePart(x.release, y.release);
}
function parse(text: string): { epoch: number; version: string; release: string | undefined } {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/s.exec(text.trim()) ?? [];
  const dash = rest.lastIndexOf('-');
  return { epoch: Number(epoch), version: dash < 0 ? rest : rest.slice(0, dash), release: dash < 0 ? undefined : rest.slice(dash + 1) };
}

function comparePart(a: string, b: string): number {
  const [x, y] = [segments(a), segments(b)];
  for (let i = 0; ; i++) {
    const [p, q] = [x[i], y[i]];
    if (p === undefined && q === undefined) return 0;
    // A tilde is before everything, the end too; a caret is after the end and before everything else.
    if (p === '~' || q === '~') {
      if (p !== q) return p === '~' ? -1 : 1;
      continue;
    }
    if (p === '^' || q === '^') {
      if (p === q) continue;
      if (p === undefined) return -1;
      if (q === undefined) return 1;
      return p === '^' ? -1 : 1;
    }
    if (p === undefined) return -1;
    if (q === undefined) return 1;
    const difference = compareSegment(p, q);
    if (difference !== 0) return difference;
  }
}
const segments = (text: string): string[] => text.match(/\d+|[A-Za-z]+|~|\^/g) ?? [];
function compareSegment(a: string, b: string): number {
  const [x, y] = [/^\d/.test(a), /^\d/.test(b)];
  if (x && y) return compareDigits(a, b);
  if (x !== y) return x ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}
