import { joins, readsFirst, replaces, rewritesFirst, searches, splits } from '../cost-rules.ts';
import { CelError, checkLength } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { List } from '../values.ts';
import { formatText } from './format-text.ts';

const outOfRange = (index: bigint): never => {
  throw new CelError(`index out of range: ${index}`);
};
/** Code points: offsets of CEL count them. Plain ASCII is its own list. */
const points = (text: string): readonly string[] | string => (/^[\0-\x7f]*$/.test(text) ? text : [...text]);
const joined = (part: readonly string[] | string): string => (typeof part === 'string' ? part : part.join(''));

function charAt(text: string, index: bigint): string {
  const all = points(text);
  if (index < 0n || index > BigInt(all.length)) outOfRange(index);
  return all[Number(index)] ?? '';
}
function indexOf(text: string, part: string, from = 0n): bigint {
  const all = points(text);
  if (from < 0n || from > BigInt(all.length)) outOfRange(from);
  if (part === '') return from;
  const found = text.indexOf(part, joined(all.slice(0, Number(from))).length);
  return found < 0 ? -1n : BigInt(points(text.slice(0, found)).length);
}
function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const all = points(text);
  if (from !== undefined && (from < 0n || from >= BigInt(all.length))) outOfRange(from);
  if (part === '') return from ?? BigInt(all.length);
  const found = text.lastIndexOf(part, from === undefined ? undefined : joined(all.slice(0, Number(from))).length);
  return found < 0 ? -1n : BigInt(points(text.slice(0, found)).length);
}
function substring(text: string, start: bigint, end?: bigint): string {
  const all = points(text);
  const size = BigInt(all.length);
  if (end !== undefined && start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > size) outOfRange(start);
  if (end !== undefined && (end < 0n || end > size)) outOfRange(end);
  return joined(all.slice(Number(start), end === undefined ? undefined : Number(end)));
}
function replace(text: string, from: string, to: string, count = -1n): string {
  const most = Math.floor(text.length / Math.max(1, from.length)) + 1;
  checkLength(text.length + to.length * (count < 0n ? most : Math.min(most, Number(count))));
  if (count < 0n) return text.replaceAll(from, () => to);
  const parts = from === '' ? ['', ...text, ''] : text.split(from);
  const head = parts.slice(0, Number(count) + 1);
  return head.join(to) + (parts.length > head.length ? from + parts.slice(head.length).join(from) : '');
}
function split(text: string, separator: string, limit = -1n): List {
  if (limit === 0n) return new List([]);
  const parts = separator === '' ? [...text] : text.split(separator);
  if (limit < 0n || parts.length <= Number(limit)) return new List(parts);
  const head = parts.slice(0, Number(limit) - 1);
  return new List([...head, parts.slice(head.length).join(separator)]);
}
function join(list: List, separator = ''): string {
  const texts = list.items.filter((item) => typeof item === 'string');
  if (texts.length < list.items.length) throw new CelError('no such overload');
  checkLength(texts.reduce((sum, text) => sum + text.length + separator.length, 0));
  return texts.join(separator);
}
const quotes: { readonly [char: string]: string | undefined } = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};
/** Unicode's White_Space. */
const space =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;

/** cel-go's strings extension. */
export const strings: readonly FunctionSpec[] = [
  ['string.charAt(int) string', charAt],
  ['string.indexOf(string) int', (text: string, part: string) => indexOf(text, part), searches],
  ['string.indexOf(string, int) int', (text: string, part: string, from: bigint) => indexOf(text, part, from), searches],
  ['string.lastIndexOf(string) int', (text: string, part: string) => lastIndexOf(text, part), searches],
  ['string.lastIndexOf(string, int) int', (text: string, part: string, from: bigint) => lastIndexOf(text, part, from), searches],
  ['string.lowerAscii() string', (text: string) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase()), rewritesFirst],
  ['string.upperAscii() string', (text: string) => text.replace(/[a-z]+/g, (part) => part.toUpperCase()), rewritesFirst],
  ['string.replace(string, string) string', (text: string, from: string, to: string) => replace(text, from, to), replaces],
  ['string.replace(string, string, int) string', (text: string, from: string, to: string, count: bigint) => replace(text, from, to, count), replaces],
  ['string.split(string) list<string>', (text: string, separator: string) => split(text, separator), splits],
  ['string.split(string, int) list<string>', (text: string, separator: string, limit: bigint) => split(text, separator, limit), splits],
  ['string.substring(int) string', (text: string, start: bigint) => substring(text, start), rewritesFirst],
  ['string.substring(int, int) string', (text: string, start: bigint, end: bigint) => substring(text, start, end), rewritesFirst],
  ['string.trim() string', (text: string) => text.replace(space, ''), rewritesFirst],
  ['string.reverse() string', (text: string) => [...text].toReversed().join(''), rewritesFirst],
  ['list<string>.join() string', (list: List) => join(list), joins],
  ['list<string>.join(string) string', (list: List, separator: string) => join(list, separator), joins],
  ['string.format(list<dyn>) string', (text: string, list: List) => formatText(text, list.items), readsFirst],
  ['strings::quote(string) string', (text: string) => `"${[...text].map((c) => quotes[c] ?? c).join('')}"`, rewritesFirst],
];
