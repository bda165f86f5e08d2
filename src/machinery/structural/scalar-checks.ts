import { invalidValue, tooLong, unsupported, wrongValueType } from '../field-errors.ts';
import type { FieldError } from '../errors.ts';
import type { Json } from '../object.ts';
import { runes } from '../cel/std/strings.ts';
import { compileRegex } from '../regex.ts';
import { formats } from './formats.ts';
import { equalJson } from '../equal.ts';
import { type JSONSchemaProps } from './types.ts';

/** Go's names for JSON types, as they stand in the texts. */
export function jsonType(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

/** Findings that the real server hangs on no field. */
export const noField = '<nil>';

/** The text of kube-openapi's type failures; the value shown is the name of the type that came. */
export const typeFailure = (path: string, expected: string, shown: string): FieldError =>
  wrongValueType(path, shown, `${path} in body must be of type ${expected}: ${JSON.stringify(shown)}`);

export function checkType(value: Json, schema: JSONSchemaProps, expected: readonly string[], path: string, errors: FieldError[]): void {
  const actual = jsonType(value);
  const numeric = expected.includes('number') || expected.includes('integer');
  // With a format, a string or list of the wrong type is left to the format's own check.
  if (schema.format && !numeric && (actual === 'string' || actual === 'array')) return;
  if (expected.includes(actual) || (actual === 'integer' && expected.includes('number'))) return;
  errors.push(typeFailure(path, expected.join(','), actual));
}

/** Only the first failure of a string is reported. */
export function checkString(text: string, schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  const { maxLength, minLength, pattern } = schema;
  if (maxLength !== undefined && text.length > maxLength && runes(text) > maxLength) errors.push(tooLong(path, maxLength));
  else if (minLength !== undefined && runes(text) < minLength)
    errors.push(invalidValue(path, text, `${path} in body should be at least ${minLength} chars long`));
  else if (pattern) checkPattern(text, pattern, path, errors);
}

function checkPattern(text: string, pattern: string, path: string, errors: FieldError[]): void {
  let shown = pattern;
  try {
    if (compileRegex(pattern).test(text)) return;
  } catch (error) {
    shown = `${pattern}, but pattern is invalid: ${error instanceof Error ? error.message : String(error)}`;
  }
  errors.push(invalidValue(path, text, `${path} in body should match '${shown}'`));
}

export function checkFormat(text: string, format: string, path: string, errors: FieldError[]): void {
  const rule = Object.hasOwn(formats, format) ? formats[format] : undefined;
  if (rule !== undefined && !rule(text)) errors.push(wrongValueType(path, text, `${path} in body must be of type ${format}: ${JSON.stringify(text)}`));
}

const ranges: { readonly [format: string]: readonly [number, number] | undefined } = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint64: [0, 2 ** 64],
};

function checkRange(value: number, schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  const format = schema.format ?? '';
  if (schema.type !== 'integer') return;
  const range = Object.hasOwn(ranges, format) ? ranges[format] : ranges['int64'];
  if (range === undefined || (value >= range[0] && value <= range[1])) return;
  const what = format ? `with format ${format}` : '(default format)';
  errors.push(invalidValue(noField, '', `Checked value must be of type integer ${what} in ${path}`));
}

export function checkNumber(value: number, schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  const { maximum, minimum, multipleOf } = schema;
  checkRange(value, schema, path, errors);
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    errors.push(invalidValue(path, value, `${path} in body should be a multiple of ${multipleOf}`));
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
    errors.push(invalidValue(path, value, `${path} in body should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`));
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
    errors.push(invalidValue(path, value, `${path} in body should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`));
}

function isMultiple(value: number, factor: number): boolean {
  const times = factor < 1 ? (1 / factor) * value : value / factor;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

export function checkEnum(value: Json, allowed: readonly Json[], path: string, errors: FieldError[]): void {
  if (value !== null && allowed.some((item) => equalJson(item, value))) return;
  errors.push(
    unsupported(
      path,
      value,
      allowed.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))),
    ),
  );
}
