import { rewritesFirst } from '../cost-rules.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { formatDouble } from '../numbers.ts';
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp, second, timestampOf } from '../time.ts';
import { Duration, Timestamp, TypeValue, typeNameOf, Uint, type CelMap, type List, type Value } from '../values.ts';
import { runes } from './strings.ts';

const fail = (text: string): never => {
  throw new CelError(text);
};
const inInt = (value: bigint): bigint => (BigInt.asIntN(64, value) === value ? value : fail('integer overflow'));
const inUint = (value: bigint): Uint => (BigInt.asUintN(64, value) === value ? new Uint(value) : fail('unsigned integer overflow'));

function wholePart(value: number, signed: boolean): bigint {
  const overflow = signed ? 'integer overflow' : 'unsigned integer overflow';
  if (!Number.isFinite(value) || (signed ? Math.abs(value) >= 2 ** 63 : value < 0 || value >= 2 ** 64)) fail(overflow);
  return BigInt(Math.trunc(value));
}
function parseInteger(text: string, unsigned: boolean): bigint {
  const name = unsigned ? 'ParseUint' : 'ParseInt';
  if (!(unsigned ? /^\d+$/ : /^[+-]?\d+$/).test(text)) fail(`strconv.${name}: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = BigInt(text.replace(/^\+/, ''));
  if (unsigned ? value >= 2n ** 64n : BigInt.asIntN(64, value) !== value) fail(`strconv.${name}: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
}
function parseDouble(text: string): number {
  if (/^[+-]?(inf|infinity)$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return NaN;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) fail(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}
const trueTexts = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const falseTexts = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);
function parseBool(text: string): boolean {
  if (trueTexts.has(text)) return true;
  return falseTexts.has(text) ? false : fail(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}
function decodeUtf8(value: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return fail('invalid UTF-8 in bytes, cannot convert to string');
  }
}
const identity = (value: Value): Value => value;

/** Conversions, size() and type(). */
export const conversions: readonly FunctionSpec[] = [
  ...['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'].map((type): FunctionSpec => [`${type}(${type}) ${type}`, identity]),
  ['dyn(A) dyn', identity],
  ['type(A) type<A>', (value) => new TypeValue(typeNameOf(value))],
  ['bool(string) bool', parseBool],
  ['int(uint) int', (value: Uint) => inInt(value.value)],
  ['int(double) int', (value: number) => wholePart(value, true)],
  ['int(string) int', (text: string) => parseInteger(text, false)],
  ['int(timestamp) int', (time: Timestamp) => time.seconds],
  ['int(duration) int', (value: Duration) => value.nanos / second],
  ['uint(int) uint', inUint],
  ['uint(double) uint', (value: number) => new Uint(wholePart(value, false))],
  ['uint(string) uint', (text: string) => new Uint(parseInteger(text, true))],
  ['double(int) double', Number],
  ['double(uint) double', (value: Uint) => Number(value.value)],
  ['double(string) double', parseDouble],
  ['string(bool) string', String],
  ['string(int) string', String],
  ['string(uint) string', (value: Uint) => String(value.value)],
  ['string(double) string', formatDouble],
  ['string(bytes) string', decodeUtf8, rewritesFirst],
  ['string(timestamp) string', formatTimestamp],
  ['string(duration) string', formatDuration],
  ['bytes(string) bytes', (text: string) => new TextEncoder().encode(text), rewritesFirst],
  [
    'timestamp(string) timestamp',
    (text: string) => parseTimestamp(text) ?? fail(`parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse`),
  ],
  ['timestamp(int) timestamp', (seconds: bigint) => timestampOf(seconds, 0) ?? fail('timestamp overflow')],
  ['duration(string) duration', (text: string) => parseDuration(text) ?? fail(`time: invalid duration ${JSON.stringify(text)}`)],
  ...['size(string) int', 'string.size() int'].map((signature): FunctionSpec => [signature, (text: string) => BigInt(runes(text))]),
  ...['size(bytes) int', 'bytes.size() int'].map((signature): FunctionSpec => [signature, (value: Uint8Array) => BigInt(value.length)]),
  ...['size(list<A>) int', 'list<A>.size() int'].map((signature): FunctionSpec => [signature, (list: List) => BigInt(list.items.length)]),
  ...['size(map<K, V>) int', 'map<K, V>.size() int'].map((signature): FunctionSpec => [signature, (map: CelMap) => BigInt(map.size)]),
];
