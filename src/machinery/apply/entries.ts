import type { FieldError } from '../errors.ts';
import { invalidValue, tooLong } from '../field-errors.ts';
import type { Json, ManagedFieldsEntry, ObjectMeta } from '../object.ts';
import { isObject } from './types.ts';

/**
 * Entries of managedFields as a client sent them: those of one writer become one (the last counts). Undefined when
 * one cannot be read; then none of them counts, and nobody is told (the field manager of kube-apiserver).
 */
export function readEntries(sent: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] | undefined {
  const out = new Map<string, ManagedFieldsEntry>();
  for (const entry of sent) {
    if (!isReadable(entry)) return undefined;
    const { manager = '', operation, apiVersion, subresource = '' } = entry;
    const id = JSON.stringify([manager, operation, operation === 'Apply' ? '' : apiVersion, subresource]);
    out.set(id, entry);
  }
  return [...out.values()];
}
function isReadable({ operation, apiVersion, fieldsType, fieldsV1 }: ManagedFieldsEntry): boolean {
  if ((operation !== 'Apply' && operation !== 'Update') || !apiVersion || fieldsType !== 'FieldsV1') return false;
  return fieldsV1 === undefined || fieldsV1 === null || isFieldSet(fieldsV1);
}
function isFieldSet(value: Json): boolean {
  if (!isObject(value)) return false;
  for (const element in value) if (!isElement(element) || !isFieldSet(value[element] as Json)) return false;
  return true;
}
function isElement(element: string): boolean {
  if (element === '.') return true;
  const text = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'f:':
      return true;
    case 'i:':
      return /^-?\d+$/.test(text);
    case 'k:':
      return isObject(parsed(text));
    case 'v:':
      return parsed(text) !== undefined;
    default:
      return false;
  }
}
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // an element that anyone can write; it is not one of ours
  }
}

/** `[]` and `[{}]` say that nothing is to be tracked any more. */
export function resets(sent: ObjectMeta['managedFields']): boolean {
  return sent !== undefined && (sent.length === 0 || (sent.length === 1 && Object.keys(sent[0] as object).length === 0));
}

const longestManager = 128;
const longestSubresource = 256;
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** ValidateManagedFields of apimachinery, of entries that could be read. */
export function entryFindings(entries: readonly ManagedFieldsEntry[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, { manager = '', subresource = '' }] of entries.entries()) {
    const at = `metadata.managedFields[${i}]`;
    if (Buffer.byteLength(manager) > longestManager) errors.push(tooLong(`${at}.manager`, longestManager));
    if (unprintable.test(manager)) errors.push(invalidValue(`${at}.manager`, manager, 'should only contain printable characters'));
    if (Buffer.byteLength(subresource) > longestSubresource) errors.push(tooLong(`${at}.subresource`, longestSubresource));
  }
  return errors;
}
