import { compileRegex } from '../../regex.ts';
import { matches, readsSecond, searches } from '../cost-rules.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';

/** Length in code points. */
export function runes(text: string): number {
  let count = text.length;
  for (let i = 0; i + 1 < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) count--;
  return count;
}

/** A user's pattern; a malformed one is an error of the evaluation. */
export function regex(pattern: string): ReturnType<typeof compileRegex> {
  try {
    return compileRegex(pattern);
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** The functions on text of the standard library. */
export const strings: readonly FunctionSpec[] = [
  ['string.contains(string) bool', (text: string, part: string) => text.includes(part), searches],
  ['string.startsWith(string) bool', (text: string, part: string) => text.startsWith(part), readsSecond],
  ['string.endsWith(string) bool', (text: string, part: string) => text.endsWith(part), readsSecond],
  ['string.matches(string) bool', (text: string, pattern: string) => regex(pattern).test(text), matches],
  ['matches(string, string) bool', (text: string, pattern: string) => regex(pattern).test(text), matches],
];
