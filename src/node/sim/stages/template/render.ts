import type { Operand, Part, Pipe } from './parse.ts';
import { TemplateError } from './parse.ts';

export type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;

class Scope {
  readonly #values = new Map<string, unknown>();
  readonly #parent: Scope | undefined;
  readonly dot: unknown;
  constructor(dot: unknown, parent?: Scope) {
    this.dot = dot;
    this.#parent = parent;
  }
  get(name: string): unknown {
    if (this.#values.has(name)) return this.#values.get(name);
    if (!this.#parent) throw new TemplateError(`undefined variable "${name}" in a template`);
    return this.#parent.get(name);
  }
  declare(name: string, value: unknown): void {
    this.#values.set(name, value);
  }
  assign(name: string, value: unknown): void {
    if (this.#values.has(name)) this.#values.set(name, value);
    else if (this.#parent) this.#parent.assign(name, value);
    else throw new TemplateError(`undefined variable "${name}" in a template`);
  }
}

/** The text of a template for an object. Throws TemplateError, and what functions throw. */
export function renderTemplate(parts: readonly Part[], data: unknown, functions: Functions): string {
  const scope = new Scope(data);
  scope.declare('$', data);
  return renderParts(parts, scope, { ...builtIn, ...functions });
}

function renderParts(parts: readonly Part[], scope: Scope, functions: Functions): string {
  let out = '';
  for (const part of parts)
    out += part.kind === 'text' ? part.text : part.kind === 'output' ? output(part.pipe, scope, functions) : block(part, scope, functions);
  return out;
}
function output(pipe: Pipe, scope: Scope, functions: Functions): string {
  const value = evaluate(pipe, scope, functions);
  if (pipe.names.length === 0) return show(value);
  if (pipe.assigns) scope.assign(pipe.names[0] as string, value);
  else scope.declare(pipe.names[0] as string, value);
  return '';
}
function block(part: Exclude<Part, { kind: 'text' | 'output' }>, scope: Scope, functions: Functions): string {
  const value = evaluate(part.pipe, scope, functions);
  const otherwise = (): string => renderParts(part.otherwise, new Scope(scope.dot, scope), functions);
  if (!truth(value)) return otherwise();
  const [first, second] = part.pipe.names;
  if (part.kind !== 'range') {
    const inner = new Scope(part.kind === 'with' ? value : scope.dot, scope);
    if (first) inner.declare(first, value);
    return renderParts(part.body, inner, functions);
  }
  let out = '';
  for (const [key, item] of entriesOf(value)) {
    const inner = new Scope(item, scope);
    if (first) inner.declare(first, second ? key : item);
    if (second) inner.declare(second, item);
    out += renderParts(part.body, inner, functions);
  }
  return out;
}
function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, i) => [i, item]);
  if (typeof value === 'number') return Array.from({ length: value }, (_, i) => [i, i]);
  if (value !== null && typeof value === 'object') return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  throw new TemplateError(`range cannot go over ${show(value)}`);
}

function evaluate(pipe: Pipe, scope: Scope, functions: Functions): unknown {
  let value: unknown;
  pipe.commands.forEach((command, i) => {
    const [head, ...rest] = command as [Operand, ...Operand[]];
    const args = rest.map((one) => operand(one, scope, functions));
    if (i > 0) args.push(value);
    if (head.kind === 'function') value = call(head.name, args, functions);
    else if (args.length > 0) throw new TemplateError('something that is no function is called in a template');
    else value = operand(head, scope, functions);
  });
  return value;
}
function call(name: string, args: unknown[], functions: Functions): unknown {
  const found = functions[name];
  if (!found) throw new TemplateError(`the function "${name}" of templates is not supported`);
  return found(...args);
}
function operand(one: Operand, scope: Scope, functions: Functions): unknown {
  switch (one.kind) {
    case 'value':
      return one.value;
    case 'function':
      return call(one.name, [], functions);
    case 'pipe':
      return fieldOf(evaluate(one.pipe, scope, functions), one.path);
    case 'path':
      return fieldOf(one.root === '.' ? scope.dot : scope.get(one.root), one.path);
  }
}
const fieldOf = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, name) => (at !== null && typeof at === 'object' ? (at as Record<string, unknown>)[name] : undefined), value);

/** Empty is false: zero, no text, no items, nothing. */
export function truth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === 'object') return Object.keys(value).length > 0;
  return Boolean(value);
}
/** As Go prints it. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (typeof value === 'object')
    return `map[${Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${key}:${show(item)}`)
      .join(' ')}]`;
  return String(value as string | number | boolean);
}

const order = (a: unknown, b: unknown): number => ((a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0);
const sizeOf = (value: unknown): number =>
  typeof value === 'string' ? Buffer.byteLength(value) : value && typeof value === 'object' ? Object.keys(value).length : 0;

const builtIn: Functions = {
  and: (...args) => args.find((value) => !truth(value)) ?? args.at(-1),
  or: (...args) => args.find(truth) ?? args.at(-1),
  not: (value) => !truth(value),
  eq: (first, ...others) => others.some((other) => other === first),
  ne: (a, b) => a !== b,
  lt: (a, b) => order(a, b) < 0,
  le: (a, b) => order(a, b) <= 0,
  gt: (a, b) => order(a, b) > 0,
  ge: (a, b) => order(a, b) >= 0,
  len: sizeOf,
  index: (value, ...keys) => fieldOf(value, keys.map(String)),
  print: (...args) => args.map(show).join(''),
  println: (...args) => `${args.map(show).join(' ')}\n`,
  printf: (format, ...args) => {
    let at = 0;
    return String(format).replaceAll(/%([vsdq%])/g, (_, verb: string) =>
      verb === '%' ? '%' : verb === 'q' ? JSON.stringify(show(args[at++])) : show(args[at++]),
    );
  },
};
export const builtInFunctions: readonly string[] = Object.keys(builtIn);
