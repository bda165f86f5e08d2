/** Templates of Go's text/template, as far as Stages need them: output, variables, if, with, range, pipes and functions. */
export type Operand =
  | { readonly kind: 'value'; readonly value: string | number | boolean | null }
  /** `.a.b`, or `$name.a.b`; `root` is '.' or the variable's name with its `$`. */
  | { readonly kind: 'path'; readonly root: string; readonly path: readonly string[] }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipe'; readonly pipe: Pipe; readonly path: readonly string[] };
export interface Pipe {
  readonly names: readonly string[];
  /** `=`: the variable is there already. */
  readonly assigns: boolean;
  readonly commands: readonly (readonly Operand[])[];
}
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipe: Pipe }
  | { readonly kind: 'if' | 'with' | 'range'; readonly pipe: Pipe; readonly body: readonly Part[]; readonly otherwise: readonly Part[] };

/** What a template asks for and is not there, or what cannot be read. */
export class TemplateError extends Error {}

const token =
  /\s*(?:(?<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<number>-?\d+(?:\.\d+)?)|(?<variable>\$\w*(?:\.\w+)*)|(?<field>(?:\.[A-Za-z_]\w*)+|\.)|(?<word>[A-Za-z_]\w*)|(?<close>\)(?:\.[A-Za-z_]\w*)*)|(?<sign>:=|[=|(,]))/y;

class Tokens {
  readonly #list: string[] = [];
  at = 0;
  constructor(source: string) {
    const text = source.trim();
    token.lastIndex = 0;
    while (token.lastIndex < text.length) {
      const from = token.lastIndex;
      const found = token.exec(text);
      if (!found) throw new TemplateError(`cannot read "${text.slice(from).trim()}" in a template`);
      this.#list.push(found[0].trim());
    }
  }
  get next(): string | undefined {
    return this.#list[this.at];
  }
  take(): string | undefined {
    return this.#list[this.at++];
  }
  ahead(by: number): string | undefined {
    return this.#list[this.at + by];
  }
}

const unsupported = new Set(['define', 'template', 'block', 'break', 'continue']);

/** `functions`: those that there are. Throws TemplateError. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): readonly Part[] {
  const pieces = split(source);
  const { parts, end } = body(pieces, functions);
  if (end !== undefined) throw new TemplateError(`unexpected {{${end}}} in a template`);
  return parts;
}

type Piece = { readonly text: string } | { readonly action: string };
function split(source: string): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  let trim = false;
  const push = (text: string, trimEnd: boolean): void => {
    const left = trim ? text.trimStart() : text;
    const kept = trimEnd ? left.trimEnd() : left;
    if (kept !== '') out.push({ text: kept });
  };
  for (let open = source.indexOf('{{'); open >= 0; open = source.indexOf('{{', at)) {
    const inner = /^\{\{(-(?=\s))?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|\/\*[^]*?\*\/|(?!\}\})[^])*?)(\s-)?\}\}/.exec(source.slice(open));
    if (!inner) throw new TemplateError('unclosed action in a template');
    push(source.slice(at, open), inner[1] !== undefined);
    trim = inner[3] !== undefined;
    if (!/^\s*\/\*/.test(inner[2] as string)) out.push({ action: (inner[2] as string).trim() });
    at = open + inner[0].length;
  }
  push(source.slice(at), false);
  return out;
}

/** Up to {{end}} or {{else …}}, which is given back; undefined at the end of the text. */
function body(pieces: Piece[], functions: ReadonlySet<string>): { parts: Part[]; end: string | undefined } {
  const parts: Part[] = [];
  for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
    if ('text' in piece) {
      parts.push({ kind: 'text', text: piece.text });
      continue;
    }
    const word = /^[a-z]+\b/.exec(piece.action)?.[0] ?? '';
    if (word === 'end' || word === 'else') return { parts, end: piece.action };
    if (unsupported.has(word)) throw new TemplateError(`{{${word}}} of templates is not supported`);
    if (word === 'if' || word === 'with' || word === 'range') parts.push(block(word, piece.action.slice(word.length), pieces, functions));
    else parts.push({ kind: 'output', pipe: pipeOf(piece.action, functions) });
  }
  return { parts, end: undefined };
}
function block(kind: 'if' | 'with' | 'range', head: string, pieces: Piece[], functions: ReadonlySet<string>): Part {
  const pipe = pipeOf(head, functions);
  const first = body(pieces, functions);
  if (first.end === undefined) throw new TemplateError(`{{${kind}}} of a template is not ended`);
  if (first.end === 'end') return { kind, pipe, body: first.parts, otherwise: [] };
  const chained = /^else\s+(if|with)\b(.*)$/s.exec(first.end);
  if (chained) return { kind, pipe, body: first.parts, otherwise: [block(chained[1] as 'if' | 'with', chained[2] as string, pieces, functions)] };
  const other = body(pieces, functions);
  if (other.end !== 'end') throw new TemplateError(`{{else}} of a template is not ended`);
  return { kind, pipe, body: first.parts, otherwise: other.parts };
}

function pipeOf(source: string, functions: ReadonlySet<string>): Pipe {
  const tokens = new Tokens(source);
  const pipe = pipeline(tokens, functions);
  if (tokens.next !== undefined) throw new TemplateError(`unexpected "${tokens.next}" in {{${source.trim()}}}`);
  return pipe;
}
function pipeline(tokens: Tokens, functions: ReadonlySet<string>): Pipe {
  const names: string[] = [];
  const two = tokens.ahead(1) === ',';
  const sign = tokens.ahead(two ? 3 : 1);
  if (tokens.next?.startsWith('$') && (sign === ':=' || sign === '=')) {
    names.push(tokens.take() as string);
    if (two) names.push((tokens.take(), tokens.take() as string));
    tokens.take();
  }
  const commands: Operand[][] = [];
  do commands.push(command(tokens, functions));
  while (tokens.next === '|' && tokens.take());
  return { names, assigns: names.length > 0 && sign === '=', commands };
}
function command(tokens: Tokens, functions: ReadonlySet<string>): Operand[] {
  const out: Operand[] = [];
  while (tokens.next !== undefined && tokens.next !== '|' && !tokens.next.startsWith(')')) out.push(operand(tokens, functions));
  if (out.length === 0) throw new TemplateError('a value is missing in a template');
  return out;
}
const constants: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null };
function operand(tokens: Tokens, functions: ReadonlySet<string>): Operand {
  const text = tokens.take() as string;
  const [root, ...path] = text.split('.') as [string, ...string[]];
  if (text.startsWith('"')) return { kind: 'value', value: JSON.parse(text) as string };
  if (text.startsWith('`')) return { kind: 'value', value: text.slice(1, -1) };
  if (/^-?\d/.test(text)) return { kind: 'value', value: Number(text) };
  if (text.startsWith('.')) return { kind: 'path', root: '.', path: path.filter(Boolean) };
  if (text.startsWith('$')) return { kind: 'path', root, path };
  if (text in constants) return { kind: 'value', value: constants[text] as boolean | null };
  if (text === '(') {
    const pipe = pipeline(tokens, functions);
    const close = tokens.take();
    if (!close?.startsWith(')')) throw new TemplateError('a parenthesis of a template is not closed');
    return { kind: 'pipe', pipe, path: close.split('.').slice(1) };
  }
  if (!/^\w+$/.test(text)) throw new TemplateError(`unexpected "${text}" in a template`);
  if (!functions.has(text)) throw new TemplateError(`the function "${text}" of templates is not supported`);
  return { kind: 'function', name: text };
}
