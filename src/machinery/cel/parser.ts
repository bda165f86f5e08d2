import type { Entry, Expr, StructField } from './ast.ts';
import { CelCompileError } from './errors.ts';
import { Lexer, type Token } from './lexer.ts';
import { expandMacro } from './macros.ts';
import { bool, nullType } from './types.ts';
import { Uint } from './values.ts';

const reserved = new Set([
  'as',
  'break',
  'const',
  'continue',
  'else',
  'for',
  'function',
  'if',
  'import',
  'let',
  'loop',
  'package',
  'namespace',
  'return',
  'var',
  'void',
  'while',
]);
const operandSet = `{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`;
const startsOperand = new Set(['[', '{', '(', '.', '-', '!', 'true', 'false', 'null', 'literal', 'name']);
const relations = new Set(['<', '<=', '>=', '>', '==', '!=', 'in']);

const maxDepth = 250;
const maxLength = 100_000;

/** The syntax tree of an expression, macros expanded. Throws CelCompileError at the first thing that is wrong. */
export function parseCel(source: string): Expr {
  if (source.length > maxLength && [...source].length > maxLength)
    throw new CelCompileError('', [{ at: 0, message: `expression code point size exceeds limit: size: ${[...source].length}, limit ${maxLength}` }]);
  return new Parser(source).parse();
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  constructor(source: string) {
    this.#source = source;
    this.#tokens = new Lexer(source).tokens();
  }

  parse(): Expr {
    const out = this.#expression();
    const rest = this.#peek();
    if (rest.kind !== 'end') this.#unexpected(rest, '<EOF>', this.#tokens[this.#next + 1]?.kind === 'end');
    return out;
  }

  fail(at: number, message: string): never {
    throw new CelCompileError(this.#source, [{ at, message }]);
  }
  #unexpected(token: Token, expected: string, extraneous = false): never {
    return this.fail(token.at, `Syntax error: ${extraneous ? 'extraneous' : 'mismatched'} input '${token.text}' expecting ${expected}`);
  }
  #peek(): Token {
    return this.#tokens[this.#next]!;
  }
  #take(kind: string): Token | undefined {
    const token = this.#peek();
    if (token.kind !== kind) return undefined;
    this.#next++;
    return token;
  }
  #expect(kind: string, shown = `'${kind}'`): Token {
    return this.#take(kind) ?? this.#unexpected(this.#peek(), shown);
  }
  #deeper(): void {
    if (++this.#depth > maxDepth) this.fail(0, `expression recursion limit exceeded: ${maxDepth}`);
  }
  /** A chain such as a + b + … is as deep as it is long. */
  #chain(count: number): void {
    if (count > maxDepth) this.fail(0, 'max recursion depth exceeded');
  }

  #expression(): Expr {
    this.#deeper();
    const condition = this.#logic('||', '_||_', () => this.#logic('&&', '_&&_', () => this.#relation()));
    const question = this.#take('?');
    let out = condition;
    if (question) {
      const yes = this.#logic('||', '_||_', () => this.#logic('&&', '_&&_', () => this.#relation()));
      this.#expect(':');
      out = call('_?_:_', question.at, condition, yes, this.#expression());
    }
    this.#depth--;
    return out;
  }

  /** Chains of && and || become balanced trees: they may be long. */
  #logic(kind: string, fn: string, operand: () => Expr): Expr {
    const terms = [operand()];
    const places: number[] = [];
    for (let sign = this.#take(kind); sign; sign = this.#take(kind)) {
      places.push(sign.at);
      terms.push(operand());
    }
    const balance = (from: number, to: number): Expr => {
      if (from === to) return terms[from]!;
      const middle = (from + to) >> 1;
      return call(fn, places[middle]!, balance(from, middle), balance(middle + 1, to));
    };
    return balance(0, terms.length - 1);
  }

  #relation(): Expr {
    let out = this.#sum();
    for (let count = 1; relations.has(this.#peek().kind); count++) {
      this.#chain(count);
      const sign = this.#tokens[this.#next++]!;
      out = call(sign.kind === 'in' ? '@in' : `_${sign.kind}_`, sign.at, out, this.#sum());
    }
    return out;
  }
  #sum(): Expr {
    return this.#binary(['+', '-'], () => this.#binary(['*', '/', '%'], () => this.#unary()));
  }
  #binary(kinds: readonly string[], operand: () => Expr): Expr {
    let out = operand();
    for (let count = 1; kinds.includes(this.#peek().kind); count++) {
      this.#chain(count);
      const sign = this.#tokens[this.#next++]!;
      out = call(`_${sign.kind}_`, sign.at, out, operand());
    }
    return out;
  }

  #unary(): Expr {
    const first = this.#peek();
    if (first.kind !== '!' && first.kind !== '-') return this.#member(this.#primary());
    let count = 0;
    while (this.#take(first.kind)) count++;
    const next = this.#peek();
    // The sign next to a number is part of the number.
    const signed = first.kind === '-' && next.kind === 'literal' && (typeof next.value === 'bigint' || typeof next.value === 'number');
    const operand = this.#member(this.#primary(signed));
    if ((signed ? count - 1 : count) % 2 === 0) return operand;
    return call(first.kind === '!' ? '!_' : '-_', first.at, operand);
  }

  #member(start: Expr): Expr {
    let out = start;
    for (let count = 1; ; count++) {
      this.#chain(count);
      const dot = this.#take('.');
      if (dot) {
        out = this.#select(out, dot);
        continue;
      }
      const bracket = this.#take('[');
      if (!bracket) return out;
      const optional = this.#take('?') !== undefined;
      const index = this.#expression();
      this.#expect(']');
      out = call(optional ? '_[?_]' : '_[_]', bracket.at, out, index);
    }
  }

  #select(operand: Expr, dot: Token): Expr {
    const optional = this.#take('?') !== undefined;
    const token = this.#peek();
    if (token.kind === 'end') this.fail(token.at, `Syntax error: no viable alternative at input '.'`);
    if (token.kind !== 'name') this.#unexpected(token, 'IDENTIFIER');
    this.#next++;
    if (optional) return call('_?._', dot.at, operand, { kind: 'const', at: token.at, value: token.text, type: { kind: 'string' } });
    const open = this.#take('(');
    if (!open) return { kind: 'select', at: dot.at, operand, field: token.text, test: false };
    const args = this.#arguments(')');
    return expandMacro(this, token.text, operand, args, open.at) ?? { kind: 'call', at: open.at, fn: token.text, target: operand, args };
  }

  #arguments(end: string): Expr[] {
    const out: Expr[] = [];
    if (this.#take(end)) return out;
    do out.push(this.#expression());
    while (this.#take(','));
    this.#expect(end);
    return out;
  }

  #primary(negative = false): Expr {
    const token = this.#peek();
    switch (token.kind) {
      case 'literal':
        return this.#literal(negative);
      case 'true':
      case 'false':
        this.#next++;
        return { kind: 'const', at: token.at, value: token.kind === 'true', type: bool };
      case 'null':
        this.#next++;
        return { kind: 'const', at: token.at, value: null, type: nullType };
      case '(': {
        this.#next++;
        const inner = this.#expression();
        this.#expect(')');
        return inner;
      }
      case '[':
        return this.#list();
      case '{':
        return this.#map();
      case '.':
      case 'name':
        return this.#name();
      default:
        return this.#unexpected(token, operandSet, startsOperand.has(this.#tokens[this.#next + 1]?.kind ?? ''));
    }
  }

  #literal(negative: boolean): Expr {
    const token = this.#tokens[this.#next++]!;
    let value = token.value!;
    if (negative && typeof value === 'bigint') value = -value;
    else if (negative && typeof value === 'number') value = -value;
    if (typeof value === 'bigint' && value >= 2n ** 63n) this.fail(token.at, 'invalid int literal');
    const at = negative ? (this.#tokens[this.#next - 2]?.at ?? token.at) : token.at;
    return { kind: 'const', at: value instanceof Uint ? token.at : at, value, type: token.type! };
  }

  /** An identifier, a call of a global function or a struct, each perhaps with a leading dot. */
  #name(): Expr {
    const dot = this.#take('.');
    const token = this.#expect('name', 'IDENTIFIER');
    const name = dot ? `.${token.text}` : token.text;
    const open = this.#take('(');
    if (open) {
      const args = this.#arguments(')');
      return expandMacro(this, name, undefined, args, open.at) ?? { kind: 'call', at: open.at, fn: name, target: undefined, args };
    }
    if (reserved.has(token.text)) this.fail(token.at, `reserved identifier: ${token.text}`);
    return this.#structAfter({ kind: 'ident', at: token.at, name });
  }

  /** `a.b.C{…}`: the name before the brace is a type. */
  #structAfter(first: Expr): Expr {
    const start = this.#next;
    const parts = [first.kind === 'ident' ? first.name : ''];
    while (this.#peek().kind === '.' && this.#tokens[this.#next + 1]?.kind === 'name') {
      parts.push(this.#tokens[this.#next + 1]!.text);
      this.#next += 2;
    }
    const open = this.#take('{');
    if (open) return { kind: 'struct', at: open.at, name: parts.join('.'), fields: this.#fields() };
    this.#next = start;
    return first;
  }
  #fields(): StructField[] {
    const out: StructField[] = [];
    while (!this.#take('}')) {
      const optional = this.#take('?') !== undefined;
      const token = this.#peek();
      const name = this.#take('name') ?? this.#unexpected(token, `{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}`, this.#tokens[this.#next + 1]?.kind === 'name');
      const colon = this.#expect(':');
      out.push({ at: colon.at, name: name.text, value: this.#expression(), optional });
      if (!this.#take(',')) {
        this.#expect('}');
        break;
      }
    }
    return out;
  }

  #list(): Expr {
    const open = this.#expect('[');
    const elements: Expr[] = [];
    const optional: number[] = [];
    while (!this.#take(']')) {
      if (this.#take('?')) optional.push(elements.length);
      elements.push(this.#expression());
      if (!this.#take(',')) {
        this.#expect(']');
        break;
      }
    }
    return { kind: 'list', at: open.at, elements, optional };
  }

  #map(): Expr {
    const open = this.#expect('{');
    const entries: Entry[] = [];
    while (!this.#take('}')) {
      const optional = this.#take('?') !== undefined;
      const key = this.#expression();
      const colon = this.#expect(':');
      entries.push({ at: colon.at, key, value: this.#expression(), optional });
      if (!this.#take(',')) {
        this.#expect('}');
        break;
      }
    }
    return { kind: 'map', at: open.at, entries };
  }
}

const call = (fn: string, at: number, ...args: Expr[]): Expr => ({ kind: 'call', at, fn, target: undefined, args });
