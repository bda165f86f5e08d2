/** Which backups stay: the newest N, and the newest of each of the last N days and weeks that have one (UTC; weeks begin on Monday). */
export interface Retention {
  readonly last?: number | undefined;
  readonly daily?: number | undefined;
  readonly weekly?: number | undefined;
}

interface Dated {
  readonly id: string;
  /** ms since the epoch. */
  readonly created: number;
}

const DAY = 24 * 60 * 60 * 1000;
const dayOf = (ms: number): number => Math.floor(ms / DAY);
/** 1970-01-01 was a Thursday. */
const weekOf = (ms: number): number => Math.floor((dayOf(ms) + 3) / 7);

/** Ids of those that may go. Without any rule nothing goes, and the newest never does. */
export function outdated(backups: readonly Dated[], retention: Retention): string[] {
  const { last, daily, weekly } = retention;
  if (last === undefined && daily === undefined && weekly === undefined) return [];
  const newestFirst = backups.toSorted((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
  const keep = new Set(newestFirst.slice(0, Math.max(1, last ?? 0)).map((b) => b.id));
  for (const [count, spanOf] of [
    [daily ?? 0, dayOf],
    [weekly ?? 0, weekOf],
  ] as const) {
    const spans = new Map<number, string>();
    for (const { id, created } of newestFirst) if (!spans.has(spanOf(created))) spans.set(spanOf(created), id);
    for (const id of [...spans.values()].slice(0, count)) keep.add(id);
  }
  return newestFirst.filter((b) => !keep.has(b.id)).map((b) => b.id);
}
