/** Sets of completion indexes in their text form, as Indexed Jobs have them: `1,3-5,7`. */

export type Interval = readonly [first: number, last: number];

/** The intervals of `text`, in order; throws Error with the text of Kubernetes when it is malformed or not below `completions`. */
export function parseIndexes(text: string, completions: number): Interval[] {
  if (text === '') return [];
  let previous: number | undefined;
  return text.split(',').map((part) => {
    const interval = parseInterval(part, completions);
    if (previous !== undefined && previous >= interval[0]) throw new Error(`non-increasing order, previous: ${previous}, current: ${interval[0]}`);
    previous = interval[1];
    return interval;
  });
}

function parseInterval(text: string, completions: number): Interval {
  const limits = text.split('-');
  if (limits.length > 2)
    throw new Error(`the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`);
  const first = index(limits[0]!);
  if (first >= completions) throw new Error(`too large index: ${JSON.stringify(limits[0])}`);
  if (limits.length === 1) return [first, first];
  const last = index(limits[1]!);
  if (last >= completions) throw new Error(`too large index: ${JSON.stringify(limits[1])}`);
  if (first >= last) throw new Error(`non-increasing order, previous: ${first}, current: ${last}`);
  return [first, last];
}
function index(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`cannot convert string to integer for index: ${JSON.stringify(text)}`);
  return Number(text);
}

export const countIndexes = (intervals: readonly Interval[]): number => intervals.reduce((sum, [first, last]) => sum + last - first + 1, 0);

/** The first index that both hold. */
export function firstOverlap(a: readonly Interval[], b: readonly Interval[]): number | undefined {
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [left, right] = [a[i]!, b[j]!];
    if (left[0] <= right[1] && right[0] <= left[1]) return Math.max(left[0], right[0]);
    if (left[0] <= right[0]) i++;
    else j++;
  }
  return undefined;
}
