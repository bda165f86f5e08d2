/** Sets of completion indexes as ordered intervals that neither overlap nor touch. */
import type { Interval } from '#kinds';

export type IndexSet = readonly Interval[];

/** What a status says: `1,3-5`. Indexes that the job no longer has are left out, and so is what cannot be read. */
export function readIndexes(text: string | undefined, completions: number): IndexSet {
  const intervals = (text ?? '').split(',').flatMap((part): Interval[] => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) return [];
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
    return first <= last ? [[first, last]] : [];
  });
  return joinIndexes(intervals, []);
}

/** Two neighbours are listed, more become a range: `0,1,4-7`. */
export function formatIndexes(set: IndexSet): string {
  return set.map(([first, last]) => (first === last ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`)).join(',');
}

export function joinIndexes(a: readonly Interval[], b: readonly Interval[]): IndexSet {
  const out: [number, number][] = [];
  for (const [first, last] of [...a, ...b].sort((x, y) => x[0] - y[0])) {
    const end = out.at(-1);
    if (end && first <= end[1] + 1) end[1] = Math.max(end[1], last);
    else out.push([first, last]);
  }
  return out;
}
export const addIndexes = (set: IndexSet, indexes: Iterable<number>): IndexSet =>
  joinIndexes(
    set,
    [...indexes].map((i): Interval => [i, i]),
  );

export function hasIndex(set: IndexSet, index: number): boolean {
  let low = 0;
  let high = set.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = set[middle] as Interval;
    if (index < first) high = middle - 1;
    else if (index > last) low = middle + 1;
    else return true;
  }
  return false;
}

/** The lowest `count` indexes below `completions` that the set does not hold. */
export function firstMissing(set: IndexSet, count: number, completions: number): number[] {
  const out: number[] = [];
  let candidate = 0;
  for (const [first, last] of [...set, [completions, completions] as Interval]) {
    for (; candidate < first && candidate < completions && out.length < count; candidate++) out.push(candidate);
    candidate = Math.max(candidate, last + 1);
  }
  return out;
}
