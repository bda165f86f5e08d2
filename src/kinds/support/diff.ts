/** The difference of two objects as Kubernetes puts it into messages: a unified diff of their indented JSON. */

const context = 3;

/** Line operations of the shortest edit, by the longest common subsequence; both sides are short. */
function edits(a: readonly string[], b: readonly string[]): { sign: ' ' | '-' | '+'; line: string }[] {
  const start = commonStart(a, b);
  const end = commonEnd(a, b, start);
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  const kept = (line: string): { sign: ' '; line: string } => ({ sign: ' ', line });
  return [...a.slice(0, start).map(kept), ...middle(left, right), ...a.slice(a.length - end).map(kept)];
}
function commonStart(a: readonly string[], b: readonly string[]): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}
function commonEnd(a: readonly string[], b: readonly string[], start: number): number {
  let i = 0;
  while (i < a.length - start && i < b.length - start && a[a.length - 1 - i] === b[b.length - 1 - i]) i++;
  return i;
}
/** More lines than this are shown as replaced altogether. */
const largest = 500;
function middle(a: readonly string[], b: readonly string[]): { sign: ' ' | '-' | '+'; line: string }[] {
  const removed = a.map((line) => ({ sign: '-' as const, line }));
  const added = b.map((line) => ({ sign: '+' as const, line }));
  if (a.length > largest || b.length > largest) return [...removed, ...added];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) lengths[i]![j] = a[i] === b[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
  const out: { sign: ' ' | '-' | '+'; line: string }[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ sign: ' ', line: a[i++]! });
      j++;
    } else if (j >= b.length || (i < a.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) out.push(removed[i++]!);
    else out.push(added[j++]!);
  }
  return out;
}

const range = (start: number, length: number): string => (length === 1 ? String(start + 1) : `${length === 0 ? start : start + 1},${length}`);

/** Empty when the two are the same. */
export function unifiedDiff(before: unknown, after: unknown): string {
  const lines = edits(JSON.stringify(before, null, 1).split('\n'), JSON.stringify(after, null, 1).split('\n'));
  const changed = lines.flatMap(({ sign }, i) => (sign === ' ' ? [] : [i]));
  if (changed.length === 0) return '';
  let out = '';
  for (let c = 0; c < changed.length;) {
    const first = Math.max(0, changed[c]! - context);
    while (c + 1 < changed.length && changed[c + 1]! - changed[c]! <= 2 * context) c++;
    const hunk = lines.slice(first, Math.min(lines.length, changed[c++]! + context + 1));
    const ahead = lines.slice(0, first);
    const count = (list: typeof lines, other: '+' | '-'): number => list.filter(({ sign }) => sign !== other).length;
    out += `@@ -${range(count(ahead, '+'), count(hunk, '+'))} +${range(count(ahead, '-'), count(hunk, '-'))} @@\n`;
    out += hunk.map(({ sign, line }) => `${sign}${line}\n`).join('');
  }
  return out;
}
