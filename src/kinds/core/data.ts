/** What ConfigMap and Secret have in common: maps of data, their limits and their immutability. */
import type { FieldError } from '#machinery';
import { forbidden, immutable, invalidValue, sameJson, tooLong } from '../support/errors.ts';
import { checked, validConfigKey } from '../support/names.ts';

const maxBytes = 1024 * 1024;

interface DataObject {
  data?: { [key: string]: string };
  binaryData?: { [key: string]: string };
  immutable?: boolean;
}

const encodedBytes = (base64: string): number => Math.floor((base64.length * 3) / 4) - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);

/** `base64` says how `data` is written; binaryData always is. */
export function validateData(object: DataObject, base64: boolean): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  for (const key in object.data) {
    errors.push(...checked(`data[${key}]`, key, validConfigKey));
    if (object.binaryData?.[key] !== undefined) errors.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    total += base64 ? encodedBytes(object.data[key]!) : Buffer.byteLength(object.data[key]!);
  }
  for (const key in object.binaryData) {
    errors.push(...checked(`binaryData[${key}]`, key, validConfigKey));
    total += encodedBytes(object.binaryData[key]!);
  }
  if (total > maxBytes) errors.push(tooLong(base64 ? 'data' : '', maxBytes));
  return errors;
}

export function validateImmutable(object: DataObject, old: DataObject | undefined): FieldError[] {
  if (old?.immutable !== true) return [];
  const errors: FieldError[] = [];
  if (object.immutable !== true) errors.push(forbidden('immutable', 'field is immutable when `immutable` is set'));
  for (const field of ['data', 'binaryData'] as const) {
    if (!sameJson(object[field] ?? {}, old[field] ?? {})) errors.push(forbidden(field, 'field is immutable when `immutable` is set'));
  }
  return errors;
}

export const typeChanged = (type: string | undefined, old: string | undefined): FieldError[] => (type === old ? [] : [immutable('type', type)]);
