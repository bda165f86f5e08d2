/** Counts that may be percentages (intstr.IntOrString), as rolling updates and disruption budgets have them. */
import type { FieldError } from '#machinery';
import { invalidValue, nonNegative } from './errors.ts';

type IntOrPercent = number | string | undefined;
const percent = /^[0-9]+%$/;

/** A whole number from 0, or a percentage from 0%. */
export function validateIntOrPercent(field: string, value: IntOrPercent): FieldError[] {
  if (typeof value === 'number') return nonNegative(field, value);
  if (value === undefined || percent.test(value)) return [];
  const text = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
  return [invalidValue(field, value, text)];
}

/** The number, or the number before the percent sign; 0 for anything else. */
export function intOrPercentValue(value: IntOrPercent): number {
  if (typeof value === 'number') return value;
  return value !== undefined && percent.test(value) ? Number.parseInt(value, 10) : 0;
}

export function atMost100Percent(field: string, value: IntOrPercent): FieldError[] {
  const over = typeof value === 'string' && intOrPercentValue(value) > 100;
  return over ? [invalidValue(field, value, 'must not be greater than 100%')] : [];
}
