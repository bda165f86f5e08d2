import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';

/**
 * Regular expressions of users: Go's syntax (RE2), matched in time linear in the text, so that no pattern of a
 * schema or rule can hold up the process. The engine is loaded by the first pattern: a start does not pay for it.
 */
export interface Regex {
  /** Whether the pattern matches anywhere in `text`. */
  test(text: string): boolean;
  /** The leftmost match, or undefined. */
  find(text: string): string | undefined;
  /** All matches from left to right; at most `limit`, where one is given and not negative. */
  findAll(text: string, limit?: number): string[];
  /** The matches with their groups: [whole, first, …]; groups that took no part are undefined. At most `limit`. */
  groups(text: string, limit?: number): (string | undefined)[][];
  /** Replaces at most `limit` matches (all when negative); `\1` in the replacement is the first group. Throws RangeError for a group that is not there. */
  replace(text: string, replacement: string, limit: number): string;
}

let engine: typeof RE2JS | undefined;
const load = (): typeof RE2JS => (engine ??= (createRequire(import.meta.url)('re2js') as { RE2JS: typeof RE2JS }).RE2JS);

const cache = new Map<string, Regex>();
const cacheSize = 2000;

/** Throws SyntaxError with Go's text, for example: error parsing regexp: missing closing ): `(a`. */
export function compileRegex(pattern: string): Regex {
  let known = cache.get(pattern);
  if (known) return known;
  known = make(pattern);
  if (cache.size >= cacheSize) cache.clear();
  cache.set(pattern, known);
  return known;
}

function make(pattern: string): Regex {
  let compiled: RE2JS;
  // The parser would find out too, after a while.
  if (deeplyNested(pattern)) throw new SyntaxError('error parsing regexp: expression nests too deeply');
  try {
    compiled = load().compile(pattern);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error));
  }
  const each = (text: string, limit: number, visit: (groups: (string | undefined)[]) => void): void => {
    const most = limit < 0 ? Infinity : limit;
    const matcher = compiled.matcher(text);
    for (let found = 0; found < most && matcher.find(); found++) {
      const groups: (string | undefined)[] = [];
      for (let i = 0; i <= compiled.groupCount(); i++) groups.push(matcher.group(i) ?? undefined);
      visit(groups);
    }
  };
  return {
    test: (text) => compiled.test(text),
    find(text) {
      const matcher = compiled.matcher(text);
      return matcher.find() ? (matcher.group() ?? undefined) : undefined;
    },
    findAll(text, limit = -1) {
      const out: string[] = [];
      each(text, limit, (groups) => out.push(groups[0] ?? ''));
      return out;
    },
    groups(text, limit = -1) {
      const out: (string | undefined)[][] = [];
      each(text, limit, (groups) => out.push(groups));
      return out;
    },
    replace: (text, replacement, limit) => replaceMatches(compiled, text, replacement, limit),
  };
}

function replaceMatches(compiled: RE2JS, text: string, replacement: string, limit: number): string {
  const parts = replacement.split(/(\\\d|\\\\)/);
  const matcher = compiled.matcher(text);
  const most = limit < 0 ? Infinity : limit;
  let out = '';
  let at = 0;
  for (let done = 0; done < most && matcher.find(); done++) {
    out += text.slice(at, matcher.start());
    for (const part of parts) {
      if (part === '\\\\') out += '\\';
      else if (/^\\\d$/.test(part)) {
        const group = Number(part[1]);
        if (group > compiled.groupCount())
          throw new RangeError(`replacement string references group ${group} but regex has only ${compiled.groupCount()} group(s)`);
        out += matcher.group(group) ?? '';
      } else if (part.includes('\\')) throw new RangeError(`invalid replacement string: '${replacement}' \\ must be followed by a digit or \\`);
      else out += part;
    }
    at = matcher.end();
  }
  return out + text.slice(at);
}

function deeplyNested(pattern: string): boolean {
  let depth = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '\\') i++;
    else if (c === '(' && ++depth > 1000) return true;
    else if (c === ')') depth--;
  }
  return false;
}
