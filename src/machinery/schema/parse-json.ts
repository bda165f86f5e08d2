import { badRequest } from '../errors.ts';

export interface Parsed {
  value: unknown;
  /** Paths such as `spec.replicas`, each once, for `duplicate field "…"`. */
  duplicates: string[];
  /** What else strict decoding finds, in full: duplicate keys of YAML, which go by line. */
  strict?: string[];
}

const backslash = 92;
const colon = 58;

/** Deeper than anybody writes, and as deep as everything behind the parser can walk. */
const maxDepth = 1000;

function countKeys(value: unknown, depth: number): number {
  if (value === null || typeof value !== 'object') return 0;
  if (depth > maxDepth) throw badRequest('the object provided is unrecognized (must be of type json): exceeded max depth');
  let count = 0;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) count += countKeys(value[i], depth + 1);
    return count;
  }
  for (const key in value) count += 1 + countKeys((value as Record<string, unknown>)[key], depth + 1);
  return count;
}
/** Throws BadRequest for values that nest too deep to be walked. */
export function checkDepth(value: unknown): void {
  countKeys(value, 0);
}

/** Index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  for (;;) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return end + 1;
    end = text.indexOf('"', end + 1);
  }
}

function isKey(text: string, after: number): boolean {
  let at = after;
  while (text.charCodeAt(at) <= 32) at++;
  return text.charCodeAt(at) === colon;
}

function countKeysInText(text: string): number {
  let count = 0;
  let at = text.indexOf('"');
  while (at >= 0) {
    const end = endOfString(text, at);
    if (isKey(text, end)) count++;
    at = text.indexOf('"', end);
  }
  return count;
}

interface Level {
  keys: Set<string> | undefined;
  /** Path of the member being read. */
  path: string;
  base: string;
  index: number;
}

/** Only runs on valid JSON that is known to hold duplicates. */
function findDuplicates(text: string): string[] {
  const found = new Set<string>();
  const levels: Level[] = [];
  const pathHere = (): string => {
    const top = levels.at(-1);
    if (!top) return '';
    return top.keys ? top.path : `${top.base}[${top.index}]`;
  };
  for (let at = 0; at < text.length; at++) {
    const top = levels.at(-1);
    switch (text[at]) {
      case '{':
        levels.push({ keys: new Set(), path: '', base: pathHere(), index: 0 });
        break;
      case '[':
        levels.push({ keys: undefined, path: '', base: pathHere(), index: 0 });
        break;
      case '}':
      case ']':
        levels.pop();
        break;
      case ',':
        if (top && !top.keys) top.index++;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (top?.keys && isKey(text, end)) {
          const key = JSON.parse(text.slice(at, end)) as string;
          top.path = top.base ? `${top.base}.${key}` : key;
          if (top.keys.has(key)) found.add(top.path);
          top.keys.add(key);
        }
        at = end - 1;
        break;
      }
      default:
    }
  }
  return [...found];
}

/** JSON.parse; a syntax error is a BadRequest in the words of the real server. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized (must be of type json): ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Parses and names fields that occur twice. Without duplicates it costs one quick pass over the quotes. */
export function parseJsonStrict(text: string): Parsed {
  const value = parseJson(text);
  return { value, duplicates: countKeysInText(text) !== countKeys(value, 0) ? findDuplicates(text) : [] };
}
