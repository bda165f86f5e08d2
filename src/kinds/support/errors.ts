/** Builders of validation findings with the texts of Kubernetes: those of machinery, and some more. */
import { equalJson, fieldErrors, type FieldError } from '#machinery';

export const { required, invalidValue, duplicate, forbidden, tooLong, tooMany } = fieldErrors;
/** With the values in the order they are given: some validations of Kubernetes do not sort them. */
export const unsupportedOf = fieldErrors.unsupported;
export const unsupported = (field: string, value: unknown, values: readonly string[]): FieldError => unsupportedOf(field, value, values.toSorted());
export const notFoundValue = (field: string, value: unknown): FieldError => ({
  field,
  reason: 'FieldValueNotFound',
  message: `Not found: ${fieldErrors.shown(value)}`,
});
/** A finding that shows no value: about the field as a whole. */
export const invalidHere = (field: string, detail: string): FieldError => ({ field, reason: 'FieldValueInvalid', message: `Invalid value: ${detail}` });

export const immutable = (field: string, value: unknown): FieldError => invalidValue(field, value, 'field is immutable');

/** A finding when an immutable field's value is another one than it was. */
export const unchanged = (field: string, value: unknown, old: unknown): FieldError[] => (equalJson(value, old) ? [] : [immutable(field, value)]);

/** One of `values` (named in their order), or a finding. */
export function oneOf(field: string, value: string | undefined, values: readonly string[]): FieldError[] {
  if (value === undefined || value === '') return [required(field)];
  return values.includes(value) ? [] : [unsupportedOf(field, value, values)];
}

export function nonNegative(field: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalidValue(field, value, 'must be greater than or equal to 0')] : [];
}

export { equalJson as sameJson };
