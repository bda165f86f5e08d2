import type { Json } from '../object.ts';
import { equalJson } from '../equal.ts';
import { isRecord, own } from './types.ts';

/** One step from a list of values to the next (kubectl's JSONPath, as printer columns use it). */
type Step = (values: readonly Json[]) => Json[];
/** All values that the path leads to; none when something on the way is missing. */
export type JsonPath = (value: Json) => Json[];

class Reader {
  readonly text: string;
  at = 0;
  constructor(text: string) {
    this.text = text;
  }
  get done(): boolean {
    return this.at >= this.text.length;
  }
  peek(): string {
    return this.text[this.at] ?? '';
  }
  take(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false;
    this.at += expected.length;
    return true;
  }
  match(pattern: RegExp): string | undefined {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text);
    if (!found) return undefined;
    this.at = sticky.lastIndex;
    return found[0];
  }
  fail(why: string): never {
    throw new SyntaxError(why);
  }
}

const members = (value: Json): Json[] => (Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : []);
const field =
  (name: string): Step =>
  (values) =>
    values.flatMap((value) => {
      const found = isRecord(value) ? own(value, name) : undefined;
      return found === undefined ? [] : [found];
    });
const wildcard: Step = (values) => values.flatMap(members);
const descend: Step = (values) => values.flatMap((value) => [value, ...descend(members(value))]);
const slice =
  (from: number | undefined, to: number | undefined, step: number): Step =>
  (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) return [];
      const picked = value.slice(from ?? 0, to);
      return step === 1 ? picked : picked.filter((_, i) => i % step === 0);
    });
const index =
  (i: number): Step =>
  (values) =>
    values.flatMap((value) => {
      const found = Array.isArray(value) ? value.at(i) : undefined;
      return found === undefined ? [] : [found];
    });

/** Throws SyntaxError. The path may stand in braces, as kubectl's do. */
export function parseJsonPath(text: string): JsonPath {
  const bare = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text;
  const reader = new Reader(bare);
  const steps = parseSteps(reader);
  if (!reader.done)
    reader.fail(`unrecognized character in action: U+${(bare.codePointAt(reader.at) ?? 0).toString(16).toUpperCase().padStart(4, '0')} '${reader.peek()}'`);
  return (value) => run(steps, value);
}
const run = (steps: readonly Step[], value: Json): Json[] => steps.reduce<readonly Json[]>((values, step) => step(values), [value]) as Json[];

const fieldName = /(?:\\.|[^\s.[\](){}|=!<>'"\\?@*,:])+/;

function parseSteps(reader: Reader): Step[] {
  const steps: Step[] = [];
  reader.take('$');
  reader.take('@');
  for (;;) {
    if (reader.take('..')) steps.push(descend, ...namedStep(reader));
    else if (reader.take('.')) steps.push(...namedStep(reader));
    else if (reader.take('[')) steps.push(parseBrackets(reader));
    else return steps;
  }
}

function namedStep(reader: Reader): Step[] {
  if (reader.take('*')) return [wildcard];
  const name = reader.match(fieldName);
  return name === undefined ? [] : [field(name.replace(/\\(.)/g, '$1'))];
}

function parseBrackets(reader: Reader): Step {
  if (reader.take('?(')) return parseFilter(reader);
  const steps: Step[] = [];
  do steps.push(parseSelector(reader));
  while (reader.take(','));
  if (!reader.take(']')) reader.fail('unterminated array');
  return steps.length === 1 ? steps[0]! : (values) => values.flatMap((value) => steps.flatMap((step) => step([value])));
}

function parseSelector(reader: Reader): Step {
  reader.match(/\s*/);
  if (reader.take('*')) return wildcard;
  const name = quoted(reader);
  if (name !== undefined) return field(name);
  const range = /^(-?\d*)(?::(-?\d*))?(?::(-?\d*))?$/.exec(reader.match(/[-\d:]+/) ?? '-');
  if (!range || range[0] === '-' || (range[0] === '' && reader.done)) reader.fail('invalid array index');
  const number = (part: string | undefined): number | undefined => (part ? Number(part) : undefined);
  const step = number(range?.[3]) ?? 1;
  if (step <= 0) reader.fail('step must be > 0');
  return range?.[0].includes(':') ? slice(number(range[1]), number(range[2]), step) : index(Number(range?.[1]));
}

function quoted(reader: Reader): string | undefined {
  const text = reader.match(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/);
  return text?.slice(1, -1).replace(/\\(.)/g, '$1');
}

type Operand = (item: Json) => Json[];
function parseOperand(reader: Reader): Operand {
  reader.match(/\s*/);
  const text = quoted(reader);
  if (text !== undefined) return () => [text];
  const number = reader.match(/-?\d+(\.\d+)?/);
  if (number !== undefined) return () => [Number(number)];
  const word = reader.match(/(true|false|nil)\b/);
  if (word !== undefined) return () => (word === 'nil' ? [] : [word === 'true']);
  const steps = parseSteps(reader);
  return (item) => run(steps, item);
}

const comparisons: { readonly [operator: string]: (a: Json, b: Json) => boolean } = {
  '==': equalJson,
  '!=': (a, b) => !equalJson(a, b),
  '<': (a, b) => typeof a === typeof b && (a as number) < (b as number),
  '<=': (a, b) => typeof a === typeof b && (a as number) <= (b as number),
  '>': (a, b) => typeof a === typeof b && (a as number) > (b as number),
  '>=': (a, b) => typeof a === typeof b && (a as number) >= (b as number),
};

function parseFilter(reader: Reader): Step {
  const left = parseOperand(reader);
  reader.match(/\s*/);
  const operator = reader.match(/==|!=|<=|>=|<|>/);
  const right = operator === undefined ? undefined : parseOperand(reader);
  reader.match(/\s*/);
  if (!reader.take(')]')) reader.fail('unterminated filter');
  const keeps = (item: Json): boolean => {
    const values = left(item);
    if (operator === undefined) return values.length > 0;
    const others = right!(item);
    if (values.length === 0 || others.length === 0) return operator === '!=' && values.length !== others.length;
    return comparisons[operator]!(values[0] as Json, others[0] as Json);
  };
  return (values) => values.flatMap((value) => members(value).filter(keeps));
}
