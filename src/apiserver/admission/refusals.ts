import { ApiError, type StatusCause } from '#machinery';
import type { AdmissionRequest } from '../types.ts';

type Subject = Pick<AdmissionRequest, 'kind' | 'name' | 'object'>;
/** Name and resource of a request, as refusals show them. An object without a name yet goes by its generateName. */
export function subjectOf({ kind, name, object }: Subject, causes?: StatusCause[]): { text: string; details: NonNullable<ApiError['details']> } {
  const called = name || object.metadata?.name || object.metadata?.generateName || 'Unknown';
  const qualified = kind.group ? `${kind.plural}.${kind.group}` : kind.plural;
  const details = { name: called, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural, ...(causes ? { causes } : {}) };
  return { text: `${qualified} ${JSON.stringify(called)} is forbidden`, details };
}
/** `pods "web" is forbidden: WHY`, as a kube-apiserver's admission says no. */
export function forbidden(request: Subject, why: string): ApiError {
  const { text, details } = subjectOf(request);
  return new ApiError('Forbidden', `${text}: ${why}`, details);
}

/** Several findings as one text: one alone is itself, more are in brackets; the same is said once. */
export function aggregate(errors: readonly string[]): string {
  const once = [...new Set(errors)];
  return once.length === 1 ? (once[0] as string) : `[${once.join(', ')}]`;
}
