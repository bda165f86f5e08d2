import { invalid, userAgentManager, type ApiError, type FieldError, type FieldValidation } from '#machinery';
import { bodyType } from './negotiate.ts';
import { queryOf } from './request-info.ts';
import type { Exchange } from './types.ts';

/** CreateOptions, UpdateOptions, PatchOptions: how a write is to be made. */
export interface WriteQuery {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
}

const kinds: { readonly [verb: string]: string } = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
};
const longestManager = 128;

/** Throws Invalid with everything that is wrong with them. */
export function writeQuery({ info, request }: Exchange): WriteQuery {
  const apply = info.verb === 'patch' && bodyType(request) === 'application/apply-patch+yaml';
  const fallback = (): string => (apply ? '' : userAgentManager(request.headers['user-agent']));
  if (!info.query && !apply) return { dryRun: false, fieldManager: fallback(), fieldValidation: 'Warn' };
  const query = queryOf(info);
  const errors: FieldError[] = [];
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  checkDryRun(dryRun, errors);
  const fieldManager = query.get('fieldManager') || fallback();
  checkManager(fieldManager, apply, errors);
  const fieldValidation = validationOf(query.get('fieldValidation'), errors);
  if (info.verb === 'patch' && !apply && query.has('force'))
    errors.push({ field: 'force', reason: 'FieldValueForbidden', message: 'Forbidden: may not be specified for non-apply patch' });
  if (errors.length > 0) throw refused(kinds[info.verb] ?? 'CreateOptions', errors);
  return { dryRun: dryRun.length > 0, fieldManager, fieldValidation };
}

export function checkDryRun(values: readonly unknown[], errors: FieldError[]): void {
  if (values.every((value) => value === 'All')) return;
  const list = values.map((value) => JSON.stringify(value)).join(', ');
  errors.push({ field: 'dryRun', reason: 'FieldValueNotSupported', message: `Unsupported value: []string{${list}}: supported values: "All"` });
}
function checkManager(manager: string, apply: boolean, errors: FieldError[]): void {
  const field = 'fieldManager';
  if (apply && manager === '') errors.push({ field, reason: 'FieldValueRequired', message: 'Required value: is required for apply patch' });
  if (Buffer.byteLength(manager) > longestManager)
    errors.push({ field, reason: 'FieldValueTooLong', message: `Too long: may not be more than ${longestManager} bytes` });
  for (const { 0: char, index } of manager.matchAll(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu)) {
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    errors.push({
      field,
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${JSON.stringify(manager)}: invalid character U+${code} (at position ${Buffer.byteLength(manager.slice(0, index))})`,
    });
  }
}
function validationOf(value: string | null, errors: FieldError[]): FieldValidation {
  if (value === null || value === '') return 'Warn';
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value;
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: "", "Ignore", "Strict", "Warn"`;
  errors.push({ field: 'fieldValidation', reason: 'FieldValueNotSupported', message });
  return 'Warn';
}

export function refused(kind: string, errors: readonly FieldError[]): ApiError {
  return invalid({ group: 'meta.k8s.io', plural: kind.toLowerCase(), kind }, '', errors);
}
