import { compareQuantity, quantityToNumber } from '#base';
import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1LimitRange, V1LimitRangeItem } from '../generated/types.ts';
import { createdAtColumn, nameColumn } from '../support/columns.ts';
import { duplicate, forbidden, invalidValue, required } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';
import { isOvercommitAllowed, validateLimitName } from '../support/resources.ts';

const types = ['Container', 'PersistentVolumeClaim', 'Pod'];
const maps = ['max', 'min', 'maxLimitRequestRatio'] as const;
const defaulted = ['default', 'defaultRequest'] as const;

function defaultItem(item: V1LimitRangeItem): void {
  if (item.type !== 'Container') return;
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = limits;
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

function validateType(at: string, type: string): FieldError[] {
  const errors = checked(`${at}.type`, type, qualifiedName);
  return errors.length > 0 || type.includes('/') || types.includes(type)
    ? errors
    : [invalidValue(`${at}.type`, type, 'must be a standard limit type or fully qualified')];
}

/** The order that the values of one resource must keep: min ≤ default request ≤ default ≤ max. */
function validateOrder(at: string, item: V1LimitRangeItem, key: string): FieldError[] {
  const [min, max, limit, request, ratio] = [
    item.min?.[key],
    item.max?.[key],
    item.default?.[key],
    item.defaultRequest?.[key],
    item.maxLimitRequestRatio?.[key],
  ];
  const errors: FieldError[] = [];
  const ordered = (small: string | undefined, big: string | undefined, field: string, shown: string | undefined, names: [string, string]): void => {
    if (small === undefined || big === undefined || compareQuantity(small, big) <= 0) return;
    errors.push(invalidValue(`${at}.${field}[${key}]`, shown, `${names[0]} value ${small} is greater than ${names[1]} value ${big}`));
  };
  ordered(min, max, 'min', min, ['min', 'max']);
  ordered(min, request, 'defaultRequest', request, ['min', 'default request']);
  ordered(request, max, 'defaultRequest', request, ['default request', 'max']);
  ordered(request, limit, 'defaultRequest', request, ['default request', 'default limit']);
  ordered(min, limit, 'default', min, ['min', 'default']);
  ordered(limit, max, 'default', max, ['default', 'max']);
  if (ratio !== undefined) {
    const value = quantityToNumber(ratio);
    if (value < 1) errors.push(invalidValue(`${at}.maxLimitRequestRatio[${key}]`, ratio, `ratio ${ratio} is less than 1`));
    const span = min === undefined || max === undefined ? Infinity : quantityToNumber(max) / quantityToNumber(min);
    if (value > span) errors.push(invalidValue(`${at}.maxLimitRequestRatio[${key}]`, ratio, `ratio ${ratio} is greater than max/min = ${span.toFixed(6)}`));
  }
  if (!isOvercommitAllowed(key) && request !== undefined && limit !== undefined && compareQuantity(request, limit) !== 0)
    errors.push(invalidValue(`${at}.defaultRequest[${key}]`, request, `default value ${limit} must equal to defaultRequest value ${request} in ${key}`));
  return errors;
}

function validateItem(at: string, item: V1LimitRangeItem): FieldError[] {
  const errors = validateType(at, item.type);
  const keys = new Set<string>();
  const collect = (field: (typeof maps)[number] | (typeof defaulted)[number]): void => {
    for (const key in item[field]) {
      errors.push(...validateLimitName(`${at}.${field}[${key}]`, key, item.type));
      keys.add(key);
    }
  };
  for (const field of maps) collect(field);
  for (const field of defaulted) {
    if (item.type !== 'Pod') collect(field);
    else if (Object.keys(item[field] ?? {}).length > 0) errors.push(forbidden(`${at}.${field}`, "may not be specified when `type` is 'Pod'"));
  }
  if (item.type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined)
    errors.push(required(`${at}.limits`, 'either minimum or maximum storage value is required, but neither was provided'));
  for (const key of keys) errors.push(...validateOrder(at, item, key));
  return errors;
}

export const LimitRange: Kind<V1LimitRange> = defineKind<V1LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  namespaced: true,
  schema: 'V1LimitRange',
  createOnUpdate: true,
  columns: [nameColumn, createdAtColumn],
  defaults: (range) => range.spec?.limits?.forEach(defaultItem),
  validate(range) {
    const seen = new Set<string>();
    return (range.spec?.limits ?? []).flatMap((item, i) => {
      const at = `spec.limits[${i}]`;
      const twice = seen.has(item.type) ? [duplicate(`${at}.type`, item.type)] : [];
      seen.add(item.type);
      return [...twice, ...validateItem(at, item)];
    });
  },
});
