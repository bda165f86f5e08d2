/** Rules of paths inside volumes. */
import type { FieldError } from '#machinery';
import { invalidValue } from '../support/errors.ts';

export function validateNoBacksteps(field: string, path: string): FieldError[] {
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : [];
}
/** Relative, and never upwards. */
export function validateDescendingPath(field: string, path: string): FieldError[] {
  return [...(path.startsWith('/') ? [invalidValue(field, path, 'must be a relative path')] : []), ...validateNoBacksteps(field, path)];
}
/** Descending, and not with the two dots that the writer of volumes uses for itself. */
export function validateLocalPath(field: string, path: string): FieldError[] {
  const errors = validateDescendingPath(field, path);
  if (path.startsWith('..') && !path.startsWith('../')) errors.push(invalidValue(field, path, "must not start with '..'"));
  return errors;
}
