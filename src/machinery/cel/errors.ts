/** A failed evaluation. Logic operators absorb it where the other side decides. */
export class CelError extends Error {
  override readonly name = 'CelError';
}

/** The expression cost more than it may; nothing absorbs it. */
export class CelCostError extends Error {
  override readonly name = 'CelCostError';
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

/** As much text as concatenation can make within the limit of a call. */
const maxText = 10_000_000;
/** Guards functions whose result may be much longer than what their cost counts. */
export function checkLength(length: number): void {
  if (length > maxText) throw new CelCostError();
}

export interface Issue {
  /** Offset in UTF-16 units. */
  readonly at: number;
  readonly message: string;
}

/** The expression does not compile; the message is cel-go's listing of all issues. */
export class CelCompileError extends Error {
  override readonly name = 'CelCompileError';
  readonly issues: readonly Issue[];
  constructor(source: string, issues: readonly Issue[]) {
    super(issues.map((issue) => display(source, issue)).join('\n'));
    this.issues = issues;
  }
}

/** `ERROR: <input>:1:6: text`, the line, and a mark under the place. */
function display(source: string, { at, message }: Issue): string {
  const before = source.slice(0, at).split('\n');
  const line = source.split('\n')[before.length - 1] ?? '';
  const column = [...(before.at(-1) ?? '')];
  const marks = column.map((c) => ((c.codePointAt(0) ?? 0) > 0x7f ? '．' : '.')).join('');
  const mark = ([...line][column.length]?.codePointAt(0) ?? 0) > 0x7f ? '＾' : '^';
  return `ERROR: <input>:${before.length}:${column.length + 1}: ${message}\n | ${line.replaceAll('\t', ' ')}\n | ${marks}${mark}`;
}
