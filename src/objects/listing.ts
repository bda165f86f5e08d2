import { successor } from './names.ts';

/** A page of a listing: items, and the common prefixes that stand for what they begin, together in order and limited together. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly prefixes: readonly string[];
  /** The last item or prefix given, when there is more. */
  readonly next: { readonly item?: T; readonly prefix?: string } | undefined;
}

export interface PageOptions {
  readonly prefix: string;
  /** '' for none. */
  readonly delimiter: string;
  readonly limit: number;
}

/** The common prefix that a key is rolled up into; undefined: it stands for itself. */
export function rollUp(key: string, { prefix, delimiter }: { prefix: string; delimiter: string }): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

/**
 * Lists in pages. `fetch` gives items after a position in order; past a common prefix the search goes on behind
 * everything it stands for, so a prefix costs one look-up however many keys it has.
 */
export function listPage<T extends { readonly key: string }, P>(
  options: PageOptions,
  start: P,
  fetch: (position: P, limit: number) => readonly T[],
  after: { item(item: T): P; key(key: string): P },
): Page<T> {
  const items: T[] = [];
  const prefixes: string[] = [];
  if (options.limit === 0) return { items, prefixes, next: undefined };
  let last: Page<T>['next'];
  let position: P | undefined = start;
  while (position !== undefined) {
    const wanted: number = options.limit - items.length - prefixes.length + 1;
    const batch = fetch(position, wanted);
    position = undefined;
    for (const item of batch) {
      if (items.length + prefixes.length === options.limit) return { items, prefixes, next: last };
      const rolled = rollUp(item.key, options);
      if (rolled === undefined) {
        items.push(item);
        last = { item };
        continue;
      }
      prefixes.push(rolled);
      last = { prefix: rolled };
      const behind = successor(rolled);
      if (behind === undefined) return { items, prefixes, next: undefined };
      position = after.key(behind);
      break;
    }
    if (position === undefined && batch.length === wanted) position = after.item(batch.at(-1) as T);
  }
  return { items, prefixes, next: undefined };
}

/** Where a listing begins that goes on after a key or common prefix. */
export function startAfter(marker: string, options: { prefix: string; delimiter: string }): string {
  if (!isBehind(marker, options.prefix)) return options.prefix;
  const isPrefix = marker.startsWith(options.prefix) && rollUp(marker, options) === marker;
  return isPrefix ? (successor(marker) ?? marker) : `${marker}\0`;
}
/** As UTF-8 bytes: JavaScript's own comparison is of UTF-16. */
const isBehind = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) >= 0;
