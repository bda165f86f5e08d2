/** Builders of validation findings with the texts of Kubernetes. */
import type { FieldError } from '#machinery';

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  return JSON.stringify(value);
}

export const required = (field: string, detail = ''): FieldError => ({
  field,
  reason: 'FieldValueRequired',
  message: detail ? `Required value: ${detail}` : 'Required value',
});
export const invalidValue = (field: string, value: unknown, detail: string): FieldError => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${shown(value)}: ${detail}`,
});
export const unsupported = (field: string, value: unknown, values: readonly string[]): FieldError => ({
  field,
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${shown(value)}: supported values: ${values
    .toSorted()
    .map((v) => `"${v}"`)
    .join(', ')}`,
});
/** As `unsupported`, with the values in the order they are given: some validations of Kubernetes do not sort them. */
export const unsupportedOf = (field: string, value: unknown, values: readonly string[]): FieldError => ({
  field,
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${shown(value)}: supported values: ${values.map((v) => `"${v}"`).join(', ')}`,
});
export const duplicate = (field: string, value: unknown): FieldError => ({ field, reason: 'FieldValueDuplicate', message: `Duplicate value: ${shown(value)}` });
export const forbidden = (field: string, detail: string): FieldError => ({ field, reason: 'FieldValueForbidden', message: `Forbidden: ${detail}` });
export const notFoundValue = (field: string, value: unknown): FieldError => ({ field, reason: 'FieldValueNotFound', message: `Not found: ${shown(value)}` });
export const tooLong = (field: string, bytes: number): FieldError => ({
  field,
  reason: 'FieldValueTooLong',
  message: `Too long: may not be more than ${bytes} bytes`,
});

export const tooMany = (field: string, actual: number, most: number): FieldError => ({
  field,
  reason: 'FieldValueTooMany',
  message: `Too many: ${actual}: must have at most ${most} ${most === 1 ? 'item' : 'items'}`,
});
/** A finding that shows no value: about the field as a whole. */
export const invalidHere = (field: string, detail: string): FieldError => ({ field, reason: 'FieldValueInvalid', message: `Invalid value: ${detail}` });

export const immutable = (field: string, value: unknown): FieldError => invalidValue(field, value, 'field is immutable');

/** A finding when an immutable field's value is another one than it was. */
export const unchanged = (field: string, value: unknown, old: unknown): FieldError[] => (sameJson(value, old) ? [] : [immutable(field, value)]);

/** One of `values` (named in their order), or a finding. */
export function oneOf(field: string, value: string | undefined, values: readonly string[]): FieldError[] {
  if (value === undefined || value === '') return [required(field)];
  return values.includes(value) ? [] : [unsupportedOf(field, value, values)];
}

export function nonNegative(field: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalidValue(field, value, 'must be greater than or equal to 0')] : [];
}

/** Deep equality of plain JSON where an absent field equals undefined. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (!sameJson(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}
