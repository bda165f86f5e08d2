import { compileRegex } from '#machinery';

/** Whether the whole of a text is as a pattern says. */
export type Matcher = (text: string) => boolean;

/** Steps that the backtracking engine may need at most for one value. */
const mostSteps = 20_000_000;
/** No pattern that needs the linear engine means values of more characters: they do not match. */
const longest = 65_536;

/**
 * A pattern of a service's model (Java's syntax), as it is asked of a whole value. Patterns that could take long on
 * purpose-made values run in an engine that is linear in the text. `max`: the most characters that a value may have.
 * Undefined when the pattern has no meaning here.
 */
export function compilePattern(pattern: string, max: number | undefined): Matcher | undefined {
  const flags = pattern.startsWith('(?i)') ? 'i' : '';
  const source = translate(flags ? pattern.slice(4) : pattern);
  const free = freedom(source);
  const most = Math.min(max ?? longest, longest);
  if (free <= 1 || most ** free <= mostSteps) return backtracking(source, flags, Infinity);
  // Lookahead is what the linear engine lacks: such patterns are asked of values that are short enough.
  return linear(source, flags) ?? (free === Infinity ? undefined : backtracking(source, flags, mostSteps ** (1 / free)));
}

function backtracking(source: string, flags: string, most: number): Matcher | undefined {
  try {
    const regex = new RegExp(`^(?:${source})$`, `u${flags}`);
    return (text) => text.length > most || regex.test(text);
  } catch {
    return undefined;
  }
}
function linear(source: string, flags: string): Matcher | undefined {
  try {
    const text = source.replaceAll(/\\u([0-9A-Fa-f]{4})/g, '\\x{$1}');
    const regex = compileRegex(`${flags ? '(?i)' : ''}^(?:${text})$`);
    return (value) => value.length <= longest && regex.test(value);
  } catch {
    return undefined;
  }
}

const classes: Readonly<Record<string, string>> = {
  Print: '\\x20-\\x7E',
  Graph: '\\x21-\\x7E',
  ASCII: '\\x00-\\x7F',
  Alnum: 'a-zA-Z0-9',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Lower: 'a-z',
  Upper: 'A-Z',
  Space: ' \\t\\n\\v\\f\\r',
};

/** Java's syntax in JavaScript's, where they differ: POSIX classes, escapes that mean nothing, `-` after a class. */
function translate(pattern: string): string {
  let out = '';
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c === '\\') {
      const posix = /^p\{(\w+)\}/.exec(pattern.slice(i + 1));
      const name = posix?.[1] ?? '';
      if (classes[name] !== undefined) {
        out += inClass ? classes[name] : `[${classes[name]}]`;
        i += posix?.[0].length ?? 0;
        continue;
      }
      const next = pattern[++i] ?? '';
      out += escapeOf(next, inClass);
      // `[\w-_]`: a class is no start of a range.
      if (inClass && /[wdsWDS]/.test(next) && pattern[i + 1] === '-' && pattern[i + 2] !== ']') {
        out += '\\-';
        i++;
      }
      continue;
    }
    if (c === '[' && inClass) out += '\\[';
    else out += c;
    if (c === '[') inClass = true;
    else if (c === ']') inClass = false;
  }
  return out;
}
function escapeOf(c: string, inClass: boolean): string {
  if (c === 's') return inClass ? ' \\t\\n\\v\\f\\r' : '[ \\t\\n\\v\\f\\r]';
  if (c === 'S' && !inClass) return '[^ \\t\\n\\v\\f\\r]';
  if (/[\w^$\\.*+?()[\]{}|/]/.test(c) || (c === '-' && inClass)) return c === '_' ? c : `\\${c}`;
  return c;
}

/**
 * How many parts of a pattern are repeated freely: a backtracking engine may try that power of a text's length.
 * Infinite where something is repeated that itself matches in several ways.
 */
function freedom(source: string): number {
  const plain = source.replaceAll(/\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[pP]\{\w+\}|.)/g, 'a').replaceAll(/\[[^\]]*\]/g, 'a');
  // Whether each open group may match in several ways; the pattern itself is the first.
  const varies = [false];
  let free = 0;
  for (let i = 0; i < plain.length; i++) {
    if (plain[i] === '(') {
      varies.push(false);
      if (plain[i + 1] === '?') i++;
    } else if (plain[i] === ')') {
      const inner = varies.pop() === true;
      if (inner && /^(?:[*+]|\{(?!0?,?1\}))/.test(plain.slice(i + 1))) return Infinity;
      if (inner) varies[varies.length - 1] = true;
    } else if (plain[i] === '|' || plain[i] === '?') varies[varies.length - 1] = true;
    else if (/^(?:[*+]|\{\d+,)/.test(plain.slice(i))) {
      varies[varies.length - 1] = true;
      free++;
    }
  }
  return free;
}
