import type { CostRule } from './functions.ts';
import { CelMap, List, type Value } from './values.ts';

/** cel-go's units: a traversal costs a tenth per character, matching a regular expression a quarter per character of it. */
export const traversal = 0.1;
const regexFactor = 0.25;

/** The size that costs depend on: characters, octets, items, entries; 1 for everything else. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length;
  if (value instanceof List) return value.items.length;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof CelMap) return value.size;
  return 1;
}

const per = (size: number): number => Math.ceil(size * traversal);
const at = (sizes: readonly number[], i: number): number => sizes[i] ?? 0;

/** Reads its first argument from end to end. */
export const readsFirst: CostRule = { cost: (s) => 1 + per(at(s, 0)) };
/** As `readsFirst`; the result is as long as the argument. */
export const rewritesFirst: CostRule = { cost: (s) => 1 + per(at(s, 0)), size: (s) => at(s, 0) };
export const readsSecond: CostRule = { cost: (s) => 1 + per(at(s, 1)) };
/** One text sought in another. */
export const searches: CostRule = { cost: (s) => 1 + Math.ceil(at(s, 0) * traversal * Math.max(1, at(s, 1) * traversal)) };
export const matches: CostRule = { cost: (s) => 1 + Math.ceil((at(s, 0) + 1) * traversal * Math.max(1, at(s, 1) * regexFactor)) };
export const matchesAll: CostRule = { ...matches, size: (s) => at(s, 0) };
/** Compares until the shorter side ends. */
export const compares: CostRule = { cost: (s) => 1 + per(Math.min(at(s, 0), at(s, 1))) };
export const concatenates: CostRule = { cost: (s) => 1 + per(at(s, 0) + at(s, 1)), size: (s) => at(s, 0) + at(s, 1) };
/** Looks at every item of a list once. */
export const visits: CostRule = { cost: (s) => 1 + at(s, 0) };
export const visitsSecond: CostRule = { cost: (s) => 1 + at(s, 1) };
/** Every item of one list against every item of another. */
export const visitsBoth: CostRule = { cost: (s) => 1 + at(s, 0) * at(s, 1) };
export const replaces: CostRule = {
  cost: (s) => 1 + Math.ceil(at(s, 0) * traversal * Math.max(1, at(s, 1) * traversal)) + per(at(s, 0)),
  size: (s) => at(s, 0) * Math.max(1, at(s, 2)) + at(s, 2),
};
export const splits: CostRule = { cost: (s) => 1 + per(at(s, 0)), size: (s) => at(s, 0) + 1 };
export const joins: CostRule = { cost: (s) => 1 + at(s, 0) + per(at(s, 0) * at(s, 1)), size: (s) => at(s, 0) * Math.max(1, at(s, 1)) };
export const fixed = (cost: number): CostRule => ({ cost: () => cost });
