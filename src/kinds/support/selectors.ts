/** Label selectors as workload kinds use them. */
import type { FieldError, LabelSelector } from '#machinery';
import { forbidden, invalidValue, required } from './errors.ts';
import { checked, qualifiedName, validLabelValue } from './names.ts';

export function validateLabelSelector(field: string, selector: LabelSelector | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in selector?.matchLabels) {
    errors.push(...checked(`${field}.matchLabels`, key, qualifiedName), ...checked(`${field}.matchLabels`, selector.matchLabels[key]!, validLabelValue));
  }
  selector?.matchExpressions?.forEach((expression, i) => {
    const at = `${field}.matchExpressions[${i}]`;
    const values = expression.values ?? [];
    if (expression.operator === 'In' || expression.operator === 'NotIn') {
      if (values.length === 0) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (expression.operator === 'Exists' || expression.operator === 'DoesNotExist') {
      if (values.length > 0) errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else errors.push(invalidValue(`${at}.operator`, expression.operator, 'not a valid selector operator'));
    errors.push(...checked(`${at}.key`, expression.key, qualifiedName));
    values.forEach((value, v) => errors.push(...checked(`${at}.values[${v}]`, value, validLabelValue)));
  });
  return errors;
}

export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;

export function selectorMatches(selector: LabelSelector, labels: { [key: string]: string } = {}): boolean {
  for (const key in selector.matchLabels) if (labels[key] !== selector.matchLabels[key]) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'In') return value !== undefined && values.includes(value);
    if (operator === 'NotIn') return value === undefined || !values.includes(value);
    return (operator === 'Exists') === (value !== undefined);
  });
}

/** The text form, as `kubectl get -o wide` and Scale show it. */
export function formatSelector(selector: LabelSelector | undefined): string {
  const parts = Object.keys(selector?.matchLabels ?? {}).map((key) => ({ key, text: `${key}=${selector!.matchLabels![key]!}` }));
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    const list = `(${values.toSorted().join(',')})`;
    const text = operator === 'In' ? `${key} in ${list}` : operator === 'NotIn' ? `${key} notin ${list}` : operator === 'Exists' ? key : `!${key}`;
    parts.push({ key, text });
  }
  return parts
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map((part) => part.text)
    .join(',');
}

/** A plain label map as text, `<none>` when empty. */
export function formatLabels(labels: { [key: string]: string } | undefined): string {
  const keys = Object.keys(labels ?? {}).toSorted();
  return keys.length === 0 ? '<none>' : keys.map((key) => `${key}=${labels![key]!}`).join(',');
}
