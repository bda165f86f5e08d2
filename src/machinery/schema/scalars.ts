/** Checks of scalar values: each returns the value to keep, or reports what Go's decoder would say. */
import { parseQuantity } from '#base';
import type { Scalar } from './schema-set.ts';

/** Collects the first error, as Go's decoder does. `field` names the Go struct and the path. */
export interface Problems {
  error: string | undefined;
}

const jsonKind = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
};
const goTypes: { readonly [scalar in Scalar]: string } = {
  string: 'string',
  boolean: 'bool',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
  bytes: '[]uint8',
  time: 'string',
  microtime: 'string',
  intOrString: 'int32',
  quantity: 'string',
  json: 'interface {}',
};
export const goType = (scalar: Scalar): string => goTypes[scalar];

/** For example `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`. */
export function wrongType(value: unknown, goField: string, type: string): string {
  const what = typeof value === 'number' && /^u?int/.test(type) ? `number ${String(value)}` : jsonKind(value);
  return `json: cannot unmarshal ${what} into Go struct field ${goField} of type ${type}`;
}

const quantityText = String.raw`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`;
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;

/** Trims as Go's Quantity prints: no leading plus, no trailing zeros after the point, 0.5 as 500m, 1000m as 1. */
export function canonicalQuantity(text: string): string | undefined {
  if (/^(0|[1-9]\d*)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/.test(text) && !/000($|[mkMGTP])/.test(text)) {
    const binary = /^(\d+)(K|M|G|T|P)i$/.exec(text);
    if (!binary || Number(binary[1]) % 1024 !== 0 || text === '0') return /^0./.test(text) ? '0' : text;
  }
  const value = parseQuantity(text);
  if (value === undefined) return undefined;
  if (value === 0) return '0';
  return /[KMGTPE]i$/.test(text) ? binaryText(value) : /[eE][+-]?\d+$/.test(text) ? exponentText(value) : decimalText(value);
}

function binaryText(value: number): string {
  if (!Number.isInteger(value)) return decimalText(value);
  for (const [unit, suffix] of [
    [2 ** 60, 'Ei'],
    [2 ** 50, 'Pi'],
    [2 ** 40, 'Ti'],
    [2 ** 30, 'Gi'],
    [2 ** 20, 'Mi'],
    [1024, 'Ki'],
  ] as const) {
    if (value % unit === 0) return `${value / unit}${suffix}`;
  }
  return String(value);
}

function decimalText(value: number): string {
  for (const [unit, suffix] of [
    [1e18, 'E'],
    [1e15, 'P'],
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value % unit === 0) return `${value / unit}${suffix}`;
  }
  if (Number.isInteger(value)) return String(value);
  for (const [factor, suffix] of [
    [1e3, 'm'],
    [1e6, 'u'],
    [1e9, 'n'],
  ] as const) {
    const scaled = value * factor;
    const rounded = Math.round(scaled);
    if (Math.abs(scaled - rounded) < 1e-6) return `${rounded}${suffix}`;
  }
  // Finer than a billionth is rounded up, as in Go.
  return `${Math.ceil(value * 1e9)}n`;
}

function exponentText(value: number): string {
  if (!Number.isInteger(value)) return decimalText(value);
  let exponent = 0;
  let rest = value;
  while (rest % 1000 === 0) {
    rest /= 1000;
    exponent += 3;
  }
  return exponent === 0 ? String(rest) : `${rest}e${exponent}`;
}

const seenQuantities = new Map<string, string>();
function quantity(value: unknown, goField: string, problems: Problems): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') {
    problems.error ??= wrongType(value, goField, 'string');
    return value;
  }
  const text = String(value);
  const known = seenQuantities.get(text);
  if (known !== undefined) return known;
  const canonical = canonicalQuantity(text);
  if (canonical === undefined) {
    problems.error ??= /^[+-]?[0-9.]+[A-Za-z]+$/.test(text) ? `unable to parse quantity's suffix` : quantityText;
    return value;
  }
  if (seenQuantities.size > 1000) seenQuantities.clear();
  seenQuantities.set(text, canonical);
  return canonical;
}

const canonicalTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const canonicalMicroTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** Time has whole seconds and MicroTime six digits, both in UTC: clients of other languages send what their dates print as. */
function time(value: unknown, goField: string, problems: Problems, micro: boolean): unknown {
  if (typeof value !== 'string') {
    problems.error ??= wrongType(value, goField, 'string');
    return value;
  }
  const ms = timePattern.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(ms)) {
    const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
    problems.error ??= `parsing time ${JSON.stringify(value)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(value)} as "2006"`;
    return value;
  }
  if ((micro ? canonicalMicroTime : canonicalTime).test(value)) return value;
  const seconds = new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19);
  const fraction = /\.(\d+)/.exec(value)?.[1] ?? '';
  return micro ? `${seconds}.${fraction.slice(0, 6).padEnd(6, '0')}Z` : `${seconds}Z`;
}

/** The value to keep. Called for everything but plain strings and booleans of the right type. */
export function checkScalar(scalar: Scalar, value: unknown, goField: string, problems: Problems): unknown {
  switch (scalar) {
    case 'string':
      if (typeof value !== 'string') problems.error ??= wrongType(value, goField, 'string');
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') problems.error ??= wrongType(value, goField, 'bool');
      return value;
    case 'int32':
      if (typeof value !== 'number' || (value | 0) !== value) problems.error ??= wrongType(value, goField, 'int32');
      return value;
    case 'int64':
      if (typeof value !== 'number' || !Number.isInteger(value)) problems.error ??= wrongType(value, goField, 'int64');
      return value;
    case 'double':
      if (typeof value !== 'number') problems.error ??= wrongType(value, goField, 'float64');
      return value;
    case 'bytes':
      if (typeof value !== 'string') problems.error ??= wrongType(value, goField, '[]uint8');
      else if (value.length % 4 !== 0 || !base64Pattern.test(value)) problems.error ??= `illegal base64 data at input byte ${firstBadByte(value)}`;
      return value;
    case 'intOrString':
      if (typeof value !== 'string' && (typeof value !== 'number' || (value | 0) !== value)) problems.error ??= wrongType(value, goField, 'int32');
      return value;
    case 'quantity':
      return quantity(value, goField, problems);
    case 'time':
      return time(value, goField, problems, false);
    case 'microtime':
      return time(value, goField, problems, true);
    case 'json':
      return value;
  }
}

function firstBadByte(text: string): number {
  const at = text.search(/[^A-Za-z0-9+/]/);
  return at < 0 ? text.length - (text.length % 4) : at;
}
