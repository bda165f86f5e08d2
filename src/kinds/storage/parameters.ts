/** Opaque parameters of storage drivers. */
import type { FieldError } from '#machinery';
import { invalidValue, required, tooLong } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';

/** Who makes the volumes: a qualified name, whose findings show it in small letters. */
export function validateProvisioner(field: string, name: string | undefined): FieldError[] {
  return name ? checked(field, name.toLowerCase(), qualifiedName) : [required(field)];
}

const maxBytes = 256 * 1024;
const maxKeys = 512;

export function validateParameters(parameters: { [key: string]: string } | undefined, mayBeEmpty: boolean): FieldError[] {
  const keys = Object.keys(parameters ?? {});
  if (keys.length === 0) return mayBeEmpty ? [] : [required('parameters', 'must contain at least one key/value pair')];
  if (keys.length > maxKeys) return [tooLong('parameters', maxKeys)];
  const errors = keys.includes('') ? [invalidValue('parameters', '', 'field can not be empty.')] : [];
  const size = keys.reduce((sum, key) => sum + Buffer.byteLength(key) + Buffer.byteLength(parameters![key]!), 0);
  return size > maxBytes ? [...errors, tooLong('parameters', maxBytes)] : errors;
}
