/** The paths of jq that selectors and delays of Stages use: `.a.b`, `.["a/b"]`, `.[]`, `.[0]`, and `| select( .type == "Ready" )`. */
export type Expression = (object: unknown) => readonly unknown[];

export class ExpressionError extends Error {}

type Step = (values: readonly unknown[]) => readonly unknown[];
const word = /\s*(?:\.(?<name>[A-Za-z_]\w*)|\.?\[\s*(?:(?<text>"(?:[^"\\]|\\.)*")|(?<at>-?\d+))?\s*\]|(?<self>\.(?![\w[])))\??/y;

/** Throws ExpressionError with what is not understood. */
export function parseExpression(source: string): Expression {
  const steps = splitPipes(source).map((part) => stepOf(part.trim()));
  return (object) => steps.reduce<readonly unknown[]>((values, step) => step(values), [object]).filter((value) => value !== undefined && value !== null);
}

function splitPipes(source: string): string[] {
  return source.match(/(?:"(?:[^"\\]|\\.)*"|\((?:"(?:[^"\\]|\\.)*"|[^)"])*\)|[^|"(])+/g) ?? [''];
}
function stepOf(part: string): Step {
  const select = /^select\s*\(\s*(.+?)\s*(==|!=)\s*(.+?)\s*\)$/s.exec(part);
  if (!select) return pathOf(part);
  const path = pathOf(select[1] as string);
  const wanted = literal(select[3] as string);
  const isEqual = select[2] === '==';
  return (values) => values.filter((value) => path([value]).some((found) => (found ?? null) === wanted) === isEqual);
}
function literal(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ExpressionError(`"${text}" is no value that can be compared with`);
  }
}

function pathOf(part: string): Step {
  const steps: ((value: unknown) => readonly unknown[])[] = [];
  word.lastIndex = 0;
  for (let from = 0; from < part.length; from = word.lastIndex) {
    word.lastIndex = from;
    const found = word.exec(part)?.groups;
    if (!found) throw new ExpressionError(`the expression "${part}" is not supported`);
    const { name, text, at, self } = found;
    if (self) continue;
    if (name !== undefined) steps.push(member(name));
    else if (text !== undefined) steps.push(member(JSON.parse(text) as string));
    else if (at !== undefined) steps.push((value) => (Array.isArray(value) ? [value.at(Number(at))] : []));
    else steps.push((value) => (value !== null && typeof value === 'object' ? Object.values(value) : []));
  }
  if (steps.length === 0 && part !== '.') throw new ExpressionError(`the expression "${part}" is not supported`);
  return (values) => steps.reduce<readonly unknown[]>((all, step) => all.flatMap(step), values);
}
const member =
  (name: string) =>
  (value: unknown): readonly unknown[] => [value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined];
