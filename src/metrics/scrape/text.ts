/** One line of a page of metrics. */
export interface Series {
  readonly name: string;
  readonly labels: { readonly [name: string]: string };
  readonly value: number;
  readonly counter: boolean;
}

/**
 * Reads a page in the text format of Prometheus, or of OpenMetrics. Lines that cannot be read are left out, as are
 * buckets of histograms; `limit` ends it.
 */
export function parseMetrics(text: string, limit = 10_000): Series[] {
  const out: Series[] = [];
  const types = new Map<string, string>();
  let at = 0;
  while (at < text.length && out.length < limit) {
    let end = text.indexOf('\n', at);
    if (end < 0) end = text.length;
    if (text.charCodeAt(at) === hash) noteType(text.slice(at, end), types);
    else {
      const series = parseLine(text, at, end, types);
      if (series) out.push(series);
    }
    at = end + 1;
  }
  return out;
}
const hash = 0x23;

function noteType(line: string, types: Map<string, string>): void {
  const match = /^#\s+TYPE\s+(\S+)\s+(\S+)/.exec(line);
  if (match) types.set(match[1] as string, match[2] as string);
}
const nameEnd = /[{\s]/g;
function parseLine(text: string, start: number, end: number, types: ReadonlyMap<string, string>): Series | undefined {
  nameEnd.lastIndex = start;
  const stop = nameEnd.exec(text)?.index ?? end;
  if (stop >= end || stop === start) return undefined;
  const name = text.slice(start, stop);
  let at = skipBlanks(text, stop);
  let labels: { [name: string]: string } = {};
  if (text[at] === '{') {
    const parsed = parseLabels(text, at + 1, end);
    if (!parsed) return undefined;
    [labels, at] = parsed;
  }
  const [word = ''] = text.slice(at, end).trimStart().split(/\s/, 1);
  const value = numberOf(word);
  if (value === undefined || 'le' in labels) return undefined;
  return { name, labels, value, counter: isCounter(name, types) };
}
function skipBlanks(text: string, at: number): number {
  while (text[at] === ' ' || text[at] === '\t') at++;
  return at;
}
/** The labels, and where they end. */
function parseLabels(text: string, start: number, end: number): [{ [name: string]: string }, number] | undefined {
  const labels: { [name: string]: string } = {};
  let at = start;
  for (;;) {
    while (text[at] === ',' || text[at] === ' ') at++;
    if (text[at] === '}') return [labels, at + 1];
    const equals = text.indexOf('=', at);
    const quote = skipBlanks(text, equals + 1);
    if (equals < 0 || quote >= end || text[quote] !== '"') return undefined;
    const key = text.slice(at, equals).trim();
    let value = '';
    at = quote + 1;
    for (;;) {
      if (at >= end) return undefined;
      const c = text[at++] as string;
      if (c === '"') break;
      if (c !== '\\') value += c;
      else {
        const escaped = text[at++] as string;
        value += escaped === 'n' ? '\n' : escaped;
      }
    }
    labels[key] = value;
  }
}
function numberOf(word: string): number | undefined {
  if (word === '') return undefined;
  const value = Number(word);
  return Number.isFinite(value) ? value : undefined;
}
function isCounter(name: string, types: ReadonlyMap<string, string>): boolean {
  const type = types.get(name) ?? types.get(name.replace(/_total$/, ''));
  if (type !== undefined) return type === 'counter';
  const of = types.get(name.replace(/_(sum|count)$/, ''));
  if (of === 'histogram' || of === 'summary') return true;
  return name.endsWith('_total');
}
