import { CelCompileError } from './errors.ts';
import { bytes, double, int, string, uint, type CelType } from './types.ts';
import { Uint, type Value } from './values.ts';

export interface Token {
  /** `name` for identifiers, `literal` for constants, `end`; else the operator or keyword itself. */
  readonly kind: string;
  readonly text: string;
  readonly at: number;
  readonly value?: Value;
  readonly type?: CelType;
}

const space = /[ \t\n\f\r]+|\/\/[^\n]*/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /0x[0-9a-fA-F]+[uU]?|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?|\d+[uU]?/y;
const operator = /==|!=|<=|>=|&&|\|\||[-+*/%!<>.,:?()[\]{}=]/y;
const opening = /(?:[rR][bB]?|[bB][rR]?)?("""|'''|"|')/y;
const keywords = new Set(['in', 'true', 'false', 'null']);

export class Lexer {
  readonly #source: string;
  #at = 0;
  constructor(source: string) {
    this.#source = source;
  }

  tokens(): Token[] {
    const out: Token[] = [];
    for (;;) {
      while (this.#match(space) !== undefined);
      if (this.#at >= this.#source.length) break;
      out.push(this.#next());
    }
    out.push({ kind: 'end', text: '<EOF>', at: this.#source.length });
    return out;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (!found) return undefined;
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #next(): Token {
    const at = this.#at;
    const quoted = this.#match(opening);
    if (quoted !== undefined) return this.#text(at, quoted);
    const literal = this.#match(number);
    if (literal !== undefined) return this.#number(at, literal);
    const name = this.#match(word);
    if (name !== undefined) return { kind: keywords.has(name) ? name : 'name', text: name, at };
    const sign = this.#match(operator);
    if (sign !== undefined) return { kind: sign, text: sign, at };
    return this.#fail(at, String.fromCodePoint(this.#source.codePointAt(at) ?? 0));
  }

  #fail(at: number, text: string): never {
    throw new CelCompileError(this.#source, [{ at, message: `Syntax error: token recognition error at: '${text}'` }]);
  }

  #number(at: number, text: string): Token {
    const unsigned = /[uU]$/.test(text);
    const bad = (what: string): never => {
      throw new CelCompileError(this.#source, [{ at, message: `invalid ${what} literal` }]);
    };
    if (/^0x|^\d+[uU]?$/.test(text)) {
      const value = BigInt(unsigned ? text.slice(0, -1) : text);
      // One more than the greatest int: the sign may still come.
      if (value > (unsigned ? 2n ** 64n - 1n : 2n ** 63n)) bad(unsigned ? 'uint' : 'int');
      return { kind: 'literal', text, at, value: unsigned ? new Uint(value) : value, type: unsigned ? uint : int };
    }
    const value = Number(text);
    if (!Number.isFinite(value)) bad('double');
    return { kind: 'literal', text, at, value, type: double };
  }

  #text(at: number, prefix: string): Token {
    const quote = /["']+$/.exec(prefix)?.[0] ?? '"';
    const letters = prefix.slice(0, -quote.length).toLowerCase();
    const raw = letters.includes('r');
    const start = this.#at;
    for (;;) {
      const c = this.#source[this.#at];
      if (c === undefined || (quote.length === 1 && (c === '\n' || c === '\r'))) this.#fail(at, this.#source.slice(at, this.#at));
      if (this.#source.startsWith(quote, this.#at)) break;
      this.#at += c === '\\' && !raw ? 2 : 1;
    }
    const body = this.#source.slice(start, this.#at).replace(/\r\n?/g, '\n');
    this.#at += quote.length;
    const text = this.#source.slice(at, this.#at);
    if (letters.includes('b')) return { kind: 'literal', text, at, value: raw ? new TextEncoder().encode(body) : this.#bytes(body, at), type: bytes };
    return { kind: 'literal', text, at, value: raw ? body : this.#unescape(body, at), type: string };
  }

  #unescape(body: string, at: number): string {
    return body.replace(escape, (text: string, hex: string | undefined, octal: string | undefined, plain: string | undefined) => {
      const code = hex === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(hex.slice(1), 16);
      if (plain !== undefined) return simple[plain] ?? this.#fail(at, this.#source.slice(at, this.#at));
      if (Number.isNaN(code) || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) this.#fail(at, text);
      return String.fromCodePoint(code);
    });
  }

  /** Escapes of bytes stand for single octets, everything else for its UTF-8. */
  #bytes(body: string, at: number): Uint8Array {
    const out: number[] = [];
    let last = 0;
    for (const match of body.matchAll(escape)) {
      out.push(...new TextEncoder().encode(body.slice(last, match.index)));
      last = match.index + match[0].length;
      const [, hex, octal, plain] = match;
      if (plain !== undefined) out.push((simple[plain] ?? this.#fail(at, match[0])).charCodeAt(0));
      else if (hex !== undefined && !hex.toLowerCase().startsWith('x')) this.#fail(at, match[0]);
      else out.push((hex === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(hex.slice(1), 16)) & 0xff);
    }
    out.push(...new TextEncoder().encode(body.slice(last)));
    return Uint8Array.from(out);
  }
}

const escape = /\\(?:([xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|([0-3][0-7]{2})|([^]))/g;
const simple: { readonly [letter: string]: string | undefined } = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};
